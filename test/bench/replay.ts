import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import pg from "pg";
import { ACCESS_ENV, AS_ADMINISTRATOR, addAdministrator } from "../support/access.ts";
import { launchPostgres } from "../support/postgresServer.ts";
import { launchRedis } from "../support/redisServer.ts";
import { insertRows } from "../support/rows.ts";
import { findFreePort } from "../support/server.ts";
import { UNLIMITED } from "../support/unlimited.ts";
import { has, machine, short, spreadOf } from "./machine.ts";
import { runWrk } from "./wrk.ts";

const HELP = `Compares a cached answer over HTTP with two bare node:http servers. The floor writes the same bytes. The bare floor
writes the same body with only the two headers that it cannot do without.

  npm run bench:replay -- [--seconds 3] [--rounds 5] [--connections 48] [--json] [--help]

Needs a build (npm run build), wrk (Debian's package of that name), and Linux for the processor time in
/proc. Where there is taskset, the servers have core 0 and wrk has core 1. The rounds of the
floors and of the service take turns.`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "48" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [seconds, rounds, connections] = [values.seconds, values.rounds, values.connections].map(Number);

if (!has("wrk")) throw new Error("wrk is missing: apt-get install wrk");
const pinned = (core: number, command: readonly string[]) =>
  has("taskset") ? ["taskset", "-c", String(core), ...command] : [...command];

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const children: ReturnType<typeof spawn>[] = [];

/** Starts a server on core 0, and waits for a line of its output. */
async function start(args: readonly string[], wanted: string, env: Record<string, string> = {}) {
  const [command, ...rest] = pinned(0, [process.execPath, ...args]);
  const child = spawn(command!, rest, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let output = "";
  child.stdout!.setEncoding("utf8");
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on("data", (chunk: string) => {
      // After the start a line comes for each request. It is read, so that the pipe is never full.
      if (output.includes(wanted)) return;
      output += chunk;
      if (output.includes(wanted)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`A server ended with ${code}: ${output}`)));
  });
  return child.pid!;
}

/** Processor time so far, in µs. A tick is a hundredth of a second on every Linux that Node runs on. */
function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Sends requests for `seconds`, through wrk in its own process. */
const load = (url: string, script: string) =>
  runWrk(pinned(1, ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url]), url);

const postgres = await launchPostgres();
const redis = await launchRedis();
const client = new Redis(redis.url);
const evalshaCalls = async () => {
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info("commandstats"));
  return Number(calls?.[1] ?? 0);
};
const script = join(tmpdir(), `stack-converter-replay-${process.pid}.lua`);
const results: object[] = [];
const NAMES = ["bare", "floor", "service"] as const;
type Name = (typeof NAMES)[number];
const OF_NODE = new Set(["connection", "date", "keep-alive", "transfer-encoding"]);
try {
  const servicePort = await findFreePort();
  const service = await start(["dist/cli.js", "serve"], "GraphQL is at", {
    ...ACCESS_ENV,
    NODE_ENV: "production",
    LOG_LEVEL: "info",
    PORT: String(servicePort),
    ...UNLIMITED,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
  });
  const pool = new pg.Pool({ connectionString: postgres.url });
  await addAdministrator(postgres.url);
  await insertRows(pool, { users: 20, projects: 20 });
  await pool.end();
  const url = `http://127.0.0.1:${servicePort}/graphql`;

  for (const [size, query] of [
    ["1 row", "{ projects(first: 1) { nodes { id name owner { id username } } } }"],
    ["20 rows", "{ projects(first: 20) { nodes { id name githubUrl status owner { id username } } } }"],
  ] as const) {
    for (const method of ["POST", "GET"] as const) {
      const body = JSON.stringify({ query });
      const path = method === "GET" ? `/graphql?query=${encodeURIComponent(query)}` : "/graphql";
      const headers = { accept: "application/json", "content-type": "application/json", ...AS_ADMINISTRATOR };
      const quoted = (text: string) => `[==[${text}]==]`;
      writeFileSync(
        script,
        `wrk.method = "${method}"\nwrk.path = ${quoted(path)}\nwrk.headers["accept"] = "application/json"\n` +
          `wrk.headers["content-type"] = "application/json"\nwrk.headers["authorization"] = "${AS_ADMINISTRATOR.authorization}"\n${method === "POST" ? `wrk.body = ${quoted(body)}\n` : ""}`,
      );
      let text = "";
      let sent: string[] = [];
      for (let attempt = 0; ; attempt++) {
        const response = await fetch(new URL(path, url), {
          method,
          headers,
          ...(method === "POST" && { body }),
        });
        text = await response.text();
        if (response.headers.get("cache-status")?.includes("hit")) {
          // Node writes the other headers by itself.
          sent = [...response.headers].filter(([name]) => !OF_NODE.has(name)).flat();
          break;
        }
        if (attempt === 1_000) throw new Error("Expected the service to answer from its cache, it does not.");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const startFloor = async (headers: readonly string[]) => {
        const port = await findFreePort();
        const args = ["test/bench/floor.ts", String(port), text, JSON.stringify(headers)];
        return { port, pid: await start(["--import", import.meta.resolve("tsx"), ...args], "listening") };
      };
      const bare = ["content-type", "application/json", "content-length", String(Buffer.byteLength(text))];
      const servers = {
        bare: await startFloor(bare),
        floor: await startFloor(sent),
        service: { pid: service, port: servicePort },
      };
      const samples: Record<Name, number[][]> = { bare: [], floor: [], service: [] };
      // Round -1 does not count: V8 compiles the code in it.
      for (let round = -1; round < rounds!; round++) {
        for (const name of NAMES) {
          const { pid, port } = servers[name];
          const [cpuBefore, callsBefore] = [cpuMicroseconds(pid), await evalshaCalls()];
          const { requests, perSecond } = await load(`http://127.0.0.1:${port}`, script);
          const sample = [
            perSecond,
            (cpuMicroseconds(pid) - cpuBefore) / requests,
            ((await evalshaCalls()) - callsBefore) / requests,
          ];
          if (round >= 0) samples[name].push(sample);
        }
      }
      const of = (name: Name, index: number) => spreadOf(samples[name].map((sample) => sample[index]!));
      const [bareRate, floorRate, rate] = [of("bare", 0), of("floor", 0), of("service", 0)];
      const [bareCpu, floorCpu, cpu] = [of("bare", 1), of("floor", 1), of("service", 1)];
      const calls = of("service", 2);
      const ratios = {
        perSecond: rate.median / floorRate.median,
        perSecondToBare: rate.median / bareRate.median,
        cpu: floorCpu.median / cpu.median,
        cpuToBare: bareCpu.median / cpu.median,
      };
      results.push({
        method,
        size,
        bytes: Buffer.byteLength(text),
        perSecond: { bare: bareRate, floor: floorRate, service: rate },
        cpuMicroseconds: { bare: bareCpu, floor: floorCpu, service: cpu },
        ratios,
        redisCallsPerRequest: calls.median,
      });
      if (!values.json) {
        const range = ({ median, min, max }: ReturnType<typeof spreadOf>) =>
          `${short(median)} (${short(min)}–${short(max)})`;
        console.log(
          `${method} ${size}, ${Buffer.byteLength(text)} B\n` +
            `  requests/s      bare ${range(bareRate)}, floor ${range(floorRate)}, service ${range(rate)}: ${short(ratios.perSecond)} of the floor, ${short(ratios.perSecondToBare)} of the bare one\n` +
            `  CPU µs/request  bare ${range(bareCpu)}, floor ${range(floorCpu)}, service ${range(cpu)}: ${short(ratios.cpu)} of the floor, ${short(ratios.cpuToBare)} of the bare one\n` +
            `  Redis calls/request ${short(calls.median)}`,
        );
      }
      for (const name of ["bare", "floor"] as const) process.kill(servers[name].pid);
    }
  }
  if (values.json) console.log(JSON.stringify({ machine: machine(), seconds, rounds, connections, results }));
  else console.log(`\n${machine()}; ${rounds} rounds of ${seconds} s, ${connections} connections`);
} finally {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill();
    await once(child, "exit");
  }
  client.disconnect();
  rmSync(script, { force: true });
  await redis.stop();
  await postgres.stop();
}
