import { fileURLToPath } from "node:url";
import pg from "pg";
import { ACCESS_ENV, addAdministrator } from "./access.ts";
import { createTestDatabase } from "./postgres.ts";
import { type Program, startCommand } from "./process.ts";
import { insertRows } from "./rows.ts";
import { findFreePort } from "./server.ts";
import { UNLIMITED } from "./unlimited.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

/** A database with an administrator, and projects whose names are "0". */
export async function createServedDatabase(projects: number): Promise<string> {
  const { url } = await createTestDatabase();
  await addAdministrator(url);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    await insertRows(pool, { users: 1, projects });
    await pool.query("UPDATE projects SET name = '0'");
  } finally {
    await pool.end();
  }
  return url;
}

/** Runs the compiled `stack-converter serve` in its own process. It is killed when the test file ends. */
export async function startServing(
  env: Readonly<Record<string, string>>,
  { port, until = "GraphQL is at" }: { port?: number; until?: string } = {},
): Promise<Program & { readonly origin: string; readonly port: number }> {
  const chosen = port ?? (await findFreePort());
  const program = startCommand(process.execPath, {
    args: [CLI, "serve"],
    env: {
      ...ACCESS_ENV,
      ...UNLIMITED,
      NODE_ENV: "production",
      LOG_LEVEL: "info",
      HOST: "127.0.0.1",
      PORT: String(chosen),
      CACHE_WARM_COUNT: "0",
      ...env,
    },
  });
  await program.waitForLine(until, { timeoutMs: 60_000 });
  return { ...program, origin: `http://127.0.0.1:${chosen}`, port: chosen };
}
