import { beforeAll, describe, expect, test } from "vitest";
import { recordStatements, withoutTransactionControl } from "../../support/sql.ts";
import { type Operation, readsOf, writesOf } from "./operations.ts";
import { ADAS, createAccessWorld, id, VIEWERS } from "./world.ts";

/**
 * Sends ids of other people's rows everywhere an id is accepted. The answer and its statements must be the
 * same as for an id that no row has.
 */
const world = await createAccessWorld();
const recording = recordStatements(world.pool);

const NOBODYS: typeof ADAS = {
  user: id("User", 91),
  project: id("Project", 91),
  job: id("ConversionJob", 92),
  pending: id("ConversionJob", 93),
  paused: id("ConversionJob", 95),
  failed: id("ConversionJob", 97),
};

/** The text with Ada's ids in the place of those that no row has, so that two answers can be compared. */
function renamed(text: string): string {
  let result = text;
  for (const name of Object.keys(ADAS) as (keyof typeof ADAS)[]) {
    const key = (nodeId: string) => nodeId.slice(nodeId.indexOf(":") + 1);
    result = result.replaceAll(NOBODYS[name], ADAS[name]).replaceAll(key(NOBODYS[name]), key(ADAS[name]));
  }
  return result;
}

async function costOf(authorization: string, { query, variables }: Operation) {
  recording.reset();
  const { status, data, errors } = query.startsWith("subscription")
    ? { status: 200, ...(await world.listen(authorization, query)) }
    : await world.ask(authorization, query, variables);
  return {
    answer: JSON.parse(renamed(JSON.stringify({ status, data, errors }))),
    // Sorted, because concurrent statements have no order. Without transaction control, because nothing says
    // whose transaction a COMMIT ends.
    statements: withoutTransactionControl(recording.statements)
      .map(({ text }) => text)
      .filter((text) => !UPKEEP.test(text))
      .sort(),
  };
}

/** Statements that the service sends by itself from time to time. */
const UPKEEP = /^SELECT EXISTS|idempotency_keys|cache_epoch|cache_invalidations" AS/;

beforeAll(world.reset);

describe.each(["other", "worker", "stranger"] as const)("asked by %s", (viewer) => {
  test.each(Object.keys({ ...readsOf(ADAS), ...writesOf(ADAS) }))("%s", async (field) => {
    // The first three answer the same whatever ids there are, and a claim takes no id.
    if (
      ["Query.health", "Query.viewer", "Query.userStatistics", "Mutation.claimConversionJobs"].includes(field)
    )
      return;
    const of = (rows: typeof ADAS) => ({ ...readsOf(rows), ...writesOf(rows) })[field]!;
    const hers = await costOf(VIEWERS[viewer], of(ADAS));
    const nobodys = await costOf(VIEWERS[viewer], of(NOBODYS));

    expect(hers).toEqual(nobodys);
    if (viewer === "stranger") expect(hers.statements).toEqual([]);
  });
});
