import { createServer } from "node:http";

/** What nothing in Node's HTTP server can be faster than: it writes the bytes it was given. */
const [port, body] = [Number(process.argv[2]), String(process.argv[3])];
const length = Buffer.byteLength(body);
createServer((_, res) => {
  res
    .writeHead(200, { "content-type": "application/json; charset=utf-8", "content-length": length })
    .end(body);
}).listen(port, "127.0.0.1", () => console.log("listening"));
