import { inject } from "vitest";
import { atEndOfFile } from "./cleanup.ts";
import { launchRedis, type RedisOptions } from "./redisServer.ts";
import type { TestServer } from "./server.ts";

/** The Redis of this run. All test files share it: prefix your keys, and never flush it. */
export function redisUrl(): string {
  return inject("redisUrl");
}

/** A Redis server of the caller's own, which may be killed and restarted. It stops when the test file ends. */
export async function startRedis(options: RedisOptions = {}): Promise<TestServer> {
  const server = await launchRedis(options);
  atEndOfFile(server.stop);
  return server;
}
