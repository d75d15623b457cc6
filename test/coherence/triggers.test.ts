import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";

const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;

const HASH = "A".repeat(43);

describe("the tags that a statement leaves behind", () => {
  let client: pg.Client;
  let connectionString: string;
  beforeAll(async () => {
    connectionString = (await createTestDatabase()).url;
    client = new pg.Client({ connectionString });
    await client.connect();
  });
  afterAll(() => client.end());

  beforeEach(async () => {
    await client.query("TRUNCATE users CASCADE");
    await client.query(`
      INSERT INTO users (id, github_id, username) VALUES ('${id(1)}', '11', 'ada'), ('${id(2)}', '12', 'bob');
      INSERT INTO projects (id, user_id, name, github_url) VALUES
        ('${id(3)}', '${id(1)}', 'three', 'u'), ('${id(4)}', '${id(1)}', 'four', 'u');
      INSERT INTO conversion_jobs (id, project_id, plan) VALUES ('${id(5)}', '${id(3)}', '{}'), ('${id(6)}', '${id(4)}', '{}');
      INSERT INTO project_files (project_id, path, size_bytes) VALUES ('${id(3)}', 'a', 1), ('${id(3)}', 'b', 1)`);
    await client.query("DELETE FROM cache_invalidations");
  });

  const tagsOf = async (statement: string) => {
    await client.query(statement);
    const { rows } = await client.query<{ tag: string }>(
      'SELECT DISTINCT unnest(tags) COLLATE "C" AS tag FROM cache_invalidations ORDER BY 1',
    );
    return rows.map(({ tag }) => tag.replace(/0{8}-0000-7000-8000-0*/, ""));
  };

  const user = (n: number, githubId: number) => [`User:${n}`, `User@githubId=${githubId}`];
  const cases: [what: string, statement: string, tags: string[]][] = [
    [
      "a user that is inserted",
      `INSERT INTO users (id, github_id, username) VALUES ('${id(7)}', '17', 'x')`,
      ["User#", ...user(7, 17)],
    ],
    [
      "a user that is deleted without projects",
      `DELETE FROM users WHERE id = '${id(2)}'`,
      ["User#", ...user(2, 12)],
    ],
    ["a user whose avatar changes", `UPDATE users SET avatar_url = 'x' WHERE id = '${id(1)}'`, ["User:1"]],
    [
      "a user whose name changes",
      `UPDATE users SET username = 'x' WHERE id = '${id(1)}'`,
      ["User#", "User:1"],
    ],
    [
      "a user whose GitHub id changes",
      `UPDATE users SET github_id = '19' WHERE id = '${id(1)}'`,
      ["User#", "User:1", "User@githubId=11", "User@githubId=19"],
    ],
    [
      "two users that exchange their GitHub ids",
      `UPDATE users SET github_id = CASE github_id WHEN '11' THEN '21' ELSE '22' END`,
      [
        "User#",
        "User:1",
        "User:2",
        "User@githubId=11",
        "User@githubId=12",
        "User@githubId=21",
        "User@githubId=22",
      ],
    ],
    [
      "a user whose key changes, with its projects",
      `UPDATE users SET id = '${id(8)}' WHERE id = '${id(1)}'`,
      [
        "Project#",
        "Project:3",
        "Project:4",
        "Project@userId=1",
        "Project@userId=8",
        "User#",
        "User:1",
        "User:8",
        "User@githubId=11",
      ],
    ],
    [
      "an upsert that inserts",
      `INSERT INTO users (id, github_id, username) VALUES ('${id(7)}', '17', 'x') ON CONFLICT (github_id) DO UPDATE SET username = 'y'`,
      ["User#", ...user(7, 17)],
    ],
    [
      "an upsert that updates",
      `INSERT INTO users (id, github_id, username) VALUES ('${id(7)}', '11', 'x') ON CONFLICT (github_id) DO UPDATE SET email = 'y@y'`,
      ["User:1"],
    ],
    [
      "an upsert that does nothing",
      `INSERT INTO users (github_id, username) VALUES ('11', 'x') ON CONFLICT DO NOTHING`,
      [],
    ],
    ["a statement that touches no row", "UPDATE users SET username = 'x' WHERE false", []],
    [
      "a deleted user takes projects, files and jobs along",
      `DELETE FROM users WHERE id = '${id(1)}'`,
      [
        "ConversionJob#",
        "ConversionJob:5",
        "ConversionJob:6",
        "ConversionJob@projectId=3",
        "ConversionJob@projectId=4",
        "Project#",
        "Project:3",
        "Project:4",
        "Project@userId=1",
        "ProjectFile@projectId=3",
        "User#",
        ...user(1, 11),
      ],
    ],
    [
      "a project that is inserted",
      `INSERT INTO projects (id, user_id, name, github_url) VALUES ('${id(7)}', '${id(2)}', 'x', 'u')`,
      ["Project#", "Project:7", "Project@userId=2"],
    ],
    [
      "a project that changes",
      `UPDATE projects SET description = 'x' WHERE id = '${id(3)}'`,
      ["Project#", "Project:3", "Project@userId=1"],
    ],
    [
      "a project that changes its owner",
      `UPDATE projects SET user_id = '${id(2)}' WHERE id = '${id(3)}'`,
      ["Project#", "Project:3", "Project@userId=1", "Project@userId=2"],
    ],
    [
      "a deleted project takes files and jobs along",
      `DELETE FROM projects WHERE id = '${id(3)}'`,
      [
        "ConversionJob#",
        "ConversionJob:5",
        "ConversionJob@projectId=3",
        "Project#",
        "Project:3",
        "Project@userId=1",
        "ProjectFile@projectId=3",
      ],
    ],
    [
      "a job that is inserted",
      `INSERT INTO conversion_jobs (id, project_id, plan) VALUES ('${id(7)}', '${id(3)}', '{}')`,
      ["ConversionJob#", "ConversionJob:7", "ConversionJob@ownerId=1", "ConversionJob@projectId=3"],
    ],
    [
      "a job that makes progress",
      `UPDATE conversion_jobs SET progress = 50, current_task = 'x', results = '[1]' WHERE id = '${id(5)}'`,
      ["ConversionJob:5"],
    ],
    [
      "a job that starts",
      `UPDATE conversion_jobs SET status = 'RUNNING', started_at = now() WHERE id = '${id(5)}'`,
      [
        "ConversionJob#",
        "ConversionJob:5",
        "ConversionJob@ownerId=1",
        "ConversionJob@projectId=3",
        "Project#",
        "Project:3",
        "Project@userId=1",
      ],
    ],
    [
      "a job that ends without having begun, which does not affect its project",
      `UPDATE conversion_jobs SET status = 'CANCELLED', completed_at = now() WHERE id = '${id(5)}'`,
      ["ConversionJob#", "ConversionJob:5", "ConversionJob@ownerId=1", "ConversionJob@projectId=3"],
    ],
    [
      "a job whose lease is renewed",
      `UPDATE conversion_jobs SET worker_id = 'w', lease_seconds = 9, lease_expires_at = now() + interval '9 s',
              status = 'RUNNING', started_at = now() WHERE id = '${id(6)}';
       DELETE FROM cache_invalidations;
       UPDATE conversion_jobs SET lease_expires_at = now() + interval '10 s' WHERE id = '${id(6)}'`,
      ["ConversionJob:6"],
    ],
    [
      "events, however many, of one job",
      `INSERT INTO conversion_job_events (job_id, sequence, type, data) SELECT '${id(5)}', n, 'PROGRESS', '{}' FROM generate_series(1, 2000) n`,
      ["ConversionJobEvent@jobId=5"],
    ],
    [
      "a job that is deleted with its events",
      `INSERT INTO conversion_job_events (job_id, sequence, type, data) VALUES ('${id(5)}', 1, 'CREATED', '{}');
       DELETE FROM cache_invalidations;
       DELETE FROM conversion_jobs WHERE id = '${id(5)}'`,
      [
        "ConversionJob#",
        "ConversionJob:5",
        "ConversionJob@ownerId=1",
        "ConversionJob@projectId=3",
        "ConversionJobEvent@jobId=5",
      ],
    ],
    [
      "two jobs, one of which moves",
      `UPDATE conversion_jobs SET progress = 1, project_id = '${id(3)}'`,
      [
        "ConversionJob#",
        "ConversionJob:5",
        "ConversionJob:6",
        "ConversionJob@ownerId=1",
        "ConversionJob@projectId=3",
        "ConversionJob@projectId=4",
      ],
    ],
    [
      "a job that is deleted",
      `DELETE FROM conversion_jobs WHERE id = '${id(5)}'`,
      ["ConversionJob#", "ConversionJob:5", "ConversionJob@ownerId=1", "ConversionJob@projectId=3"],
    ],
    [
      "files, however many, of one project",
      `INSERT INTO project_files (project_id, path, size_bytes) SELECT '${id(4)}', n::text, n FROM generate_series(1, 5000) n`,
      ["ProjectFile@projectId=4"],
    ],
    [
      "a file that moves to another project",
      `UPDATE project_files SET project_id = '${id(4)}' WHERE path = 'a'`,
      ["ProjectFile@projectId=3", "ProjectFile@projectId=4"],
    ],
    ["a file that is deleted", "DELETE FROM project_files WHERE path = 'a'", ["ProjectFile@projectId=3"]],
    [
      "a credential, which is never cached",
      `INSERT INTO github_credentials (user_id, ciphertext) VALUES ('${id(1)}', 'x')`,
      [],
    ],
    [
      "an API key that is created, revoked and deleted",
      `INSERT INTO api_keys (id, user_id, name, prefix, hash) VALUES ('${id(7)}', '${id(1)}', 'k', 'p', '${HASH}');
       UPDATE api_keys SET revoked_at = now();
       DELETE FROM api_keys`,
      ["ApiKey:7", `ApiKey@hash=${HASH}`],
    ],
    [
      "an API key that is used",
      `INSERT INTO api_keys (id, user_id, name, prefix, hash) VALUES ('${id(7)}', '${id(1)}', 'k', 'p', '${HASH}');
       DELETE FROM cache_invalidations;
       UPDATE api_keys SET last_used_at = now()`,
      [],
    ],
    [
      "an API key that is revoked",
      `INSERT INTO api_keys (id, user_id, name, prefix, hash) VALUES ('${id(7)}', '${id(1)}', 'k', 'p', '${HASH}');
       DELETE FROM cache_invalidations;
       UPDATE api_keys SET revoked_at = now()`,
      ["ApiKey:7", `ApiKey@hash=${HASH}`],
    ],
    [
      "an entry of the audit log, which is never cached",
      "INSERT INTO audit_entries (action) VALUES ('x')",
      [],
    ],
    [
      "a TRUNCATE",
      "TRUNCATE conversion_jobs, conversion_job_events",
      ["ConversionJob!", "ConversionJobEvent!"],
    ],
    [
      "an idempotency key, which is never cached",
      "INSERT INTO idempotency_keys VALUES ('', 'k', 0, 'h')",
      [],
    ],
    [
      "a TRUNCATE that cascades",
      "TRUNCATE users CASCADE",
      ["ApiKey!", "ConversionJob!", "ConversionJobEvent!", "Project!", "ProjectFile!", "User!"],
    ],
    [
      "1,000 rows",
      "INSERT INTO users (github_id, username) SELECT n, n FROM generate_series(1001, 2000) n RETURNING 1",
      expect.toSatisfy((tags) => tags.length === 2001),
    ],
    [
      "more than 1,000 rows",
      "INSERT INTO users (github_id, username) SELECT n, n FROM generate_series(1001, 2001) n",
      ["User!"],
    ],
    [
      "a data-modifying CTE",
      `WITH x AS (DELETE FROM conversion_jobs RETURNING 1) UPDATE users SET email = 'y@y' WHERE id = '${id(2)}'`,
      [
        "ConversionJob#",
        "ConversionJob:5",
        "ConversionJob:6",
        "ConversionJob@ownerId=1",
        "ConversionJob@projectId=3",
        "ConversionJob@projectId=4",
        "User:2",
      ],
    ],
    [
      "a MERGE",
      `MERGE INTO users USING (VALUES ('11'), ('18')) AS s(g) ON github_id = g WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, github_id, username) VALUES ('${id(8)}', g, g)`,
      [
        "ConversionJob#",
        "ConversionJob:5",
        "ConversionJob:6",
        "ConversionJob@projectId=3",
        "ConversionJob@projectId=4",
        "Project#",
        "Project:3",
        "Project:4",
        "Project@userId=1",
        "ProjectFile@projectId=3",
        "User#",
        "User:1",
        "User:8",
        "User@githubId=11",
        "User@githubId=18",
      ],
    ],
  ];

  it.each(cases)("%s", async (_, statement, tags) => {
    expect(await tagsOf(statement)).toEqual(tags);
  });

  it("are left even by a role that has no right to the outbox", async () => {
    await client.query(`
      DO $$ BEGIN CREATE ROLE coherence_test_writer; EXCEPTION WHEN duplicate_object THEN END $$;
      GRANT ALL ON users TO coherence_test_writer;`);
    await client.query("SET ROLE coherence_test_writer");
    try {
      await client.query(`UPDATE users SET avatar_url = 'x' WHERE id = '${id(1)}'`);
      await expect(client.query("SELECT FROM cache_invalidations")).rejects.toThrow("permission denied");
    } finally {
      await client.query("RESET ROLE; DROP OWNED BY coherence_test_writer; DROP ROLE coherence_test_writer");
    }
    expect(await tagsOf("SELECT 1")).toEqual(["User:1"]);
  });

  it("name the right owner of a job, even if it is written while its project changes hands", async () => {
    const other = new pg.Client({ connectionString });
    await other.connect();
    const insert = (n: number) =>
      `INSERT INTO conversion_jobs (id, project_id, plan) VALUES ('${id(n)}', '${id(3)}', '{}')`;
    const give = (n: number) => `UPDATE projects SET user_id = '${id(n)}' WHERE id = '${id(3)}'`;
    const waits = async () => {
      const { rows } = await client.query(
        "SELECT FROM pg_locks WHERE NOT granted AND relation = 'conversion_jobs'::regclass",
      );
      return rows.length > 0;
    };
    // The new owner's list is read after the change of hands. So each write of a job must either come before
    // that change or bump the new owner's tag.
    for (const [first, second, owners] of [
      [insert(7), give(2), ["ConversionJob@ownerId=1"]],
      [give(1), insert(8), ["ConversionJob@ownerId=1"]],
      [give(2), insert(9), ["ConversionJob@ownerId=2"]],
    ] as const) {
      await client.query("DELETE FROM cache_invalidations; BEGIN");
      await client.query(first);
      const ended = other.query(second);
      await vi.waitFor(async () => expect(await waits()).toBe(true), { timeout: 10_000, interval: 10 });
      await client.query("COMMIT");
      await ended;
      expect((await tagsOf("SELECT 1")).filter((tag) => tag.startsWith("ConversionJob@owner"))).toEqual(
        owners,
      );
    }
    await other.end();
  });

  it("vanish with a transaction that is rolled back", async () => {
    expect(await tagsOf("BEGIN; DELETE FROM users; ROLLBACK")).toEqual([]);
  });

  describe("when the transaction drains them", () => {
    const drain = async () => (await client.query("SELECT * FROM drain_cache_invalidations()")).rows[0];

    it("are returned once each, with those others have committed, which stay for the relay; with its id and the epoch", async () => {
      await client.query("INSERT INTO cache_invalidations (tags) VALUES ('{another}')");
      await client.query("BEGIN");
      await client.query("UPDATE users SET avatar_url = 'x'; UPDATE users SET avatar_url = 'y'");
      const { rows } = await client.query("SELECT pg_current_xact_id()::text AS xid");
      expect(await drain()).toEqual({
        xid: rows[0].xid,
        tags: [`User:${id(1)}`, `User:${id(2)}`, "another"],
        epoch: "0.none",
        epochState: "retired",
      });
      await client.query("COMMIT");
      expect(await tagsOf("SELECT 1")).toEqual(["another"]);
    });

    it("are null for a transaction that changed nothing, which is not given an id", async () => {
      await client.query("BEGIN");
      expect(await drain()).toEqual({ xid: null, tags: null, epoch: null, epochState: null });
      await client.query("COMMIT");
    });

    it("are refused to a transaction whose snapshot could show a past epoch", async () => {
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      await expect(drain()).rejects.toThrow("READ COMMITTED");
      await client.query("ROLLBACK");
    });

    it("send no notification; tags left for the relay do, also those of a change after the drain", async () => {
      const heard: string[] = [];
      client.on("notification", ({ channel }) => heard.push(channel));
      await client.query("LISTEN cache_invalidations");
      await client.query("BEGIN");
      await client.query("UPDATE users SET avatar_url = 'x'");
      await drain();
      await client.query("COMMIT");
      await client.query("SELECT 1");
      expect(heard).toEqual([]);
      await client.query("UPDATE users SET avatar_url = 'y'");
      await client.query("SELECT 1");
      expect(heard).toEqual(["cache_invalidations"]);
      await client.query("BEGIN");
      await drain();
      await client.query("UPDATE users SET avatar_url = 'z'");
      await client.query("COMMIT");
      await client.query("SELECT 1");
      expect(heard).toEqual(["cache_invalidations", "cache_invalidations"]);
      await client.query("UNLISTEN *");
    });
  });
});
