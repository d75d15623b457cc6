import { createServer } from "node:http";

/**
 * The floor: nothing on Node's HTTP server can be faster. It writes the body and the headers that it was
 * given (the headers as a JSON array of names and values in turn).
 */
const [port, body, headers] = [
  Number(process.argv[2]),
  String(process.argv[3]),
  JSON.parse(process.argv[4]!),
];
createServer((_, res) => {
  res.writeHead(200, headers).end(body);
}).listen(port, "127.0.0.1", () => console.log("listening"));
