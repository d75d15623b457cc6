import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { startAuthenticated } from "../auth/service.ts";
import { ACCESS_ENV } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createEmptyDatabase } from "../support/postgres.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSX = import.meta.resolve("tsx");
const VIEWER = { query: "{ viewer { id role } }" };

describe("on a new database, the command line", async () => {
  const { url } = await createEmptyDatabase();
  const outside = new pg.Pool({ connectionString: url, max: 1 });
  atEndOfFile(() => outside.end());
  const run = async (...args: string[]) => {
    const env = { ...process.env, ...ACCESS_ENV, DATABASE_URL: url, REDIS_URL: undefined, LOG_LEVEL: "info" };
    const command = ["--import", TSX, "src/cli.ts", ...args];
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: ROOT, env });
    return stdout.trimEnd();
  };
  let userId: string;
  let key: string;

  test("makes the first administrator", { timeout: 60_000 }, async () => {
    const granted = await run("grant", "--github-id", "583231", "--username", "octocat", "--role", "ADMIN");
    userId = /^(User:[0-9a-f-]{36}) \(octocat\) is ADMIN now\.$/.exec(granted)![1]!;
    await expect(run("grant", "--github-id", "5", "--role", "USER")).rejects.toMatchObject({
      stderr: "There is no user with the GitHub id 5: --username adds one.\n",
    });
  });

  test("signs tokens and makes keys, which the service knows", { timeout: 60_000 }, async () => {
    const service = await startAuthenticated({ DATABASE_URL: url });
    const token = await run("token", "--user", "583231", "--hours", "1");
    key = await run("api-key", "create", "--user", userId, "--name", "ci", "--scope", "projects:read");
    expect(key).toMatch(/^sck_[\w-]{43}$/);
    for (const credential of [token, key]) {
      const { data } = await service.send(VIEWER, { authorization: `Bearer ${credential}` });
      expect(data).toEqual({ viewer: { id: userId, role: "ADMIN" } });
    }
  });

  test("refuses a scope that does not exist, and names those that do", { timeout: 60_000 }, async () => {
    await expect(
      run("api-key", "create", "--user", userId, "--name", "x", "--scope", "everything"),
    ).rejects.toMatchObject({
      stderr: expect.stringMatching(/^--scope: expected some of admin, .*, got everything\.\n$/),
    });
  });

  test("lists keys without their secrets, and revokes them", { timeout: 60_000 }, async () => {
    const [line] = (await run("api-key", "list")).split("\n");
    const [id, prefix, state, name, owner, scopes] = line!.split("\t");
    expect([prefix, state, name, owner, scopes]).toEqual([
      key.slice(0, 12),
      "valid",
      "ci",
      userId,
      "projects:read",
    ]);
    expect(await run("api-key", "revoke", key.slice(0, 12))).toBe(`${id} (ci) is revoked.`);
    expect(await run("api-key", "list")).toContain("\trevoked\t");
    await expect(run("api-key", "revoke", "sck_nothing0")).rejects.toMatchObject({ code: 1 });
  });

  test("leaves what it did in the audit log", async () => {
    const { rows } = await outside.query(
      "SELECT action, credential, target FROM audit_entries ORDER BY created_at",
    );
    expect(rows).toEqual([
      { action: "grant", credential: "command line", target: null },
      { action: "createApiKey", credential: "command line", target: userId },
      { action: "revokeApiKey", credential: "command line", target: expect.stringMatching(/^ApiKey:/) },
    ]);
  });
});
