import { randomBytes } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { createTestRepositories } from "../support/repositories.ts";
import { insertRows, keyOf, timeOf } from "../support/rows.ts";

/** Reverses the text, which is enough to see what is stored and to which user it is bound. */
const cipher = {
  encrypt: (plaintext: string, associatedData: string) =>
    Buffer.from([...`${associatedData}/${plaintext}`].reverse().join("")),
  decrypt: (ciphertext: Buffer, associatedData: string) => {
    const [owner, plaintext] = [...ciphertext.toString()].reverse().join("").split("/");
    if (owner !== associatedData) throw new Error("not this user's");
    return plaintext!;
  },
};
const { pool, empty, repositories } = await createTestRepositories({ cipher });
const { users } = repositories;

beforeEach(empty);

const user = (n: number) => ({
  id: keyOf(n),
  githubId: String(1_000 + n),
  username: `user ${n}`,
  email: null,
  avatarUrl: null,
  role: "USER",
  createdAt: timeOf(n),
  updatedAt: timeOf(n),
});

test("finds users by id and by GitHub id, in the order of the keys, with null where there is none", async () => {
  await insertRows(pool, { users: 3 });

  expect(await users.findById(keyOf(2))).toEqual(user(2));
  expect(await users.findById(keyOf(9))).toBeNull();
  expect(await users.findByIds([keyOf(3), keyOf(9), keyOf(1), keyOf(3)])).toEqual([
    user(3),
    null,
    user(1),
    user(3),
  ]);
  expect(await users.findByIds([])).toEqual([]);
  expect(await users.findByGithubIds(["1003", "9", "1001"])).toEqual([user(3), null, user(1)]);
});

test("lists all users, oldest first, and counts them", async () => {
  await insertRows(pool, { users: 3 });

  expect(await users.findMany()).toEqual({
    rows: [user(1), user(2), user(3)],
    hasNextPage: false,
    hasPreviousPage: false,
  });
  expect(await users.count()).toBe(3);
});

test("a new user has a version 7 UUID, the role USER and the time of its insertion", async () => {
  const before = Date.now();
  const created = await users.create({ githubId: "583231", username: "octocat", email: "o@github.com" });

  expect(created).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    githubId: "583231",
    username: "octocat",
    email: "o@github.com",
    avatarUrl: null,
    role: "USER",
    createdAt: expect.any(Date),
    updatedAt: created.createdAt,
  });
  expect(created.createdAt.getTime()).toBeGreaterThanOrEqual(before - 1);
  expect(await users.findById(created.id)).toEqual(created);
});

test("a GitHub id that is taken is a CONFLICT, and nothing is written", async () => {
  await insertRows(pool, { users: 1 });

  await expect(users.create({ githubId: "1001", username: "other" })).rejects.toMatchObject({
    code: "CONFLICT",
  });
  expect(await users.findMany()).toMatchObject({ rows: [user(1)] });
});

test("an upsert creates, then updates the given fields, clears those that are null, and leaves the others", async () => {
  const created = await users.upsertByGithubId("7", {
    username: "a",
    email: "a@x.org",
    avatarUrl: "https://x/a",
  });
  await users.update(created.id, { role: "ADMIN" });

  const updated = await users.upsertByGithubId("7", { username: "b", email: null });

  expect(updated).toEqual({
    ...created,
    username: "b",
    email: null,
    avatarUrl: "https://x/a",
    role: "ADMIN",
    updatedAt: expect.any(Date),
  });
  expect(await users.count()).toBe(1);
});

test("20 concurrent upserts of one new GitHub id make one row, and each returns that row", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => users.upsertByGithubId("42", { username: `name ${n}` })),
  );

  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  expect(answers.map(({ username }) => username)).toEqual(Array.from({ length: 20 }, (_, n) => `name ${n}`));
  expect(await users.count()).toBe(1);
});

test("an update changes the given fields and updatedAt; without a row it is NOT_FOUND", async () => {
  await insertRows(pool, { users: 1 });

  const updated = await users.update(keyOf(1), { username: "new", role: "WORKER" });
  expect(updated).toEqual({ ...user(1), username: "new", role: "WORKER", updatedAt: expect.any(Date) });
  expect(updated.updatedAt.getTime()).toBeGreaterThan(timeOf(1).getTime());
  await expect(users.update(keyOf(9), { username: "new" })).rejects.toMatchObject({
    code: "NOT_FOUND",
    details: { type: "User", id: keyOf(9) },
  });
});

test("deleting a user deletes their projects, files, jobs and token, and no other user's", async () => {
  await insertRows(pool, { users: 2, projects: 4, jobs: 8 });
  await repositories.projectFiles.add(keyOf(1), [{ path: "a", sizeBytes: 1, language: null }], true);
  await users.setGithubToken(keyOf(1), "secret");

  await users.delete(keyOf(1));

  const { rows } = await pool.query(
    `SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM projects) AS projects,
            (SELECT count(*)::int FROM conversion_jobs) AS jobs, (SELECT count(*)::int FROM project_files) AS files,
            (SELECT count(*)::int FROM github_credentials) AS tokens`,
  );
  expect(rows).toEqual([{ users: 1, projects: 2, jobs: 4, files: 0, tokens: 0 }]);
  await expect(users.delete(keyOf(1))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("statistics count users by role, and those who own projects", async () => {
  expect(await users.statistics()).toEqual({ total: 0, byRole: [], withProjects: 0 });

  await insertRows(pool, { users: 5, projects: 3 });
  await users.update(keyOf(5), { role: "ADMIN" });
  expect(await users.statistics()).toEqual({
    total: 5,
    byRole: [
      { role: "USER", count: 4 },
      { role: "ADMIN", count: 1 },
    ],
    withProjects: 3,
  });
});

test("a token is stored encrypted for its user, replaced, read, and deleted", async () => {
  await insertRows(pool, { users: 2 });
  const token = `ghp_${randomBytes(18).toString("hex")}`;

  await users.setGithubToken(keyOf(1), "first");
  await users.setGithubToken(keyOf(1), token);
  expect(await users.getGithubToken(keyOf(1))).toBe(token);
  expect(await users.getGithubToken(keyOf(2))).toBeNull();
  const { rows } = await pool.query("SELECT user_id, ciphertext FROM github_credentials");
  expect(rows).toEqual([{ user_id: keyOf(1), ciphertext: cipher.encrypt(token, keyOf(1)) }]);

  await users.setGithubToken(keyOf(1), null);
  expect(await users.getGithubToken(keyOf(1))).toBeNull();
  await expect(users.setGithubToken(keyOf(9), token)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(users.setGithubToken(keyOf(9), null)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("the health check says of each repository whether its table can be read", async () => {
  expect(await repositories.healthCheck()).toEqual(
    ["users", "projects", "conversionJobs"].map((name) => ({
      name,
      isHealthy: true,
      latencyMs: expect.any(Number),
      message: null,
    })),
  );

  await pool.query("ALTER TABLE projects RENAME TO gone");
  expect((await repositories.healthCheck()).map(({ isHealthy, message }) => [isHealthy, message])).toEqual([
    [true, null],
    [false, "does not answer"],
    [true, null],
  ]);
  await pool.query("ALTER TABLE gone RENAME TO projects");
});
