import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBinaries } from "../support/binaries.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { pingRedis } from "../support/redisServer.ts";
import { startServer } from "../support/server.ts";

/**
 * Starts a Sentinel that watches a master. The master may be replaced once `quorum` Sentinels say that it has
 * been silent for `silenceMs`.
 */
export async function startSentinel(masterPort: number, { quorum = 1, silenceMs = 300 } = {}) {
  const command = findBinaries().redis;
  if (command === undefined) throw new Error("There is no redis-server on this machine.");
  const folder = mkdtempSync(join(tmpdir(), "stack-converter-sentinel-"));
  const file = join(folder, "sentinel.conf");
  writeFileSync(
    file,
    [
      `sentinel monitor main 127.0.0.1 ${masterPort} ${quorum}`,
      `sentinel down-after-milliseconds main ${silenceMs}`,
      "sentinel failover-timeout main 3000",
    ].join("\n"),
  );
  const server = await startServer({
    name: "sentinel",
    command,
    args: (port) => [file, "--sentinel", "--bind", "127.0.0.1", "--port", String(port)],
    url: (port) => `redis://127.0.0.1:${port}`,
    ping: pingRedis,
    stopSignal: "TERM",
    crashSignal: "SIGKILL",
  });
  atEndOfFile(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return server;
}
