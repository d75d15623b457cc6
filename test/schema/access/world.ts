import { randomBytes } from "node:crypto";
import { createTestApp } from "../../support/app.ts";
import { openEvents } from "../../support/events.ts";
import { insertRows, keyOf } from "../../support/rows.ts";

/** The viewers, who are the columns of test/schema/access/expected.ts, and their `Authorization` headers. */
export const VIEWERS = {
  stranger: "nobody",
  owner: `USER ${keyOf(1)}`,
  other: `USER ${keyOf(2)}`,
  holder: `WORKER ${keyOf(3)}`,
  worker: `WORKER ${keyOf(4)}`,
  admin: `ADMIN ${keyOf(5)}`,
} as const;
export type ViewerName = keyof typeof VIEWERS;
export const VIEWER_NAMES = Object.keys(VIEWERS) as ViewerName[]; // Safe: its own keys.

export const id = (type: "User" | "Project" | "ConversionJob", n: number) => `${type}:${keyOf(n)}`;

/** The ids of Ada's rows. */
export const ADAS = {
  user: id("User", 1),
  project: id("Project", 1),
  /** RUNNING, under the holder's lease. */
  job: id("ConversionJob", 1),
  pending: id("ConversionJob", 3),
  paused: id("ConversionJob", 5),
  failed: id("ConversionJob", 7),
};
export const BOBS = {
  user: id("User", 2),
  project: id("Project", 2),
  job: id("ConversionJob", 2),
  pending: id("ConversionJob", 4),
  paused: id("ConversionJob", 6),
  failed: id("ConversionJob", 8),
};

/** Starts the service with the same rows for Ada and for Bob, and an administrator without rows. */
export async function createAccessWorld(env: Record<string, string> = {}) {
  const {
    app,
    execute,
    url: databaseUrl,
  } = await createTestApp({
    HOST: "127.0.0.1",
    ENCRYPTION_KEY: randomBytes(32).toString("hex"),
    ...env,
  });
  const { pool } = app.database;
  const { url } = await app.listen();

  async function reset(): Promise<void> {
    // The DELETE cascades to everything of the users. A TRUNCATE makes new files for every table and index,
    // which takes ten times as long for so few rows.
    await pool.query("DELETE FROM users; DELETE FROM idempotency_keys");
    await insertRows(pool, { users: 5, projects: 2, jobs: 8 });
    await pool.query(`
      UPDATE users SET role = 'WORKER' WHERE github_id IN ('1003', '1004');
      UPDATE users SET role = 'ADMIN' WHERE github_id = '1005';
      UPDATE users SET email = username || '@example.com';
      INSERT INTO api_keys (id, user_id, name, hash, prefix, scopes)
      SELECT id, id, 'k', left(md5(id::text) || md5(id::text), 43), 'sc', '{admin}' FROM users WHERE github_id IN ('1001', '1002');
      INSERT INTO project_files (project_id, path, size_bytes) SELECT id, 'src/index.js', 100 FROM projects;
      UPDATE conversion_jobs SET status = 'RUNNING', worker_id = 'w', worker_user_id = '${keyOf(3)}', lease_seconds = 3600,
             lease_expires_at = now() + interval '1 hour', fencing_token = 1, started_at = now() WHERE id = '${keyOf(1)}';
      UPDATE conversion_jobs SET status = 'RUNNING', worker_id = 'v', worker_user_id = '${keyOf(4)}', lease_seconds = 3600,
             lease_expires_at = now() + interval '1 hour', fencing_token = 1, started_at = now() WHERE id = '${keyOf(2)}';
      UPDATE conversion_jobs SET status = 'PAUSED', started_at = now() WHERE id IN ('${keyOf(5)}', '${keyOf(6)}');
      UPDATE conversion_jobs SET status = 'FAILED', started_at = now(), completed_at = now() WHERE id IN ('${keyOf(7)}', '${keyOf(8)}');
      INSERT INTO conversion_job_events (job_id, sequence, type, data)
      SELECT id, 1, 'CREATED', jsonb_build_object('status', 'PENDING', 'attempt', 1, 'progress', 0) FROM conversion_jobs;
      UPDATE conversion_jobs SET event_sequence = 1, results =
        '[{"taskId":"t1","status":"COMPLETED","output":"x","error":null,"attempt":1,"fileChanges":[{"path":"a","kind":"CREATED","summary":null}]}]'
       WHERE id IN ('${keyOf(7)}', '${keyOf(8)}');
      UPDATE conversion_jobs SET event_sequence = 1 WHERE event_sequence = 0`);
  }

  const ask = (authorization: string, query: string, variables?: Record<string, unknown>) =>
    execute(query, variables, { authorization });

  /** The first message of a subscription, or the errors with which it is refused. */
  async function listen(authorization: string, query: string, variables?: Record<string, unknown>) {
    const stream = await openEvents(url, query, variables, { authorization });
    await stream.until(1);
    stream.close();
    // A refusal is sent as a message, too.
    return { data: stream.messages[0]?.data, errors: stream.messages[0]?.errors };
  }

  return { app, pool, url, databaseUrl, reset, ask, listen };
}
