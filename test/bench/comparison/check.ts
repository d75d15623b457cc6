import { isDeepStrictEqual } from "node:util";
import type pg from "pg";
import { ask, type Server } from "./servers.ts";
import { type Dialect, idOf, normalized, projectKey, type Query } from "./work.ts";

/** The nth request's variables for a server. For a page they are the cursor of the row before it. */
export type VariablesOf = (query: Query, n: number) => Record<string, unknown>;

/** Cursors of the newest projects, as the server itself writes them. */
export async function cursorsOf(server: Server, count: number): Promise<string[]> {
  const { dialect } = server.contender;
  const list =
    dialect === "postgraphile"
      ? "projects: allProjects(first: 100, after: $after, orderBy: [CREATED_AT_DESC, ROW_ID_DESC])"
      : "projects(first: 100, after: $after)";
  const cursors: string[] = [];
  while (cursors.length < count) {
    const query = `query ($after: ${dialect === "postgraphile" ? "Cursor" : "String"}) { ${list} { edges { cursor } } }`;
    const answer = await ask(server, JSON.stringify({ query, variables: { after: cursors.at(-1) ?? null } }));
    const { data } = (await answer.json()) as { data: { projects: { edges: { cursor: string }[] } } };
    cursors.push(...data.projects.edges.map(({ cursor }) => cursor));
    if (data.projects.edges.length < 100) break;
  }
  return cursors;
}

/** Cursors as the peers with a given schema take them: a time and an id. */
export async function plainCursors(pool: pg.Pool, count: number): Promise<string[]> {
  const { rows } = await pool.query(
    `SELECT to_char("created_at" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '/' || "id" AS "cursor"
       FROM "projects" ORDER BY "created_at" DESC, "id" DESC LIMIT $1`,
    [count],
  );
  return rows.map(({ cursor }) => cursor);
}

export function bodyOf(
  dialect: Dialect,
  query: Query,
  n: number,
  cursors: readonly string[],
  projects: number,
): string {
  const variables =
    query.pageSize === undefined
      ? { id: idOf(dialect, "Project", projectKey(n, projects)) }
      : // There is no cursor before the first page.
        { after: n === 0 ? null : cursors[n - 1] };
  return JSON.stringify({ query: query.documents[dialect], variables });
}

/**
 * Compares answers with those of the hand-written statement on the same rows.
 *
 * @throws Error with both answers when they differ
 */
export async function checkAnswers(
  server: Server,
  query: Query,
  bodies: readonly string[],
  pool: pg.Pool,
  plain: readonly string[],
  projects: number,
): Promise<void> {
  for (const [n, body] of bodies.entries()) {
    const text = await (await ask(server, body)).text();
    const cursor = n === 0 ? ["infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff"] : plain[n - 1]!.split("/");
    const values = query.pageSize === undefined ? [projectKey(n, projects)] : cursor;
    const expected: unknown = JSON.parse((await pool.query(query.statement, values)).rows[0].data);
    if (isDeepStrictEqual(normalized(text), expected)) continue;
    throw new Error(
      `${server.contender.name} answers ${query.name} (${n}) otherwise than the hand-written SQL:\n` +
        `  ${text.slice(0, 1_000)}\nexpected\n  ${JSON.stringify(expected).slice(0, 1_000)}`,
    );
  }
}
