import pg from "pg";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import {
  type AccessIo,
  runApiKeyCreate,
  runApiKeyList,
  runApiKeyRevoke,
  runGrant,
  runToken,
} from "../../src/commands/access.ts";
import { loadConfig } from "../../src/config.ts";
import { startAuthenticated } from "../auth/service.ts";
import { ACCESS_ENV } from "../support/access.ts";
import { atEndOfFile } from "../support/cleanup.ts";
import { createEmptyDatabase } from "../support/postgres.ts";

const VIEWER = { query: "{ viewer { id role } }" };

describe("on a new database, the command line", async () => {
  const { url } = await createEmptyDatabase();
  const outside = new pg.Pool({ connectionString: url, max: 1 });
  atEndOfFile(() => outside.end());
  const config = loadConfig({ ...ACCESS_ENV, NODE_ENV: "test", DATABASE_URL: url });
  /** Runs a command, and returns what it prints. */
  const printed = async (command: (io: AccessIo) => Promise<void>) => {
    const lines: string[] = [];
    await command({ print: (line) => lines.push(line), log: pino({ level: "silent" }) });
    return lines.join("\n");
  };
  let service: Awaited<ReturnType<typeof startAuthenticated>>;
  let userId: string;
  let key: string;
  const create = (name: string, scope: string) =>
    printed((io) => runApiKeyCreate(config, { user: userId, name, scope: [scope] }, io));

  test("creates the first administrator", async () => {
    const granted = await printed((io) =>
      runGrant(config, { githubId: "583231", username: "octocat", role: "ADMIN" }, io),
    );
    userId = /^(User:[0-9a-f-]{36}) \(octocat\) is ADMIN now\.$/.exec(granted)![1]!;
    await expect(printed((io) => runGrant(config, { githubId: "5", role: "USER" }, io))).rejects.toThrow(
      "There is no user with the GitHub id 5: --username adds one.",
    );
  });

  test("signs tokens and creates keys that the service accepts", async () => {
    service = await startAuthenticated({ DATABASE_URL: url });
    const token = await printed((io) => runToken(config, { user: "583231", hours: 1 }, io));
    key = await create("ci", "projects:read");
    expect(key).toMatch(/^sck_[\w-]{43}$/);
    for (const credential of [token, key]) {
      const { data } = await service.send(VIEWER, { authorization: `Bearer ${credential}` });
      expect(data).toEqual({ viewer: { id: userId, role: "ADMIN" } });
    }
  });

  test("refuses a scope that does not exist, and names the scopes that do", async () => {
    await expect(create("x", "everything")).rejects.toThrow(
      /^--scope: expected some of admin, .*, got everything\.$/,
    );
  });

  test("lists keys without their secrets, and revokes them", { timeout: 120_000 }, async () => {
    const [line] = (await printed((io) => runApiKeyList(config, io))).split("\n");
    const [id, prefix, state, name, owner, scopes] = line!.split("\t");
    expect([prefix, state, name, owner, scopes]).toEqual([
      key.slice(0, 12),
      "valid",
      "ci",
      userId,
      "projects:read",
    ]);
    // The revocation takes effect at once, even when the service has the key and the answer in its cache.
    await expect
      .poll(async () => (await service.send(VIEWER, { authorization: `Bearer ${key}` })).cached, {
        timeout: 60_000,
      })
      .toBe("hit");
    expect(await printed((io) => runApiKeyRevoke(config, key.slice(0, 12), io))).toBe(
      `${id} (ci) is revoked.`,
    );
    expect(await printed((io) => runApiKeyList(config, io))).toContain("\trevoked\t");
    await expect(printed((io) => runApiKeyRevoke(config, "sck_nothing0", io))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("records its actions in the audit log", async () => {
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
