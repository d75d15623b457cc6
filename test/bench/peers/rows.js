import pg from "pg";

/**
 * Reads the rows for the peers that have resolvers, with statements as an experienced developer writes them:
 * prepared, with only the columns that are asked for, and one for the lists of all parents.
 */
const PROJECT = `"id", "user_id" AS "userId", "name", "github_url" AS "githubUrl", "status"`;

export function createRows(connectionString) {
  // This service's default.
  const pool = new pg.Pool({ connectionString, max: 20 });
  const query = async (name, text, values) => (await pool.query({ name, text, values })).rows;

  async function byIds(name, text, ids) {
    const rows = new Map((await query(name, text, [ids])).map((row) => [row.id, row]));
    return ids.map((id) => rows.get(id) ?? null);
  }

  function grouped(rows, parentIds, parentOf) {
    const groups = new Map(parentIds.map((id) => [id, { nodes: [] }]));
    for (const row of rows) groups.get(parentOf(row)).nodes.push(row);
    return parentIds.map((id) => groups.get(id));
  }

  return {
    projectsById: (ids) =>
      byIds("projects-by-id", `SELECT ${PROJECT} FROM "projects" WHERE "id" = ANY($1::uuid[])`, ids),

    usersById: (ids) =>
      byIds("users-by-id", `SELECT "id", "username" FROM "users" WHERE "id" = ANY($1::uuid[])`, ids),

    /** The newest projects, or those after a cursor, which is a time and an id. */
    async newestProjects(first, after) {
      const order = `ORDER BY "created_at" DESC, "id" DESC LIMIT $1`;
      if (!after)
        return { nodes: await query("newest", `SELECT ${PROJECT} FROM "projects" ${order}`, [first]) };
      const [createdAt, id] = after.split("/");
      const text = `SELECT ${PROJECT} FROM "projects" WHERE ("created_at", "id") < ($2::timestamptz, $3::uuid) ${order}`;
      return { nodes: await query("newest-after", text, [first, createdAt, id]) };
    },

    async projectsOfUsers(userIds, first) {
      const text = `SELECT "p".* FROM unnest($1::uuid[]) AS "wanted" ("id") CROSS JOIN LATERAL (
        SELECT ${PROJECT} FROM "projects" WHERE "user_id" = "wanted"."id" ORDER BY "created_at" DESC, "id" DESC LIMIT $2) AS "p"`;
      return grouped(await query("projects-of-users", text, [userIds, first]), userIds, (row) => row.userId);
    },

    async jobsOfProjects(projectIds, first) {
      const text = `SELECT "j".* FROM unnest($1::uuid[]) AS "wanted" ("id") CROSS JOIN LATERAL (
        SELECT "id", "project_id" AS "projectId", "status", "progress" FROM "conversion_jobs"
         WHERE "project_id" = "wanted"."id" ORDER BY "created_at" DESC, "id" DESC LIMIT $2) AS "j"`;
      const rows = await query("jobs-of-projects", text, [projectIds, first]);
      return grouped(rows, projectIds, (row) => row.projectId);
    },

    async renameProject(id, name) {
      const text = `UPDATE "projects" SET "name" = $2 WHERE "id" = $1 RETURNING ${PROJECT}`;
      return (await query("rename", text, [id, name]))[0] ?? null;
    },

    /** Also renews the leases, and changes only jobs whose lease the worker holds. */
    async reportProgress({ workerId, jobs }) {
      const text = `UPDATE "conversion_jobs" AS "j"
           SET "progress" = greatest("j"."progress", "said"."progress"), "current_task" = "said"."current_task",
               "lease_expires_at" = clock_timestamp() + "j"."lease_seconds" * interval '1 second'
          FROM unnest($2::uuid[], $3::bigint[], $4::int[], $5::text[]) AS "said" ("id", "fencing_token", "progress", "current_task")
         WHERE "j"."id" = "said"."id" AND "j"."status" = 'RUNNING' AND "j"."worker_id" = $1
           AND "j"."fencing_token" = "said"."fencing_token" AND "j"."lease_expires_at" > clock_timestamp()
        RETURNING "j"."id", "j"."status", "j"."progress"`;
      const rows = await query("report-progress", text, [
        workerId,
        jobs.map(({ id }) => id),
        jobs.map(({ fencingToken }) => fencingToken),
        jobs.map(({ progress }) => progress ?? 0),
        jobs.map(({ currentTask }) => currentTask ?? null),
      ]);
      const reported = new Map(rows.map((row) => [row.id, row]));
      return { results: jobs.map(({ id }) => ({ conversionJob: reported.get(id) ?? null })) };
    },
  };
}
