import { beforeEach, describe, expect, it } from "vitest";
import { createMemoryVersionTable } from "../../src/coherence/memoryVersionTable.ts";
import { createCoherentStore } from "../../src/coherence/store.ts";
import type { Epoch, VersionTable } from "../../src/coherence/versionTable.ts";
import { AppError } from "../../src/errors.ts";
import { type Batch, createFeed } from "../../src/jobs/feed.ts";

const epoch: Epoch = "1.a";
const NEVER_MS = 600_000;

interface News extends Batch<number> {
  readonly entries: readonly number[];
}

/** A log of numbers, and how often it was read. */
function createLog() {
  const log = {
    length: 0,
    reads: 0,
    isEnd: false,
    error: undefined as AppError | undefined,
    pageSize: 1_000,
    read: async (after = 0): Promise<News> => {
      log.reads++;
      if (log.error !== undefined) throw log.error;
      const entries = Array.from(
        { length: Math.min(log.pageSize, log.length - after) },
        (_, n) => after + n + 1,
      );
      const cursor = after + entries.length;
      const hasMore = cursor < log.length;
      return { entries, cursor, hasNews: entries.length > 0, hasMore, isEnd: log.isEnd && !hasMore };
    },
    tags: async () => ["log"],
  };
  return log;
}

describe("followers of a log", () => {
  let table: VersionTable;
  let log: ReturnType<typeof createLog>;
  let store: ReturnType<typeof createCoherentStore>;
  let feed: ReturnType<typeof createFeed<number, News>>;

  beforeEach(async () => {
    table = createMemoryVersionTable({ maxLagMs: NEVER_MS });
    await table.open(epoch);
    await table.activate(epoch);
    await table.beat(epoch, await table.beat(epoch, undefined).then(Number));
    log = createLog();
    store = createCoherentStore({
      table,
      maxBytes: 1_000,
      timeoutMs: NEVER_MS,
      heldEpoch: () => epoch,
      pollMs: 1,
    });
    feed = createFeed({ store, logOf: () => log, minIntervalMs: 5, retryMs: 1 });
  });

  const append = async (count: number) => {
    log.length += count;
    await table.bump(epoch, ["log"]);
  };

  it("at the same cursor share each read", async () => {
    const followers = Array.from({ length: 100 }, () => feed.follow("key", 0));
    await append(3);
    for (const round of [1, 2, 3]) {
      const batches = await Promise.all(followers.map((follower) => follower.next()));
      for (const { value } of batches) expect(value.cursor).toBe(3 * round);
      // One read that finds the change, and perhaps one before the change that found nothing.
      expect(log.reads).toBeLessThanOrEqual(2 * round);
      await append(3);
    }
    await Promise.all(followers.map((follower) => follower.return!()));
    expect([feed.hubs(), store.statistics().watchers]).toEqual([0, 0]);
  });

  it("get everything once and in order, wherever they begin and however slow they are", async () => {
    log.pageSize = 7;
    await append(20);
    const slow = feed.follow("key", 0);
    const late = feed.follow("key", 15);
    const seen: Record<"slow" | "late", number[]> = { slow: [], late: [] };
    const readAll = async (name: "slow" | "late", follower: AsyncIterable<News>, pauseMs: number) => {
      for await (const { entries } of follower) {
        seen[name].push(...entries);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    const reading = Promise.all([readAll("slow", slow, 20), readAll("late", late, 0)]);
    for (let round = 0; round < 10; round++) {
      await append(2);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    log.isEnd = true;
    await table.bump(epoch, ["log"]);
    await reading;
    expect(seen.slow).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    expect(seen.late).toEqual(Array.from({ length: 25 }, (_, n) => n + 16));
    expect(feed.hubs()).toBe(0);
  });

  it("can leave while they wait, and leave nothing behind", async () => {
    const follower = feed.follow("key", 0);
    const waiting = follower.next();
    await append(1);
    await waiting;
    const idle = follower.next();
    await follower.return!();
    expect(await idle).toEqual({ done: true, value: undefined });
    expect([feed.hubs(), store.statistics().watchers]).toEqual([0, 0]);
  });

  it("share the attempts while the database does not answer, and the read that succeeds", async () => {
    log.error = new AppError("SERVICE_UNAVAILABLE", "The database does not answer.");
    const followers = Array.from({ length: 50 }, () => feed.follow("x", 0));
    const news = followers.map((follower) => follower.next());
    await expect.poll(() => log.reads).toBeGreaterThan(1);
    const [readsBefore, retryAt] = [log.reads, performance.now()];
    await expect.poll(() => log.reads).toBeGreaterThan(readsBefore + 2);
    // An attempt a millisecond, for all of them.
    expect(log.reads - readsBefore).toBeLessThan(5 + 2 * (performance.now() - retryAt));
    log.error = undefined;
    log.length = 1;
    const whenBack = log.reads;
    expect((await Promise.all(news)).map(({ value }) => value.entries)).toEqual(Array(50).fill([1]));
    expect(log.reads - whenBack).toBeLessThan(5);
    for (const follower of followers) await follower.return?.();
  });

  it("wait for a database that does not answer, and get every other error", async () => {
    log.length = 1;
    log.error = new AppError("SERVICE_UNAVAILABLE", "The database does not answer.");
    const patient = feed.follow("key", 0);
    const waiting = patient.next();
    while (log.reads < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    log.error = undefined;
    expect((await waiting).value.entries).toEqual([1]);
    await patient.return!();

    log.error = new AppError("VALIDATION_FAILED", "That is no place in it.");
    const refused = feed.follow("key", 0);
    await expect(refused.next()).rejects.toThrow("That is no place in it.");
    expect(await refused.next()).toEqual({ done: true, value: undefined });
    expect(feed.hubs()).toBe(0);
  });
});
