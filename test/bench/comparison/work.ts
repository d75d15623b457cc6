import { keyOf } from "../../support/rows.ts";

/** The schemas in which the same is asked: the service's, the peers', and the one that PostGraphile derives. */
export type Dialect = "service" | "schema" | "postgraphile";

export type WorkName = "Q1" | "Q2" | "Q3" | "M1";

export interface Work {
  readonly name: WorkName;
  readonly title: string;
  readonly documents: Readonly<Record<Dialect, string>>;
}

/** A query for one project, or for a page of projects. */
export interface Query extends Work {
  readonly name: "Q1" | "Q2" | "Q3";
  /** One statement whose only column is the answer's `data`, as text. */
  readonly statement: string;
  /** How many rows a page has; undefined for a query about one row. */
  readonly pageSize: number | undefined;
}

const PAGE_ARGUMENTS = {
  service: (first: number) => `(first: ${first})`,
  schema: (first: number) => `(first: ${first})`,
  postgraphile: (first: number) => `(first: ${first}, orderBy: [CREATED_AT_DESC, ROW_ID_DESC])`,
};
/** The names of fields. Aliases give PostGraphile's answers the form of the others. */
const FIELDS = {
  service: { id: "id", owner: "owner", projects: "projects", conversionJobs: "conversionJobs" },
  schema: { id: "id", owner: "owner", projects: "projects", conversionJobs: "conversionJobs" },
  postgraphile: {
    id: "id: rowId",
    owner: "owner: userByUserId",
    projects: "projects: projectsByUserId",
    conversionJobs: "conversionJobs: conversionJobsByProjectId",
  },
};

function inEachDialect(write: (dialect: Dialect) => string): Record<Dialect, string> {
  return { service: write("service"), schema: write("schema"), postgraphile: write("postgraphile") };
}

/** A page of all projects, the newest first. */
function newest(name: string, first: number, nodes: (dialect: Dialect) => string) {
  return inEachDialect((dialect) =>
    dialect === "postgraphile"
      ? `query ${name}($after: Cursor) { projects: allProjects(first: ${first}, after: $after, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { ${nodes(dialect)} } } }`
      : `query ${name}($after: String) { projects(first: ${first}, after: $after) { nodes { ${nodes(dialect)} } } }`,
  );
}

const jobs = (dialect: Dialect) =>
  `${FIELDS[dialect].conversionJobs}${PAGE_ARGUMENTS[dialect](3)} { nodes { ${FIELDS[dialect].id} status progress } }`;

const JOBS = `json_build_object('nodes', coalesce((
  SELECT json_agg(json_build_object('id', "j"."id", 'status', "j"."status", 'progress', "j"."progress"))
    FROM (SELECT "id", "status", "progress" FROM "conversion_jobs" WHERE "project_id" = "p"."id"
           ORDER BY "created_at" DESC, "id" DESC LIMIT 3) AS "j"), '[]'))`;

const page = (first: number, columns: string, source: string) => `
  SELECT json_build_object('projects', json_build_object('nodes', coalesce(json_agg(json_build_object(
    ${columns}) ORDER BY "p"."created_at" DESC, "p"."id" DESC), '[]')))::text AS "data"
    FROM (SELECT "id", "name", "status", "user_id", "created_at" FROM "projects"
           WHERE ("created_at", "id") < ($1::timestamptz, $2::uuid)
           ORDER BY "created_at" DESC, "id" DESC LIMIT ${first}) AS "p" ${source}`;

const OWNER = `JOIN "users" AS "u" ON "u"."id" = "p"."user_id"`;

const Q1: Query = {
  name: "Q1",
  title: "a project with its owner, by id",
  pageSize: undefined,
  documents: inEachDialect((dialect) => {
    const { id, owner } = FIELDS[dialect];
    const selection = `{ ${id} name githubUrl status ${owner} { ${id} username } }`;
    return dialect === "postgraphile"
      ? `query Q1($id: UUID!) { project: projectByRowId(rowId: $id) ${selection} }`
      : `query Q1($id: ID!) { project(id: $id) ${selection} }`;
  }),
  statement: `SELECT json_build_object('project', json_build_object('id', "p"."id", 'name', "p"."name",
      'githubUrl', "p"."github_url", 'status', "p"."status",
      'owner', json_build_object('id', "u"."id", 'username', "u"."username")))::text AS "data"
    FROM "projects" AS "p" ${OWNER} WHERE "p"."id" = $1::uuid`,
};

const Q2: Query = {
  name: "Q2",
  title: "the newest 20 projects, each with its owner and 3 newest jobs",
  pageSize: 20,
  documents: newest("Q2", 20, (dialect) => {
    const { id, owner } = FIELDS[dialect];
    return `${id} name status ${owner} { ${id} username } ${jobs(dialect)}`;
  }),
  statement: page(
    20,
    `'id', "p"."id", 'name', "p"."name", 'status', "p"."status",
     'owner', json_build_object('id', "u"."id", 'username', "u"."username"), 'conversionJobs', ${JOBS}`,
    OWNER,
  ),
};

const Q3: Query = {
  name: "Q3",
  title: "50 projects, their owners, 5 projects of each, 3 jobs of each",
  pageSize: 50,
  documents: newest("Q3", 50, (dialect) => {
    const { id, owner, projects } = FIELDS[dialect];
    return `${id} name ${owner} { ${id} username ${projects}${PAGE_ARGUMENTS[dialect](5)} { nodes { ${id} name ${jobs(dialect)} } } }`;
  }),
  statement: page(
    50,
    `'id', "p"."id", 'name', "p"."name", 'owner', json_build_object('id', "u"."id", 'username', "u"."username",
       'projects', json_build_object('nodes', coalesce((
         SELECT json_agg(json_build_object('id', "p"."id", 'name', "p"."name", 'conversionJobs', ${JOBS}))
           FROM (SELECT "id", "name" FROM "projects" WHERE "user_id" = "u"."id"
                  ORDER BY "created_at" DESC, "id" DESC LIMIT 5) AS "p"), '[]')))`,
    OWNER,
  ),
};

export const QUERIES = { Q1, Q2, Q3 } as const;

/** A worker reports its progress, which renews its lease. */
export const M1: Work = {
  name: "M1",
  title: "a progress report by a job's worker",
  documents: inEachDialect((dialect) =>
    dialect === "postgraphile"
      ? "mutation M1($id: UUID!, $task: String!) { updateConversionJobByRowId(input: { rowId: $id, conversionJobPatch: { progress: 40, currentTask: $task } }) { conversionJob { id: rowId progress } } }"
      : "mutation M1($input: ReportProgressInput!) { reportProgress(input: $input) { results { conversionJob { id progress } } } }",
  ),
};

/** The write of the mixes. It writes the project's name, which Q1 reads. */
export const RENAME: Readonly<Record<Dialect, string>> = {
  service:
    "mutation Rename($id: ID!, $name: String!) { updateProject(input: { id: $id, name: $name }) { project { id name } } }",
  schema: "mutation Rename($id: ID!, $name: String!) { renameProject(id: $id, name: $name) { id name } }",
  postgraphile:
    "mutation Rename($id: UUID!, $name: String!) { updateProjectByRowId(input: { rowId: $id, projectPatch: { name: $name } }) { project { id: rowId name } } }",
};

/** The service's ids contain the type. */
export const idOf = (dialect: Dialect, type: "Project" | "ConversionJob", key: string) =>
  dialect === "service" ? `${type}:${key}` : key;

/** The key for the nth of the different requests, from 0 on. The first is the hot one. */
export const projectKey = (n: number, projects: number) => keyOf(1 + ((n * 7) % projects));

/** An answer's data in the form in which the hand-written SQL gives it: without types in ids. */
export function normalized(text: string): unknown {
  return JSON.parse(text, (key, value) =>
    key === "id" && typeof value === "string" ? value.replace(/^[A-Za-z]+:/, "") : value,
  ).data;
}

/** The place for a number that makes each request different. It is as long as the number that replaces it. */
export const NUMBER_PLACE = "##########";

export const WORKER_ID = "bench";

export function progressReport(dialect: Dialect, key: string, fencingToken: number) {
  const task = `task ${NUMBER_PLACE}`;
  const id = idOf(dialect, "ConversionJob", key);
  return dialect === "postgraphile"
    ? { id, task }
    : { input: { workerId: WORKER_ID, jobs: [{ id, fencingToken, progress: 40, currentTask: task }] } };
}
