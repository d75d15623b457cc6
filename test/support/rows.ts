import type pg from "pg";

/**
 * How many rows to insert, with ids and times that a test can name. The nth project belongs to the nth user,
 * and the nth job to the nth project, starting again at the first when there are no more. Each row of a table
 * is one second younger than the one before.
 */
export interface RowCounts {
  readonly users?: number;
  readonly projects?: number;
  readonly jobs?: number;
}

/** The nth row's key, from 1 on: the same in every table. */
export const keyOf = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;

/** The nth row's creation time. */
export const timeOf = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1_000);

export const PLAN = {
  tasks: [
    {
      id: "t1",
      type: "convert-file",
      description: "Convert the entry point",
      inputFiles: ["src/index.js"],
      outputFiles: ["src/index.ts"],
      dependencies: [],
      agentType: "converter",
      priority: 1,
      status: "PENDING" as const,
      estimatedDuration: 60,
    },
  ],
  complexity: "LOW" as const,
  warnings: [],
  feasible: true,
};

const KEY = "('00000000-0000-7000-8000-' || lpad((#)::text, 12, '0'))::uuid";
const key = (n: string) => KEY.replace("#", n);
const TIME = "timestamptz '2026-01-01T00:00:00Z' + n * interval '1 second'";

/** Adds rows to empty tables, by one statement for each table, and runs ANALYZE for the planner. */
export async function insertRows(pool: pg.Pool, { users = 0, projects = 0, jobs = 0 }: RowCounts) {
  await pool.query(
    `INSERT INTO users (id, github_id, username, created_at, updated_at)
     SELECT ${key("n")}, (1000 + n)::text, 'user ' || n, ${TIME}, ${TIME} FROM generate_series(1, $1::int) AS n`,
    [users],
  );
  await pool.query(
    `INSERT INTO projects (id, user_id, name, github_url, original_tech_stack, created_at, updated_at)
     SELECT ${key("n")}, ${key("1 + (n - 1) % $2::int")}, 'project ' || n,
            'https://github.com/acme/' || md5(n::text), '{"language":"JavaScript"}', ${TIME}, ${TIME}
       FROM generate_series(1, $1::int) AS n`,
    [projects, users],
  );
  await pool.query(
    `INSERT INTO conversion_jobs (id, project_id, plan, created_at, updated_at)
     SELECT ${key("n")}, ${key("1 + (n - 1) % $2::int")}, $3::jsonb, ${TIME}, ${TIME} FROM generate_series(1, $1::int) AS n`,
    [jobs, projects, JSON.stringify(PLAN)],
  );
  await pool.query("ANALYZE users, projects, conversion_jobs");
}

/**
 * How many rows each table has and when the last one changed. If it is equal before and after, nothing was
 * changed.
 */
export async function fingerprint(pool: pg.Pool): Promise<unknown> {
  const { rows } = await pool.query(`
    SELECT 'users' AS "table", count(*)::int, max(updated_at) FROM users
     UNION ALL SELECT 'projects', count(*)::int, max(updated_at) FROM projects
     UNION ALL SELECT 'conversion_jobs', count(*)::int, max(updated_at) FROM conversion_jobs
     UNION ALL SELECT 'github_credentials', count(*)::int, max(updated_at) FROM github_credentials
     UNION ALL SELECT 'project_files', count(*)::int, NULL FROM project_files`);
  return rows;
}
