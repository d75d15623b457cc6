import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { FILL, GET, MARK, RELEASE } from "../../src/coherence/scripts.ts";
import { M1, NUMBER_PLACE, progressReport, QUERIES, WORKER_ID } from "../bench/comparison/work.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startRedis } from "../support/redis.ts";
import { monitorRedis } from "../support/redisMonitor.ts";
import { insertRows, keyOf } from "../support/rows.ts";
import { startServed } from "../support/served.ts";

/**
 * What the benchmark's work costs (test/bench/peers.ts), in units that do not depend on the machine. Change
 * these figures only if you know why they changed: every request pays for each one more.
 */

const names = new Map(
  Object.entries({ get: GET, fill: FILL, mark: MARK, release: RELEASE }).map(([name, { sha1 }]) => [
    sha1,
    name,
  ]),
);

interface WorkCost {
  readonly statements: number;
  /** Calls of the cache's scripts, by their names. */
  readonly scripts: Readonly<Record<string, number>>;
}

interface Cost extends WorkCost {
  readonly cached?: string | undefined;
  readonly bytes: number;
}

/** An instance with a database and a cache of its own. */
async function startMetered(env: Record<string, string>) {
  const [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
  const service = await startServed({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    // A write that Redis is too slow to mark ends the epoch, and then nothing is kept for seconds. Redis may
    // be slow on a machine that runs tests.
    REDIS_COMMAND_TIMEOUT: "10000",
    ...env,
  });
  const { pool } = service.app.database;
  await insertRows(pool, { users: 100, projects: 200, jobs: 800 });
  // Active jobs are read anew for each request, so most jobs here are finished.
  await pool.query(
    `UPDATE "conversion_jobs" SET "status" = 'COMPLETED', "started_at" = now(), "completed_at" = now()
      WHERE right("id"::text, 12)::int > 20`,
  );
  let scripts: Record<string, number> = {};
  await monitorRedis(redis.url, (command, sha1) => {
    // Other scripts run all the time: the relay's heartbeat, and those that settle what dead writers left.
    const name = command === "evalsha" ? names.get(sha1!) : undefined;
    if (name !== undefined) scripts[name] = (scripts[name] ?? 0) + 1;
  });

  /** Waits until nothing is sent to Redis any more: entries are stored there after the answer was sent. */
  async function untilQuiet(): Promise<void> {
    let before: string;
    do {
      before = JSON.stringify(scripts);
      await sleep(200);
    } while (JSON.stringify(scripts) !== before);
  }

  async function costOfWork(work: () => Promise<unknown>): Promise<WorkCost> {
    scripts = {};
    const statements = await service.statementsOf(async () => {
      await work();
    });
    await untilQuiet();
    return { statements: statements.length, scripts };
  }

  return {
    service,
    untilQuiet,
    costOfWork,

    async costOf(query: string, variables: Record<string, unknown>): Promise<Cost> {
      let answer: Awaited<ReturnType<typeof service.ask>> | undefined;
      const cost = await costOfWork(async () => {
        answer = await service.ask(query, variables);
      });
      const { cached, text } = answer!;
      return { cached, bytes: Buffer.byteLength(text), ...cost };
    },

    /** Invalidates everything that was kept of these types. */
    async forgetRows(): Promise<void> {
      await service.ask(
        'mutation { invalidateCache(input: { tags: ["User!", "Project!", "ConversionJob!"] }) { tags } }',
      );
      await untilQuiet();
    },

    /** The cursor of the last of `count` projects. A page after it shares no row with the page before it. */
    async cursorAfter(count: number) {
      const { data } = await service.ask(`{ projects(first: ${count}) { edges { cursor } } }`);
      return data.projects.edges.at(-1).cursor as string;
    },
  };
}

const walking = await startMetered({ COMPILE_AFTER: "0" });
const composing = await startMetered({ COMPILE_AFTER: "1" });
/**
 * Measures up to ten times, until the costs are as expected. On a busy machine the cache may vouch for
 * nothing for a moment. Work that really costs too much does so in every attempt.
 */
async function expectCosts<Of extends WorkCost>(
  measure: () => Promise<Of[]>,
  expected: readonly Of[],
): Promise<void> {
  let costs: Of[] = [];
  for (let attempt = 0; attempt < 10; attempt++) {
    costs = await measure();
    if (isDeepStrictEqual(costs, expected)) return;
  }
  expect(costs).toEqual(expected);
}

/**
 * An undeclared variable. It changes the answer's key and nothing else, so the answer is a miss while its
 * rows are cached, as after a write to a row beside those that are read.
 */
const OTHER = { n: 1 };

beforeAll(async () => {
  for (const { service } of [walking, composing]) await service.untilHit("{ conversionJobs { totalCount } }");
}, 60_000);

/**
 * The cost, with fewer than `most` fills counted as `most`. One fill stores what a statement has read, up to
 * a hundred rows. What several statements have read in the same turn may go together.
 */
function withFillsAtMost(most: number, cost: Cost): Cost {
  return { ...cost, scripts: { ...cost.scripts, fill: Math.max(cost.scripts.fill ?? 0, most) } };
}

type Metered = Awaited<ReturnType<typeof startMetered>>;

const COSTS = [
  {
    query: QUERIES.Q1,
    variablesOf: async () => ({ id: `Project:${keyOf(1)}` }),
    bytes: 263,
    cold: { statements: 2, scripts: { get: 3, fill: 2 } },
  },
  {
    query: QUERIES.Q2,
    variablesOf: async () => ({ after: null }),
    bytes: 9_754,
    cold: { statements: 3, scripts: { get: 3, fill: 3 } },
  },
  {
    query: QUERIES.Q3,
    variablesOf: async ({ cursorAfter }: Metered) => ({ after: await cursorAfter(50) }),
    bytes: 47_465,
    cold: { statements: 4, scripts: { get: 5, fill: 6 } },
  },
];
for (const { query, variablesOf, bytes, cold } of COSTS) {
  test(`${query.name} takes a statement per level, none while its rows are cached, and only a validation while its answer is`, async () => {
    const document = query.documents.service;
    const variables = await variablesOf(walking);
    const { costOf, forgetRows } = walking;
    await expectCosts(async () => {
      await forgetRows();
      return [
        withFillsAtMost(cold.scripts.fill, await costOf(document, variables)),
        await costOf(document, { ...variables, ...OTHER }),
        await costOf(document, { ...variables, ...OTHER }),
        await costOf(document, { ...variables, ...OTHER }),
      ];
    }, [
      { ...cold, cached: "miss", bytes },
      { cached: "miss", statements: 0, bytes, scripts: { get: 1 } },
      // An answer made of cached rows is offered to Redis when it is found again.
      { cached: "hit", statements: 0, bytes, scripts: { fill: 1 } },
      { cached: "hit", statements: 0, bytes, scripts: {} },
    ]);
  }, 120_000);
}

for (const { query, variablesOf, bytes } of COSTS.slice(1)) {
  test(`${query.name} takes two statements once it is compiled, and none while its parts are cached`, async () => {
    const document = query.documents.service;
    const variables = await variablesOf(composing);
    const { costOf, forgetRows } = composing;
    await expectCosts(async () => {
      await forgetRows();
      return [
        await costOf(document, variables),
        await costOf(document, { ...variables, ...OTHER }),
        await costOf(document, variables),
      ];
    }, [
      { cached: "miss", statements: 2, bytes, scripts: { get: 1 } },
      { cached: "miss", statements: 0, bytes, scripts: { get: 1 } },
      { cached: "hit", statements: 0, bytes, scripts: {} },
    ]);
  }, 120_000);
}

test("M1 takes two statements in a transaction, a mark and a release", async () => {
  const { service, untilQuiet, costOf } = walking;
  const { data } = await service.ask(
    `mutation { claimConversionJobs(input: { workerId: "${WORKER_ID}", agentTypes: ["converter"] }) {
       claims { fencingToken conversionJob { id } } } }`,
  );
  const [{ fencingToken, conversionJob }] = data.claimConversionJobs.claims;
  const key = conversionJob.id.replace("ConversionJob:", "");
  await untilQuiet();
  let task = 0;
  await expectCosts(async () => {
    const report = JSON.stringify(progressReport("service", key, fencingToken));
    return [await costOf(M1.documents.service, JSON.parse(report.replace(NUMBER_PLACE, String(++task))))];
  }, [{ cached: undefined, statements: 2, bytes: 133, scripts: { mark: 1, release: 1 } }]);
}, 120_000);

test("concurrent changes take two transactions: the first change alone, and all others together with one mark", async () => {
  const { service, costOfWork } = walking;
  const { projects } = service.app.repositories;
  let round = 0;
  await expectCosts(async () => {
    const name = `renamed ${++round}`;
    const renameAll = () =>
      Promise.all(Array.from({ length: 20 }, (_, n) => projects.update(keyOf(n + 1), { name })));
    return [await costOfWork(renameAll)];
    // In each transaction: the limit for its locks, its changes, and the statement that drains their tags.
  }, [{ statements: 3 + 21, scripts: { mark: 2, release: 2 } }]);
}, 120_000);
