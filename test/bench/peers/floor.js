import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Redis } from "ioredis";
import pg from "pg";

/**
 * A lower bound: no service on Node's HTTP server can be faster. FLOOR says what it does for each request:
 *
 *   bytes    it writes the operation's given text
 *   headers  it writes the text, with the operation's given headers
 *   redis    it fetches the text from Redis
 *   sql      it runs one statement, written by hand for the operation
 *
 * FLOOR_FILE is JSON. It has the text, the headers and the statement under each operation's name.
 */
const { PORT, DATABASE_URL, REDIS_URL, FLOOR, FLOOR_FILE } = process.env;
const operations = JSON.parse(readFileSync(FLOOR_FILE, "utf8"));
const plain = ["content-type", "application/json; charset=utf-8"];
const LATEST = ["infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff"];

const answer = await {
  async bytes() {
    return ({ text }, _, send) => send(text, plain);
  },
  async headers() {
    return ({ text, headers }, _, send) => send(text, headers);
  },
  async redis() {
    const redis = new Redis(REDIS_URL);
    for (const [name, { text }] of Object.entries(operations)) await redis.set(`floor:${name}`, text);
    return ({ name }, _, send) => redis.get(`floor:${name}`).then((text) => send(text, plain));
  },
  async sql() {
    const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 });
    return ({ name, statement }, body, send) => {
      const { id, after } = JSON.parse(body).variables;
      const values = id === undefined ? (after ? after.split("/") : LATEST) : [id];
      return pool
        .query({ name, text: statement, values })
        .then(({ rows }) => send(`{"data":${rows[0].data}}`, plain));
    };
  },
}[FLOOR]();

const byMark = Object.entries(operations).map(([name, operation]) => [
  `query ${name}`,
  { name, ...operation },
]);

createServer((req, res) => {
  const chunks = [];
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    // The operation's name is at the beginning of the body.
    const head = body.latin1Slice(0, 24);
    const found = byMark.find(([mark]) => head.includes(mark));
    void answer(found[1], body, (text, headers) => {
      res.writeHead(200, [...headers, "content-length", String(Buffer.byteLength(text))]).end(text);
    });
  });
}).listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
