import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { withSession } from "../../src/database/session.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startCommand } from "../support/process.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

async function settings() {
  const folder = await mkdtemp(join(tmpdir(), "stack-converter-signals-"));
  atEndOfFile(() => rm(folder, { recursive: true, force: true }));
  const { url } = await createTestDatabase();
  return { url, env: { DATABASE_URL: url, BACKUP_DIRECTORY: join(folder, "backups") } };
}

test.each(["--help", "backup --new-key", "backup --list"])(
  "a reader that goes away ends the command without a stack trace: %s",
  async (command) => {
    const { env } = await settings();
    // `true` reads nothing, and has ended long before the command prints.
    const program = startCommand("/bin/sh", {
      args: ["-c", `"$0" "${CLI}" ${command} | true`, process.execPath],
      env,
    });
    await program.exited;
    expect(program.output()).toBe("");
  },
);

test("a reader of the progress that goes away does not end the command", async () => {
  const { env } = await settings();
  const script = `exec 3>&1; { "$0" "${CLI}" backup --format rows 2>&1 >&3; echo "exit code $?" >&3; } | true`;
  const program = startCommand("/bin/sh", { args: ["-c", script, process.execPath], env });
  await program.exited;
  expect(program.output()).toMatch(/\nexit code 0\n$/);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends a verification, and its database is dropped",
  async (signal) => {
    const { url, env } = await settings();
    const run = (command: string) => startCommand(process.execPath, { args: [CLI, command], env });
    expect(await run("backup").exited).toEqual({ code: 0, signal: null });
    await withSession(url, "test", async (client) => {
      const { rows } = await client.query<{ name: string }>(`SELECT current_database() AS "name"`);
      const left = async () =>
        (
          await client.query(
            "SELECT FROM pg_database WHERE starts_with(datname, $1) AND datname LIKE '%verifying%'",
            [rows[0]!.name.slice(0, 40)],
          )
        ).rowCount;
      const program = run("verify-backup");
      await expect.poll(left, { timeout: 20_000, interval: 10 }).toBe(1);
      expect(await program.stop({ signal })).toEqual({ code: 1, signal: null });
      expect(await left()).toBe(0);
    });
  },
);
