import { beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";
import { recordStatements } from "../support/sql.ts";

/** Answers that are put together of parts which are kept (src/repositories/answerParts.ts): what is read anew, and what is not. */
const [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
const env = {
  DATABASE_URL: database.url,
  REDIS_URL: redis.url,
  COMPILE_AFTER: "1",
  REDIS_COMMAND_TIMEOUT: "10000",
};
const [one, two] = [await startServed(env), await startServed(env)];
const walking = await startServed({ ...env, COMPILE_AFTER: "0", CACHE_ENABLED: "false" });
const { pool } = one.app.database;

type Served = typeof one;

const OWNER = { authorization: `USER ${keyOf(2)}` };

beforeAll(async () => {
  await insertRows(pool, { users: 4, projects: 40, jobs: 200 });
  for (const service of [one, two]) await service.untilHit("{ conversionJobs { totalCount } }");
}, 60_000);

const QUERY = `query ($first: Int, $after: String, $jobs: Int = 2) { projects(first: $first, after: $after) {
  edges { cursor node { id name owner { username } conversionJobs(first: $jobs) { nodes { id progress } } } } pageInfo { hasNextPage } } }`;

const PARTS = "SELECT (SELECT string_agg";

/** Undeclared, so it makes another answer of the same content. */
let n = 0;
const anew = (variables: object) => ({ ...variables, n: ++n });

/** What is asked of the database for an answer that was not kept, and that it is right. */
async function readsOf(service: Served, variables: object, headers = {}) {
  let text = "";
  const statements = await service.statementsOf(async () => {
    ({ text } = await service.ask(QUERY, anew(variables), headers));
  });
  expect(JSON.parse(text)).toEqual(JSON.parse((await walking.ask(QUERY, { ...variables }, headers)).text));
  return statements.map((statement) =>
    statement.startsWith("SELECT (SELECT string_agg") ? "parts" : "frame",
  );
}

const rename = (service: Served, project: number, name: string) =>
  service.ask(
    `mutation { updateProject(input: { id: "Project:${keyOf(project)}", name: "${name}" }) { project { id } } }`,
  );

describe("an answer in parts", () => {
  test("is read by two statements, and the next one of the same parts by none", async () => {
    expect(await readsOf(one, { first: 10 })).toEqual(["frame", "parts"]);
    expect(await readsOf(one, { first: 10 })).toEqual([]);
  });

  test("another page with the same rows needs its frame alone", async () => {
    await readsOf(one, { first: 10 });
    expect(await readsOf(one, { first: 5 })).toEqual(["frame"]);
    expect(await readsOf(one, { first: 11 })).toEqual(["frame", "parts"]);
  });

  test("rows with other arguments are others, within the same frame", async () => {
    expect(await readsOf(one, { first: 9, jobs: 1 })).toEqual(["frame", "parts"]);
    expect(await readsOf(one, { first: 9, jobs: 3 })).toEqual(["parts"]);
    for (const jobs of [1, 3, 3, 1]) expect(await readsOf(one, { first: 9, jobs })).toEqual([]);
  });

  test("after a change of one row, the others are there", async () => {
    const { data } = await one.ask(QUERY, { first: 10 });
    const [, { node }] = data.projects.edges;
    const job = node.conversionJobs.nodes[0].id.replace("ConversionJob:", "");
    await readsOf(one, { first: 10 });

    // By somebody else, as no list is sorted or filtered by it.
    await pool.query("UPDATE conversion_jobs SET current_task = 'x' WHERE id = $1", [job]);
    await one.untilHit("{ conversionJobs { totalCount } }");

    const recording = recordStatements(pool);
    expect(await readsOf(one, { first: 10 })).toEqual(["parts"]);
    recording.stop();
    const [parts] = recording.statements.filter(({ text }) => text.startsWith(PARTS));
    expect(parts!.values).toContain(`{${node.id.replace("Project:", "")}}`);
  });

  test("a change by another instance is seen at once, in the answer and in what is put together later", async () => {
    for (let round = 0; round < 5; round++) {
      const name = `renamed ${round}`;
      await one.ask(QUERY, { first: 10 });
      const { data } = await one.ask(QUERY, { first: 10 });
      const id = data.projects.edges[3].node.id.replace("Project:", "");
      await two.ask(
        `mutation { updateProject(input: { id: "Project:${id}", name: "${name}" }) { project { id } } }`,
      );

      const kept = await one.ask(QUERY, { first: 10 });
      const other = await one.ask(QUERY, anew({ first: 12 }));

      expect(kept.text).toContain(name);
      expect(other.text).toContain(name);
    }
  });

  test("rows that go and come are not missed", async () => {
    await readsOf(one, { first: 10 });
    const { data } = await one.ask(QUERY, { first: 10 });
    const { id } = data.projects.edges[2].node;
    await one.ask(`mutation { deleteProject(input: { id: "${id}" }) { deletedId } }`);
    const { text } = await one.ask(QUERY, { first: 10 });
    expect(text).not.toContain(id);
    expect(await readsOf(one, { first: 10 })).toEqual([]);
  });

  test("what somebody sees of a row is nobody else's part", async () => {
    await readsOf(one, { first: 30 });
    expect(await readsOf(one, { first: 5 }, OWNER)).toEqual(["frame", "parts"]);
    expect(await readsOf(one, { first: 5 }, OWNER)).toEqual([]);
    await rename(one, 2, "mine");
    expect((await one.ask(QUERY, { first: 5 }, OWNER)).data.projects.edges.length).toBeGreaterThan(0);
    await readsOf(one, { first: 5 }, OWNER);
  });

  test("one that is asked for often comes to the other instances, in one piece, and ends with its parts all the same", async () => {
    const ask = (service: Served) => service.ask(QUERY, { first: 7 });
    expect((await ask(one)).cached).toBe("miss");
    expect((await ask(two)).cached).toBe("miss");
    for (let hits = 0; hits < 64; hits++) expect((await ask(one)).cached).toBe("hit");
    const third = await startServed(env);
    await third.untilHit("{ conversionJobs { totalCount } }");

    const statements = await third.statementsOf(async () => {
      expect((await ask(third)).text).toBe((await ask(one)).text);
    });

    expect(statements).toEqual([]);
    const { data } = await ask(one);
    await two.ask(
      `mutation { updateProject(input: { id: "${data.projects.edges[6].node.id}", name: "after all" }) { project { id } } }`,
    );
    for (const service of [one, two, third]) expect((await ask(service)).text).toContain("after all");
  }, 30_000);
});
