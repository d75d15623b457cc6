import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { createRefusals } from "../../src/auth/refusals.ts";
import type { AuditRecord } from "../../src/repositories/auditEntry.ts";
import { createTestRepositories } from "../support/repositories.ts";
import { keyOf } from "../support/rows.ts";
import { asUser, bearer, startAuthenticated } from "./service.ts";

const user = (n: number) => `User:${keyOf(n)}`;
const project = `Project:${keyOf(1)}`;
const LOG = `{ auditEntries(first: 100) {
  nodes { action actorId actor { username } credential target details requestId address count }
} }`;

describe("the audit log", async () => {
  const service = await startAuthenticated();
  const admin = await asUser(keyOf(3));
  const entries = async () => (await service.ask(LOG, {}, admin)).data.auditEntries.nodes;
  /** The answer to a request, and the entries that the request adds to the log. */
  const addedBy = async (query: string, headers: Record<string, string> = admin) => {
    const before = (await entries()).length;
    const answer = await service.ask(query, {}, { ...headers, "x-request-id": "request-1" });
    const all = await entries();
    return { answer, added: all.slice(0, all.length - before) };
  };
  const byAdmin = {
    actorId: user(3),
    actor: { username: "user 3" },
    credential: "token:test",
    requestId: "request-1",
    address: "127.0.0.1",
    count: 1,
  };

  test.each([
    [
      "a change of a role",
      `mutation { updateUser(input: { id: "${user(2)}", role: WORKER }) { user { id } } }`,
      { action: "updateUser", target: user(2), details: '{"role":"WORKER","changed":["role"]}' },
    ],
    [
      "a change of another user",
      `mutation { updateUser(input: { id: "${user(2)}", email: "a@example.com" }) { user { id } } }`,
      { action: "updateUser", target: user(2), details: '{"changed":["email"]}' },
    ],
    [
      "an administrator's change of a project",
      `mutation { updateProject(input: { id: "${project}", name: "renamed" }) { project { id } } }`,
      { action: "updateProject", target: project, details: null },
    ],
    [
      "an invalidation of cached answers",
      'mutation { invalidateCache(input: { tags: ["User#"] }) { tags } }',
      { action: "invalidateCache", target: null, details: '{"tags":["User#"]}' },
    ],
    [
      "a reset of statistics",
      "mutation { resetCacheStatistics(input: {}) { figures } }",
      { action: "resetCacheStatistics", target: null, details: null },
    ],
  ])("records %s", async (_, query, entry) => {
    const { answer, added } = await addedBy(query);
    expect(answer.errors).toBeUndefined();
    expect(added).toEqual([{ ...byAdmin, ...entry }]);
  });

  test("records that a key is created and revoked, by its id and without its secret", async () => {
    const { answer, added } = await addedBy(
      `mutation { createApiKey(input: { userId: "${user(1)}", name: "ci", scopes: [JOBS_WORK] }) { secret apiKey { id } } }`,
    );
    const { secret, apiKey } = answer.data.createApiKey;
    const details = JSON.stringify({ name: "ci", scopes: ["jobs:work"], userId: user(1) });
    expect(added).toMatchObject([{ ...byAdmin, action: "createApiKey", target: apiKey.id }]);
    expect(JSON.parse(added[0].details)).toEqual(JSON.parse(details));
    expect(JSON.stringify(added)).not.toContain(secret.slice(4));
    const revoked = await addedBy(
      `mutation { revokeApiKey(input: { id: "${apiKey.id}" }) { apiKey { id } } }`,
    );
    expect(revoked.added).toEqual([{ ...byAdmin, action: "revokeApiKey", target: apiKey.id, details: null }]);
  });

  test("does not record what users change about themselves, what is refused, and what is repeated", async () => {
    const own = await asUser(keyOf(1));
    const rename = `mutation { updateUser(input: { id: "${user(1)}", username: "me" }) { user { id } } }`;
    expect((await addedBy(rename, own)).added).toEqual([]);
    const nobody = `mutation { deleteUser(input: { id: "${user(99)}" }) { deletedId } }`;
    const { answer, added } = await addedBy(nobody);
    expect(answer.errors?.[0].extensions.code).toBe("NOT_FOUND");
    expect(added).toEqual([]);
    const repeated = `mutation { updateUser(input: { id: "${user(2)}", role: USER, idempotencyKey: "once" }) { user { id } } }`;
    expect((await addedBy(repeated)).added).toHaveLength(1);
    expect((await addedBy(repeated)).added).toEqual([]);
  });

  test("commits an entry together with its change, and neither if one of them fails", async () => {
    await service.pool.query("ALTER TABLE audit_entries RENAME TO hidden");
    const change = `mutation { updateUser(input: { id: "${user(2)}", role: ADMIN }) { user { id } } }`;
    const { errors } = await service.ask(change, {}, admin);
    await service.pool.query("ALTER TABLE hidden RENAME TO audit_entries");
    expect(errors?.[0].extensions.code).toBe("INTERNAL_SERVER_ERROR");
    const { rows } = await service.pool.query("SELECT role FROM users WHERE id = $1", [keyOf(2)]);
    expect(rows).toEqual([{ role: "USER" }]);
  });

  test("records that a credential was refused, without the credential", async () => {
    const before = (await entries()).length;
    await service.ask("{ viewer { id } }", {}, { ...bearer("guessed-token"), "x-request-id": "request-2" });
    await expect.poll(async () => (await entries()).length).toBe(before + 1);
    const [entry] = await entries();
    expect(entry).toEqual({
      action: "authenticationFailed",
      actorId: null,
      actor: null,
      credential: null,
      target: null,
      details: '{"problem":"malformed"}',
      requestId: "request-2",
      address: "127.0.0.1",
      count: 1,
    });
  });
});

test("an attack writes a bounded number of entries, and then one that says how many more there were", async () => {
  const records: AuditRecord[] = [];
  const refusals = createRefusals({
    record: async (record) => void records.push(record),
    log: pino({ level: "silent" }),
    maxPerMinute: 3,
    windowMs: 100,
  });
  const note = () => refusals.note({ problem: "badSignature", requestId: "r", address: "192.0.2.1" });
  for (let count = 0; count < 1_000; count++) note();
  expect(records.map(({ count }) => count)).toEqual([1, 1, 1]);
  while (records.length < 4) await sleep(10);
  expect(records.map(({ count }) => count)).toEqual([1, 1, 1, 997]);
  expect(records.at(-1)).toMatchObject({ details: { problem: "more" }, address: null });
  note();
  await refusals.close();
  expect(records).toHaveLength(5);
});

test("entries are kept for the given number of days", async () => {
  const { repositories, pool } = await createTestRepositories();
  await pool.query(
    `INSERT INTO audit_entries (action, created_at)
     SELECT 'day ' || n, now() - n * interval '1 day' + interval '1 hour' FROM generate_series(1, 2500) AS n`,
  );
  expect(await repositories.auditEntries.prune(3)).toBe(2_497);
  const { rows } = await repositories.auditEntries.findMany();
  expect(rows.map(({ action }) => action)).toEqual(["day 1", "day 2", "day 3"]);
});
