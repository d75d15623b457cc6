import pg from "pg";
import { applyMigrations } from "../../../src/database/migrations.ts";
import { addAdministrator } from "../../support/access.ts";
import { insertRows, keyOf } from "../../support/rows.ts";
import { WORKER_ID } from "./work.ts";

/** Of the rows that `insertRows` adds: five jobs for each project, and ten projects for each user. */
const JOBS_PER_PROJECT = 5;
const PROJECTS_PER_USER = 10;
/** One of this many jobs is not finished. */
const UNFINISHED_SHARE = 20;

export interface Databases {
  /** The address of the service's own database. */
  readonly service: string;
  /**
   * The same rows without the triggers for the service's cache and its jobs' lifecycle, which peers do not
   * need.
   */
  readonly peers: string;
  /** The keys of the jobs that the worker holds in the peers' database, and reports on. */
  readonly heldJobs: readonly string[];
}

/** Two databases with the same rows. */
export async function createDatabases(serverUrl: string, projects: number): Promise<Databases> {
  const service = await createServiceDatabase(serverUrl, projects);
  await inDatabase(serverUrl, (admin) => admin.query(`CREATE DATABASE peers TEMPLATE service`));
  const heldJobs = Array.from({ length: Math.min(1_000, projects / 5) }, (_, n) =>
    keyOf((n + 1) * UNFINISHED_SHARE),
  );
  const peers = urlOf(serverUrl, "peers");
  await inDatabase(peers, (client) => preparePeers(client, heldJobs));
  return { service, peers, heldJobs };
}

/** Creates the service's database with its rows. Its name is `service` and the suffix. @returns its address */
export async function createServiceDatabase(
  serverUrl: string,
  projects: number,
  suffix = "",
): Promise<string> {
  const name = `service${suffix}`;
  const url = urlOf(serverUrl, name);
  await inDatabase(serverUrl, (admin) => admin.query(`CREATE DATABASE ${name}`));
  await applyMigrations({
    connectionString: url,
    // Safe: the migrations call no other methods of it.
    log: { info() {}, warn() {}, debug() {} } as never,
  });
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // No cache has these rows yet, so they need no invalidation. The triggers would take longer than the rows
  // themselves.
  await pool.query("SET session_replication_role = replica");
  await insertRows(pool, {
    users: Math.ceil(projects / PROJECTS_PER_USER),
    projects,
    jobs: projects * JOBS_PER_PROJECT,
  });
  // Values that a trigger would have set.
  await pool.query(
    `UPDATE "conversion_jobs" SET "agent_types" = '{converter}' WHERE right("id"::text, 12)::bigint % $1 = 0`,
    [UNFINISHED_SHARE],
  );
  await pool.query(
    `UPDATE "conversion_jobs" SET "status" = 'COMPLETED', "progress" = 100, "agent_types" = '{converter}',
            "started_at" = "created_at", "completed_at" = "created_at" + interval '1 minute'
      WHERE right("id"::text, 12)::bigint % $1 <> 0`,
    [UNFINISHED_SHARE],
  );
  await pool.query("VACUUM ANALYZE");
  await pool.end();
  await addAdministrator(url);
  return url;
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = database;
  return url.href;
}

async function inDatabase(
  connectionString: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function preparePeers(client: pg.Client, heldJobs: readonly string[]): Promise<void> {
  await client.query(`DO $$
    DECLARE found record;
    BEGIN
      FOR found IN SELECT tgname, tgrelid::regclass AS owner FROM pg_trigger
                    WHERE NOT tgisinternal AND (tgname LIKE '%_invalidate_%' OR tgname LIKE '%_follow_%' OR tgname LIKE '%note_status%')
      LOOP EXECUTE format('DROP TRIGGER %I ON %s', found.tgname, found.owner); END LOOP;
    END $$`);
  await client.query(
    `UPDATE "conversion_jobs" SET "status" = 'RUNNING', "worker_id" = $2, "fencing_token" = 1, "lease_seconds" = 3600,
            "started_at" = now(), "lease_expires_at" = now() + interval '1 day' WHERE "id" = ANY($1::uuid[])`,
    [heldJobs, WORKER_ID],
  );
}
