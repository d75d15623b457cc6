import { createServer } from "node:http";

/** What nothing in Node's HTTP server can be faster than: it writes the bytes it was given, headers (in turn, as JSON) and body. */
const [port, body, headers] = [
  Number(process.argv[2]),
  String(process.argv[3]),
  JSON.parse(process.argv[4]!),
];
createServer((_, res) => {
  res.writeHead(200, headers).end(body);
}).listen(port, "127.0.0.1", () => console.log("listening"));
