/**
 * The process of the embedded database. PGlite computes within the event loop, so a service that shared the
 * loop could answer nothing meanwhile. embedded.ts starts this process, which reports its state to its parent
 * by IPC.
 */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { pg_trgm } from "@electric-sql/pglite/contrib/pg_trgm";
import { lockDirectory } from "./embeddedLock.ts";
import { createMaintenance } from "./embeddedMaintenance.ts";
import { serveWire } from "./embeddedWire.ts";

/** What this process tells its parent. */
export type EmbeddedReport =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "failed"; readonly message: string };

const MAINTENANCE_INTERVAL_MS = 30_000;
const IDLE_IN_TRANSACTION_MS = 60_000;
/**
 * More than the pool of any one service, since its tools connect too. A client costs little: all share one
 * session.
 */
const MAX_CONNECTIONS = 200;

// The process ends when its parent does, in whatever way, and not before. A signal that a terminal or a
// supervisor sends to all processes at once must not take the database away from a service that is still
// answering its last requests.
const parentIsGone = new Promise<void>((resolve) => process.once("disconnect", resolve));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
// The parent reads what is printed. Once the parent is gone, printing must not raise an error.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

await main(process.argv[2] ?? "").catch((error: unknown) => {
  report({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
});
if (process.connected) process.disconnect();

async function main(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const unlock = await lockDirectory(directory);
  try {
    const database = await open(directory);
    const wire = await serveWire(database, {
      maxConnections: MAX_CONNECTIONS,
      idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
    });
    const maintain = createMaintenance(database);
    const maintenance = setInterval(() => {
      wire
        .exclusively(async () => void (await maintain()))
        .catch((error: unknown) => console.error("maintenance failed:", error));
    }, MAINTENANCE_INTERVAL_MS);
    report({ type: "ready", port: wire.port });

    // To stop the process, too, the parent disconnects: one way to end is tested more often than two.
    await parentIsGone;
    clearInterval(maintenance);
    await wire.close();
    await database.close();
  } finally {
    await unlock();
  }
}

async function open(directory: string): Promise<PGlite> {
  const dataDir = join(directory, "postgres");
  const marker = join(directory, "initialized");
  // Creating a cluster takes seconds. What an interrupted creation left is useless, and no client has seen
  // it.
  if (!existsSync(marker)) await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const database = await PGlite.create({
    dataDir,
    extensions: { pg_trgm },
    // Each answer waits until the file system has the data. That means the operating system's memory: PGlite
    // has no fsync, so the data outlives this process, but not a power failure of the machine.
    relaxedDurability: false,
  });
  await writeFile(marker, "", { mode: 0o600 });
  return database;
}

function report(message: EmbeddedReport): void {
  if (process.connected) process.send?.(message);
}
