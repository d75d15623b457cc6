import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import type { Replica, ReplicaConnection } from "../../src/coherence/replicaReads.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { VersionTable } from "../../src/coherence/versionTable.ts";
import { blindTo, createScheduling } from "./scheduling.ts";
import { open } from "./versionTableSpecification.ts";

/**
 * Two instances of the real store, each with a replica, under a scheduler. The scheduler decides when each
 * message arrives, each reply returns, each statement runs, and how far each replica has replayed. A commit
 * is in the log before the primary shows it, and a replica may show it in between. A restarted replica begins
 * again further back. To remove a rule, the test changes what surrounds the store, not the store.
 */
const RULES = [
  "the sequence is learned before the position",
  "what the rows reveal is checked",
  "the check comes after the read",
  "a replica is asked on the connection that reads",
  "pending check",
] as const;
type Rule = (typeof RULES)[number];

type Step = {
  readonly kind: "read" | "write" | "die" | "replay" | "restart";
  readonly instance: number;
  /** For a read: it may be answered from the cache, and its answer is cached. */
  readonly isKept: boolean;
};

const steps = fc.array(
  fc.record({
    isKept: fc.boolean(),
    kind: fc.constantFrom<Step["kind"]>(
      "read",
      "read",
      "read",
      "read",
      "write",
      "write",
      "die",
      "replay",
      "replay",
      "restart",
    ),
    instance: fc.nat(1),
  }),
  { minLength: 6, maxLength: 24 },
);

interface Answer {
  readonly commits: number;
}

async function runSchedule(scheduler: fc.Scheduler, steps: readonly Step[], removed?: Rule): Promise<number> {
  const epoch = "1.a";
  const shared = createMemoryVersionTable({ maxEntries: 10, maxLagMs: 60_000 });
  await open(shared, epoch);
  const { pause, slow } = createScheduling(scheduler);
  const table: VersionTable = {
    ...shared,
    since: slow("since", removed === "pending check" ? blindTo(shared) : shared.since),
    get: slow("get", shared.get),
    fill: slow("fill", shared.fill),
  };

  // How many changes of the row are in the primary's log, are shown by the primary, and were acknowledged.
  let logged = 0;
  let shown = 0;
  let acknowledged = 0;
  let time = 0;

  const createInstance = () => {
    let replayed = 0;
    let life = 0;
    let reader: "primary" | "replica" = "primary";
    let isFree = true;
    let identity = {};
    let asked: number | undefined;

    const connect = (): ReplicaConnection => {
      const born = life;
      const onConnection = () => {
        if (born !== life && removed !== "a replica is asked on the connection that reads")
          throw new Error("The connection is broken.");
      };
      return {
        identity,
        async ask() {
          await pause("the replica is asked");
          onConnection();
          const position = BigInt(replayed);
          await pause("the replica says where it is");
          onConnection();
          return { isReplica: true, position, epoch };
        },
        async run(load) {
          reader = "replica";
          // `load` looks at `reader` at once, and sends no other statement.
          const result = load();
          reader = "primary";
          const loaded = await result;
          onConnection();
          return loaded;
        },
        release: () => {
          isFree = true;
        },
      };
    };
    const replica: Replica = {
      name: "replica",
      async checkOut() {
        if (!isFree) return undefined;
        isFree = false;
        return connect();
      },
      errors: () => 0,
      isDown: () => false,
    };
    const store = createCoherentStore({
      table,
      replicas: {
        replicas: [replica],
        async ask() {
          await pause("the primary is asked");
          const early = asked ?? logged;
          asked = logged;
          const position = removed === "the sequence is learned before the position" ? early : logged;
          await pause("the primary says where it is");
          return { epoch, isSameServer: true, position: BigInt(position) };
        },
      },
      maxBytes: 100_000,
      heldEpoch: () => epoch,
      timeoutMs: 1_000_000,
      // 10 s pass with each call, so every question to the primary and the replica is due.
      now: () => (time += 10_000),
      defer: (work) => void pause("a turn").then(work),
    });

    const loadMany = async () => {
      const from = reader;
      await pause("the statement is sent");
      const tags = ["list", "row"];
      if (from === "primary") {
        const commits = shown;
        await pause("the statement returns");
        return [{ value: { commits }, tags }];
      }
      const commits = replayed;
      const value: Answer =
        removed === "the check comes after the read"
          ? {
              get commits() {
                return replayed;
              },
            }
          : { commits };
      await pause("the replica's statement returns");
      return [{ value, tags: removed === "what the rows reveal is checked" ? ["list"] : tags }];
    };

    return {
      store,
      async read(isKept = true): Promise<number> {
        const [answer] = await store.getMany<Answer>(["key"], {
          kind: "list",
          ttlMs: isKept ? 1_000_000_000 : 0,
          tagsOf: () => ["list"],
          loadMany,
        });
        if (answer === undefined || answer instanceof Error) throw answer;
        return answer.value.commits;
      },
      replay: () => {
        replayed = Math.min(replayed + 1, logged);
      },
      restart: () => {
        life++;
        replayed = Math.max(0, replayed - 2);
        if (removed !== "a replica is asked on the connection that reads") identity = {};
      },
    };
  };
  const instances = [createInstance(), createInstance()];

  let xids = 0;
  let seen = 0;
  const read = async (instance: number, isKept: boolean) => {
    const atLeast = Math.max(acknowledged, seen);
    const commits = await instances[instance]!.read(isKept);
    if (commits < atLeast) throw new Error(`read ${commits} after ${atLeast}`);
    seen = Math.max(seen, commits);
  };
  const write = async (isToDie: boolean) => {
    const xid = String(++xids);
    await table.mark(epoch, xid, ["row"]);
    await pause("COMMIT");
    // The commits follow one another, because of the row's lock.
    const commit = ++logged;
    for (const { replay } of instances) void pause("a replica goes on").then(replay);
    await pause("the commit is in the log");
    while (shown !== commit - 1) await pause("an earlier commit");
    shown = commit;
    await pause("COMMIT returns");
    acknowledged = Math.max(acknowledged, commit);
    if (isToDie) await pause("the writer is dead");
    await pause("release");
    await table.release(epoch, xid);
  };

  // The first read makes each instance ask the primary for its position.
  const begin = Promise.all(instances.map(({ read }) => read()));
  const clients = [0, 1, 2].map(async (client) => {
    await begin;
    for (const { kind, instance, isKept } of steps.filter((_, index) => index % 3 === client)) {
      await pause(kind);
      if (kind === "read") await read(instance, isKept);
      else if (kind === "replay") instances[instance]!.replay();
      else if (kind === "restart") instances[instance]!.restart();
      else await write(kind === "die");
    }
  });
  await scheduler.waitFor(Promise.all(clients));
  return instances.reduce((sum, { store }) => sum + store.replicas()[0]!.reads, 0);
}

describe("the real store with replicas under a scheduler", () => {
  const check = async (removed?: Rule) => {
    let reads = 0;
    const details = await fc.check(
      fc.asyncProperty(fc.scheduler(), steps, async (scheduler, steps) => {
        reads += await runSchedule(scheduler, steps, removed);
      }),
      { seed: 20_261_124, numRuns: 3_000 },
    );
    return { reads, details };
  };

  it("never shows fewer commits than had been acknowledged, or shown to any reader, before the read", {
    timeout: 120_000,
  }, async () => {
    const { reads, details } = await check();
    expect(fc.defaultReportMessage(details) ?? "held").toBe("held");
    expect(reads).toBeGreaterThan(200);
  });

  it.each(RULES)("shows fewer without the rule: %s", { timeout: 120_000 }, async (rule) => {
    const { details } = await check(rule);
    expect(String(details.errorInstance)).toMatch(/^Error: read \d+ after \d+$/);
  });
});
