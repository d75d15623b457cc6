import { connect } from "node:net";
import { findBinaries } from "./binaries.ts";
import { startRedisContainer } from "./containers.ts";
import { startServer, type TestServer } from "./server.ts";

export interface RedisOptions {
  /** Arguments besides ours, as on the command line: `["--maxmemory", "10mb"]`. */
  readonly args?: readonly string[];
}

/** An empty Redis server, without persistence unless the arguments ask for it. */
export async function launchRedis(options: RedisOptions = {}): Promise<TestServer> {
  const args = ["--save", "", "--appendonly", "no", ...(options.args ?? [])];
  const command = findBinaries().redis;
  if (command === undefined) return startRedisContainer(args);
  return startServer({
    name: "redis",
    command,
    args: (port) => ["--bind", "127.0.0.1", "--port", String(port), "--dir", ".", ...args],
    url: (port) => `redis://127.0.0.1:${port}`,
    ping: pingRedis,
    stopSignal: "TERM",
    crashSignal: "SIGKILL",
  });
}

/** Sends one PING over a bare socket. A client library would reconnect by itself. */
export function pingRedis(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write("PING\r\n"));
    socket.setTimeout(2_000, () => socket.destroy(new Error("Redis does not answer within 2 seconds.")));
    socket.once("data", (answer) => {
      socket.destroy();
      // An error as the answer (`-LOADING …`) means that Redis runs but cannot serve yet.
      if (answer.toString().startsWith("+PONG")) resolve();
      else reject(new Error(`Redis answered PING with ${answer.toString().trim()}.`));
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("Redis closed the connection.")));
  });
}
