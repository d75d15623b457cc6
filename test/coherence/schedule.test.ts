import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { VersionTable } from "../../src/coherence/versionTable.ts";
import { blindTo, createScheduling } from "./scheduling.ts";
import { open } from "./versionTableSpecification.ts";

/**
 * Two instances of the real store on one version table, under a scheduler that decides when each message
 * arrives, each reply returns and each statement runs. To remove a rule, the test changes what surrounds the
 * store, not the store.
 */
const RULES = [
  "mark before COMMIT",
  "stamp before the read",
  "pending check",
  "late-joiner rule",
  "invalidation",
  "round trips begin after the request",
] as const;
type Rule = (typeof RULES)[number];

type Step = { readonly kind: "read" | "write" | "die" | "bump"; readonly instance: number };

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step["kind"]>("read", "read", "read", "read", "write", "write", "die", "bump"),
    instance: fc.nat(1),
  }),
  { minLength: 4, maxLength: 18 },
);

async function runSchedule(scheduler: fc.Scheduler, steps: readonly Step[], removed?: Rule): Promise<number> {
  const epoch = "1.a";
  const shared = createMemoryVersionTable({
    maxEntries: removed === "pending check" ? 0 : 10,
    maxLagMs: 60_000,
  });
  await open(shared, epoch);
  const { pause, slow } = createScheduling(scheduler);
  let answered: ReturnType<VersionTable["since"]> | undefined;
  /** Answers each call with the reply that was fetched during the previous call. */
  const early: VersionTable["since"] = (...args) => {
    const reply = answered ?? shared.since(...args);
    answered = shared.since(...args);
    return reply;
  };
  const deaf: VersionTable["since"] = async (_, known) => {
    const reply = await shared.since(epoch, known);
    return typeof reply === "object" && known >= 0 ? { ...reply, versions: [], pending: [] } : reply;
  };
  const since =
    removed === "pending check"
      ? blindTo(shared)
      : removed === "invalidation"
        ? deaf
        : removed === "round trips begin after the request"
          ? early
          : shared.since;
  const table: VersionTable = {
    ...shared,
    since: slow("since", since),
    get: slow("get", shared.get),
    fill: slow("fill", shared.fill),
    mark: slow("mark", shared.mark),
    release: slow("release", shared.release),
  };
  const stores = [0, 1].map(() =>
    createCoherentStore({
      table,
      maxBytes: 100_000,
      heldEpoch: () => epoch,
      timeoutMs: 1_000_000,
      defer: (work) => void pause("a turn").then(work),
    }),
  );

  let commits = 0;
  let xids = 0;
  const joined = new Map<number, Promise<number>>();

  const readNow = async (instance: number): Promise<number> => {
    const early = commits;
    if (removed === "stamp before the read") await pause("the statement has run");
    const { value } = await stores[instance]!.read("key", {
      kind: "row",
      ttlMs: 60_000,
      load: async () => {
        await pause("the statement is sent");
        const value = removed === "stamp before the read" ? early : commits;
        await pause("the statement returns");
        return { value, tags: ["row"] };
      },
    });
    return value;
  };
  const read = async (instance: number) => {
    const before = commits;
    const running = removed === "late-joiner rule" ? joined.get(instance) : undefined;
    const answer = running ?? readNow(instance);
    joined.set(instance, answer);
    const value = await answer.finally(() => joined.delete(instance));
    // The rule protects readers that are given another's answer. A reader's own read may be early.
    const isOwnStale = removed === "stamp before the read" && value === before;
    if (!isOwnStale && value < before) throw new Error(`read ${value} when ${before} were committed`);
  };
  const write = async (isToDie: boolean) => {
    const xid = String(++xids);
    if (removed !== "mark before COMMIT") await table.mark(epoch, xid, ["row"]);
    await pause("COMMIT");
    commits++;
    if (removed === "mark before COMMIT") await table.mark(epoch, xid, ["row"]);
    // The instance that asks PostgreSQL about a dead writer's transaction, and releases it, does so later.
    if (isToDie) await pause("the writer is dead");
    await table.release(epoch, xid);
  };

  // Three clients, each of which takes one step after another.
  const clients = [0, 1, 2].map(async (client) => {
    for (const { kind, instance } of steps.filter((_, index) => index % 3 === client)) {
      await pause(kind);
      if (kind === "read") await read(instance);
      else if (kind === "bump") await shared.bump(epoch, ["another row"]);
      else await write(kind === "die");
    }
  });
  await scheduler.waitFor(Promise.all(clients));
  return stores.reduce((hits, store) => {
    const { localHits, sharedHits, joined } = store.statistics();
    return hits + localHits + sharedHits + joined;
  }, 0);
}

describe("the real store under a scheduler", () => {
  const check = async (removed?: Rule) => {
    let hits = 0;
    const details = await fc.check(
      fc.asyncProperty(fc.scheduler(), steps, async (scheduler, steps) => {
        hits += await runSchedule(scheduler, steps, removed);
      }),
      { seed: 20_261_124, numRuns: 5_000 },
    );
    return { hits, details };
  };

  it("never shows fewer commits than there were when the read began", { timeout: 60_000 }, async () => {
    const { hits, details } = await check();
    expect(fc.defaultReportMessage(details) ?? "held").toBe("held");
    expect(hits).toBeGreaterThan(1_000);
  });

  it.each(RULES)("shows fewer without the rule: %s", { timeout: 60_000 }, async (rule) => {
    const { details } = await check(rule);
    expect(String(details.errorInstance)).toMatch(/^Error: read \d+ when \d+ were committed$/);
  });
});
