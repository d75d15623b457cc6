import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestApp } from "../support/app.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { recordStatements } from "../support/sql.ts";

/**
 * Compares answers that PostgreSQL composes (src/repositories/composedAnswer.ts) with answers that are put
 * together from the same rows. They say the same, are written as JSON.stringify would write them, and depend
 * on the same tags. (Only the order of names may differ: the interpreter has its own.)
 */
const walked = await createTestApp({ COMPILE_AFTER: "0" });
const composed = await createTestApp({ COMPILE_AFTER: "1", DATABASE_URL: walked.url });
// With a cache, and in development mode, in which an answer says what it depends on.
const cache = { NODE_ENV: "development", CACHE_ENABLED: "true", REDIS_URL: "", DATABASE_URL: walked.url };
const walkedAndKept = await createTestApp({ COMPILE_AFTER: "0", ...cache });
const composedAndKept = await createTestApp({ COMPILE_AFTER: "1", ...cache });
const recording = recordStatements(composed.app.database.pool);
const { pool } = walked.app.database;

const ADMIN = `ADMIN ${keyOf(1)}`;
const OWNER = `USER ${keyOf(2)}`;
const WORKER = `WORKER ${keyOf(3)}`;

/** Characters that JSON must escape, that it need not escape, and that separate lines only in JavaScript. */
const NAMES = [
  `"quoted" and back\\slashed 'name'`,
  "tab\tline\nreturn\rfeed\fback\b",
  "\u0001\u0002\u001f\u007f\u0080",
  "Größe 大きさ 😀 \u2028\u2029\ufeff",
  "<script>&amp;</script>/",
  "each-parent",
  "Project:01890a5d-ac96-774b-bcce-b302099a8057",
];

beforeAll(async () => {
  await insertRows(pool, { users: 3, projects: 40, jobs: 200 });
  for (const [index, name] of NAMES.entries())
    await pool.query("UPDATE projects SET name = $1, description = $1 WHERE id = $2", [
      name,
      keyOf(index + 1),
    ]);
  await pool.query(`UPDATE projects SET original_tech_stack = $1, target_tech_stack = $2 WHERE id < $3`, [
    { language: NAMES[0], framework: null, runtime: NAMES[3], additional: NAMES },
    { language: "Go", additional: [] },
    keyOf(25),
  ]);
  // A client may send null for each part, also for the list.
  await pool.query("UPDATE projects SET target_tech_stack = $1 WHERE id > $2", [
    { language: null, additional: null },
    keyOf(35),
  ]);
  await pool.query(
    `UPDATE conversion_jobs SET status = 'COMPLETED', progress = 100, current_task = 'x', started_at = '2026-01-02 03:04:05.006+00',
            completed_at = '1999-12-31 23:59:59.999+00' WHERE id < $1`,
    [keyOf(40)],
  );
  // Rows with the same time are ordered by their ids.
  await pool.query("UPDATE projects SET created_at = '2026-02-03T04:05:06.7Z' WHERE id < $1", [keyOf(20)]);
});
beforeEach(() => recording.reset());

interface Asked {
  readonly query: string;
  readonly variables?: object;
  readonly authorization?: string;
}

const ask = async ({ send }: typeof composed, { query, variables, authorization = ADMIN }: Asked) =>
  (await send(query, variables, { authorization })).text();

/** The answer, and its tags without those of whole types, which are added only when an answer is kept. */
async function answerAndTagsOf(service: typeof composed, asked: Asked) {
  const { data, extensions } = JSON.parse(await ask(service, asked));
  const tags: string[] = extensions.responseCache.tags;
  return { data, tags: tags.filter((tag) => !tag.endsWith("!")).toSorted() };
}

const PROJECT = "id name description githubUrl status version createdAt updatedAt";
const JOB =
  "id status progress currentTask errorMessage priority attempt maxAttempts availableAt workerId leaseExpiresAt startedAt completedAt version createdAt updatedAt";
const USER = "id githubId username email avatarUrl role createdAt updatedAt";
const STACK = "language framework database runtime buildTool packageManager deployment additional";
const PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

const CASES: Record<string, Asked> = {
  "every column of each type": {
    query: `{ projects(first: 100) { nodes { ${PROJECT} owner { ${USER} } conversionJobs { nodes { ${JOB} } } } } }`,
  },
  "lists in lists in lists": {
    query: `{ users { nodes { username projects(first: 4) { nodes { name conversionJobs(first: 3) { nodes { id status } } } } } } }`,
  },
  "everything that a page says about itself": {
    query: `{ projects(first: 7) { ${PAGE_INFO} totalCount edges { cursor node { id owner { projects(first: 2) { totalCount ${PAGE_INFO} edges { cursor } } } } } nodes { name } } }`,
  },
  "a page from the end": {
    query: `{ projects(last: 5) { nodes { id } ${PAGE_INFO} edges { cursor node { name conversionJobs(last: 2) { ${PAGE_INFO} nodes { id } } } } } }`,
  },
  "empty pages": {
    query: `query ($none: ID!) { empty: projects(first: 0) { nodes { id } ${PAGE_INFO} totalCount }
      none: projects(ownerId: $none) { nodes { id } edges { cursor } ${PAGE_INFO} totalCount } }`,
    variables: { none: `User:${keyOf(99)}` },
  },
  "a total alone, and a field that needs no row": {
    query: "{ projects { totalCount } conversionJobs(first: 3) { pageInfo { hasPreviousPage } } }",
  },
  "aliases, fragments, directives and type names": {
    query: `query ($yes: Boolean!) { a: projects(first: 2) { __typename list: nodes { ...P ... @skip(if: $yes) { name } } }
        b: projects(first: 3, status: READY) { nodes { __typename ... on Node { id } who: owner { __typename role } } pageInfo { __typename } edges { __typename } } }
      fragment P on Project { key: id status ... @include(if: $yes) { url: githubUrl } }`,
    variables: { yes: true },
  },
  "JSON objects and lists of strings": {
    query: `{ projects(first: 40) { nodes { originalTechStack { __typename ${STACK} } targetTechStack { ${STACK} } conversionJobs(first: 1) { nodes { agentTypes } } } } }`,
  },
  "rows by their ids, with lists below": {
    query: `query ($own: ID!, $others: ID!, $none: ID!) {
        own: project(id: $own) { ${PROJECT} owner { username } conversionJobs(first: 2) { totalCount nodes { ${JOB} } } }
        others: project(id: $others) { __typename conversionJobs { nodes { id } } } none: project(id: $none) { id } }`,
    variables: { own: `Project:${keyOf(2)}`, others: `Project:${keyOf(3)}`, none: `Project:${keyOf(999)}` },
  },
  "a job by its id, with lists below": {
    query:
      "query ($id: ID!) { conversionJob(id: $id) { id project { name conversionJobs(first: 2) { nodes { id } } } } }",
    variables: { id: `ConversionJob:${keyOf(3)}` },
  },
  "filters and orders": {
    query: `query ($owner: ID, $project: ID) {
        projects(ownerId: $owner, orderBy: { by: UPDATED_AT, direction: ASC }, first: 3) { nodes { id updatedAt } ${PAGE_INFO} }
        conversionJobs(projectId: $project, status: COMPLETED) { nodes { id project { name owner { username } } } totalCount }
        activeConversionJobs(first: 4) { nodes { id } ${PAGE_INFO} } }`,
    variables: { owner: `User:${keyOf(2)}`, project: `Project:${keyOf(2)}` },
  },
  "a search": {
    query: `query ($text: String!) { searchProjects(query: $text) { nodes { name } totalCount ${PAGE_INFO} } }`,
    variables: { text: "each-parent" },
  },
  "more pages than one call of a function takes": {
    query: `{ projects(first: 2) { nodes { ${Array.from({ length: 14 }, (_, n) => `j${n}: conversionJobs(first: ${n}) { nodes { ${JOB} } }`).join(" ")} } } }`,
  },
};

/** Queries that only read rows by id. A cache keeps their rows, not the composed answer. */
const WITHOUT_LISTS: Record<string, Asked> = {
  "a row by its id, and the row in it": {
    query: `query ($id: ID!) { project(id: $id) { ${PROJECT} originalTechStack { ${STACK} } owner { ${USER} } } }`,
    variables: { id: `Project:${keyOf(2)}` },
  },
  "somebody else's row": {
    query: "query ($id: ID!) { project(id: $id) { name owner { username } } }",
    variables: { id: `Project:${keyOf(3)}` },
  },
  "a row that does not exist": {
    query: "query ($id: ID!) { project(id: $id) { name owner { username } } }",
    variables: { id: `Project:${keyOf(999)}` },
  },
  "several rows, one of them twice": {
    query: `query ($own: ID!, $others: ID!) { __typename own: project(id: $own) { name } again: project(id: $own) { id }
      others: project(id: $others) { name owner { role } } }`,
    variables: { own: `Project:${keyOf(2)}`, others: `Project:${keyOf(3)}` },
  },
  "a job, its project and the project's owner": {
    query: `query ($id: ID!) { conversionJob(id: $id) { ${JOB} agentTypes project { name owner { role } } } }`,
    variables: { id: `ConversionJob:${keyOf(3)}` },
  },
};

describe.each(Object.entries({ ...CASES, ...WITHOUT_LISTS }))("%s", (_, asked) => {
  test("for an administrator", async () => {
    const expected = await ask(walked, asked);

    const answer = await ask(composed, asked);

    expect(JSON.parse(answer)).toEqual(JSON.parse(expected));
    expect(JSON.parse(answer)).not.toHaveProperty("errors");
    expect(answer).toBe(JSON.stringify(JSON.parse(answer)));
    const texts = recording.statements.map(({ text }) => text);
    expect(texts).toEqual([expect.stringMatching(/^SELECT (concat|\(SELECT string_agg)\(/)]);
    // A terminal may show the statement, in a list of slow statements.
    expect(texts[0]).not.toMatch(/\p{Cc}/u);
  });

  test("for an owner", async () => {
    const expected = await ask(walked, { ...asked, authorization: OWNER });

    const answer = await ask(composed, { ...asked, authorization: OWNER });

    expect(JSON.parse(answer)).toEqual(JSON.parse(expected));
  });

  test("for a worker", async () => {
    const expected = await ask(walked, { ...asked, authorization: WORKER });

    const answer = await ask(composed, { ...asked, authorization: WORKER });

    expect(JSON.parse(answer)).toEqual(JSON.parse(expected));
  });

  test.each([ADMIN, OWNER])(
    "in parts that are cached, depending on the same tags (%s)",
    async (authorization) => {
      const expected = await answerAndTagsOf(walkedAndKept, { ...asked, authorization });

      const answer = await answerAndTagsOf(composedAndKept, { ...asked, authorization });

      expect(answer).toEqual(expected);
    },
  );
});

const REFUSED: Record<string, Asked> = {
  "a page that is too large": { query: "{ projects(first: 101) { nodes { id } } }" },
  "mutually exclusive arguments": {
    query: "{ users { nodes { projects(first: 1, last: 1) { nodes { id } } } } }",
  },
  "a cursor of another list": {
    query: "query ($after: String) { projects(first: 1, after: $after) { nodes { id } } }",
    variables: { after: "WyJ4IiwxLCIxIl0" },
  },
  "an id of another type": {
    query: '{ project(id: "User:x") { conversionJobs { nodes { id } } } }',
  },
  "a field hidden from the viewer": { query: "{ users { nodes { id email } } }", authorization: WORKER },
};

test.each(Object.entries(REFUSED))("%s: the refusal is the same", async (_, asked) => {
  const expected = await ask(walked, asked);

  const answer = await ask(composed, asked);

  expect(JSON.parse(answer)).toEqual(JSON.parse(expected));
});

test("cursors lead through the whole list, and are the same for both services", async () => {
  const query = `query ($after: String) { projects(first: 9, after: $after) { nodes { id } ${PAGE_INFO} } }`;
  const ids: string[] = [];
  let after: string | null = null;
  do {
    const services: readonly (typeof composed)[] =
      ids.length % 2 === 0 ? [composed, walked] : [walked, composed];
    const [one, other] = await Promise.all(
      services.map((service) => ask(service, { query, variables: { after } })),
    );
    expect(JSON.parse(one!)).toEqual(JSON.parse(other!));
    const { nodes, pageInfo } = JSON.parse(one!).data.projects;
    ids.push(...nodes.map(({ id }: { id: string }) => id));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);

  expect(new Set(ids).size).toBe(40);
});

test("a change of any of its rows invalidates a kept answer", async () => {
  const asked: Asked = {
    query:
      "{ projects(first: 2) { nodes { name owner { username } conversionJobs(first: 1) { nodes { progress } } } } }",
  };
  const read = async () => {
    const { data } = JSON.parse(await ask(composedAndKept, asked));
    return JSON.stringify(data);
  };
  const changes = [
    [
      `mutation { updateProject(input: { id: "Project:${keyOf(19)}", name: "renamed" }) { project { id } } }`,
      "renamed",
    ],
    [
      `mutation { updateUser(input: { id: "User:${keyOf(1)}", username: "somebody" }) { user { id } } }`,
      "somebody",
    ],
    [
      `mutation { importProjects(input: { projects: [{ name: "newest", githubUrl: "https://github.com/a/newest" }] }) { projects { id } } }`,
      "newest",
    ],
  ] as const;
  for (const [query, word] of changes) {
    expect(await read()).not.toContain(word);
    const { errors } = JSON.parse(await ask(composedAndKept, { query }));
    expect(errors).toBeUndefined();
    expect(await read()).toContain(word);
  }
});

test("if a required row is missing, the answer is put together from rows, and reports the error", async () => {
  await pool.query("ALTER TABLE projects DROP CONSTRAINT projects_user_id_fkey");
  await pool.query("DELETE FROM users WHERE id = $1", [keyOf(3)]);
  const list = "{ projects(first: 5) { nodes { name owner { username } } } }";
  const row = `{ project(id: "Project:${keyOf(3)}") { name owner { username } } }`;
  for (const query of [list, row]) {
    const answer = JSON.parse(await ask(composed, { query }));

    expect(answer).toEqual(JSON.parse(await ask(walked, { query })));
    expect(answer.errors[0].extensions.code).toBe("NOT_FOUND");
  }
});
