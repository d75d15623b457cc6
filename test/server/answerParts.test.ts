import { beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";
import { recordStatements } from "../support/sql.ts";

/**
 * Answers that are put together from cached parts (src/repositories/answerParts.ts): which reads go to the
 * database, and which do not.
 */
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

/** Sent as an undeclared variable, so that each request has an answer of its own, with the same content. */
let n = 0;
const anew = (variables: object) => ({ ...variables, n: ++n });

/**
 * Asks for an answer that is not cached, and checks it.
 *
 * @returns what each of its statements reads: the frame or the parts
 */
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
  test("is read with two statements, and a second answer of the same parts with none", async () => {
    expect(await readsOf(one, { first: 10 })).toEqual(["frame", "parts"]);
    expect(await readsOf(one, { first: 10 })).toEqual([]);
  });

  test("reads only its frame if the rows of its page were read for another page", async () => {
    await readsOf(one, { first: 10 });
    expect(await readsOf(one, { first: 5 })).toEqual(["frame"]);
    expect(await readsOf(one, { first: 11 })).toEqual(["frame", "parts"]);
  });

  test("reads its rows again for other arguments, but keeps the same frame", async () => {
    expect(await readsOf(one, { first: 9, jobs: 1 })).toEqual(["frame", "parts"]);
    expect(await readsOf(one, { first: 9, jobs: 3 })).toEqual(["parts"]);
    for (const jobs of [1, 3, 3, 1]) expect(await readsOf(one, { first: 9, jobs })).toEqual([]);
  });

  test("reads only the changed row after a change of one row", async () => {
    const { data } = await one.ask(QUERY, { first: 10 });
    const [, { node }] = data.projects.edges;
    const job = node.conversionJobs.nodes[0].id.replace("ConversionJob:", "");
    await readsOf(one, { first: 10 });

    // A write past the service, to a column that no list is sorted or filtered by.
    await pool.query("UPDATE conversion_jobs SET current_task = 'x' WHERE id = $1", [job]);
    await one.untilHit("{ conversionJobs { totalCount } }");

    const recording = recordStatements(pool);
    expect(await readsOf(one, { first: 10 })).toEqual(["parts"]);
    recording.stop();
    const [parts] = recording.statements.filter(({ text }) => text.startsWith(PARTS));
    expect(parts!.values).toContain(`{${node.id.replace("Project:", "")}}`);
  });

  test("shows a change by another instance at once, both as a kept answer and when it is put together later", async () => {
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

  test("no longer has a deleted row, and has the row that takes its place", async () => {
    await readsOf(one, { first: 10 });
    const { data } = await one.ask(QUERY, { first: 10 });
    const { id } = data.projects.edges[2].node;
    await one.ask(`mutation { deleteProject(input: { id: "${id}" }) { deletedId } }`);
    const { text } = await one.ask(QUERY, { first: 10 });
    expect(text).not.toContain(id);
    expect(await readsOf(one, { first: 10 })).toEqual([]);
  });

  test("shares no parts with another viewer", async () => {
    await readsOf(one, { first: 30 });
    expect(await readsOf(one, { first: 5 }, OWNER)).toEqual(["frame", "parts"]);
    expect(await readsOf(one, { first: 5 }, OWNER)).toEqual([]);
    await rename(one, 2, "mine");
    expect((await one.ask(QUERY, { first: 5 }, OWNER)).data.projects.edges.length).toBeGreaterThan(0);
    await readsOf(one, { first: 5 }, OWNER);
  });

  test("reaches other instances in one piece once it has been asked for often, and is still invalidated with its parts", async () => {
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
