/**
 * The process of the embedded database: PGlite computes within the event loop, and a service
 * that shared it could answer nothing meanwhile. Started by embedded.ts, which it tells by IPC
 * how it fares.
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
/** More than any one service's pool, since its tools connect beside it. A client costs little: they share one session. */
const MAX_CONNECTIONS = 200;

// It ends when the parent does, in whatever way, and not before: a signal that a terminal or a
// supervisor sends to all processes at once must not take the database away from a service
// that is still answering its last requests.
const parentIsGone = new Promise<void>((resolve) => process.once("disconnect", resolve));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
// The parent reads what is printed; without it, printing must not be an error.
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

    // Stopping is the parent's hanging up, too: one way to end is tested more often than two.
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
  // Creating a cluster takes seconds. What an interrupted creation left is of no use, and no client has seen it.
  if (!existsSync(marker)) await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const database = await PGlite.create({
    dataDir,
    extensions: { pg_trgm },
    // Each answer waits until the file system has the data. It is the operating system's memory
    // that has it: PGlite has no fsync, so it outlives this process, but not the machine's power.
    relaxedDurability: false,
  });
  await writeFile(marker, "", { mode: 0o600 });
  return database;
}

function report(message: EmbeddedReport): void {
  if (process.connected) process.send?.(message);
}
