import { setTimeout as sleep } from "node:timers/promises";
import type { CoherentStore } from "../coherence/store.ts";
import { isUnavailable } from "../errors.ts";

/** What a follower of a log gets at a time: everything that was appended since the previous batch. */
export interface Batch<Cursor> {
  /** Where the follower continues, on this or another instance. */
  readonly cursor: Cursor;
  /** False: nothing was appended, and there is nothing to send. */
  readonly hasNews: boolean;
  /** There is more already, because this batch was full. */
  readonly hasMore: boolean;
  /** Nothing will be appended any more. */
  readonly isEnd: boolean;
}

/** A log that can be read from any position, and the tags that tell when it has changed. */
export interface Log<Cursor, News extends Batch<Cursor>> {
  /** Reads from the primary. A follower's first cursor is undefined if it has none. */
  read(after: Cursor | undefined): Promise<News>;
  /**
   * The tags that change when something is appended. They are read after the instant from which they are
   * watched.
   */
  tags(): Promise<readonly string[]>;
}

export interface FeedOptions<Cursor, News extends Batch<Cursor>> {
  readonly store: Pick<CoherentStore, "instant" | "watch">;
  readonly logOf: (key: string) => Log<Cursor, News>;
  /** The shortest time between two batches for a follower, in ms. */
  readonly minIntervalMs?: number;
  /** How long to wait before the next try when the database does not answer, in ms. */
  readonly retryMs?: number;
}

const MAX_SHARED_READS = 16;

interface Hub<Cursor, News extends Batch<Cursor>> {
  readonly log: Log<Cursor, News>;
  followers: number;
  /** Incremented when there may be news. */
  generation: number;
  /** When it was incremented, in ms on the monotonic clock. */
  turnedAt: number;
  /** The reads of this generation, by cursor. */
  readonly reads: Map<Cursor | undefined, Promise<News>>;
  /** Functions that are called once, when the next generation begins. */
  waiting: Set<() => void>;
  /** Ends the wait for a change, once nobody follows. */
  readonly stopping: AbortController;
}

/**
 * Follows logs for any number of readers. Followers of one log are woken together, at most every
 * `minIntervalMs`. Those at the same position, as most are, share the read: a change costs one statement,
 * however many follow.
 *
 * Nothing is kept for a follower except its cursor. One that is slow, or was away, reads what it missed from
 * the log itself. So no buffer can overflow, and nothing can be lost or told twice.
 */
export function createFeed<Cursor, News extends Batch<Cursor>>(options: FeedOptions<Cursor, News>) {
  const { store, logOf, minIntervalMs = 100, retryMs = 1_000 } = options;
  const hubs = new Map<string, Hub<Cursor, News>>();

  const enter = (key: string): Hub<Cursor, News> => {
    let hub = hubs.get(key);
    if (hub === undefined) {
      hub = {
        log: logOf(key),
        followers: 0,
        generation: 0,
        turnedAt: performance.now(),
        reads: new Map(),
        waiting: new Set(),
        stopping: new AbortController(),
      };
      hubs.set(key, hub);
      void turn(hub);
    }
    hub.followers++;
    return hub;
  };

  const leave = (key: string, hub: Hub<Cursor, News>): void => {
    if (--hub.followers > 0) return;
    hubs.delete(key);
    hub.stopping.abort();
  };

  /** Begins a new generation after each change, until nobody follows. */
  const turn = async (hub: Hub<Cursor, News>): Promise<void> => {
    const { signal } = hub.stopping;
    while (!signal.aborted) {
      // Taken before the reads of the new generation: any change that they miss comes after this instant.
      const instant = await store.instant();
      hub.generation++;
      hub.turnedAt = performance.now();
      hub.reads.clear();
      const woken = hub.waiting;
      hub.waiting = new Set();
      for (const wake of woken) wake();
      // If the tags cannot be read, the log is looked at from time to time.
      const tags = await hub.log.tags().catch(() => undefined);
      await changed(tags ?? [], tags === undefined ? undefined : instant, signal);
      await pause(hub.turnedAt + minIntervalMs - performance.now(), signal);
    }
  };

  const changed = (
    tags: readonly string[],
    instant: Awaited<ReturnType<typeof store.instant>>,
    signal: AbortSignal,
  ) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) return resolve();
      const end = () => {
        unwatch();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const unwatch = store.watch(tags, instant, end);
      signal.addEventListener("abort", end);
    });

  const read = (hub: Hub<Cursor, News>, cursor: Cursor | undefined): Promise<News> => {
    let running = hub.reads.get(cursor);
    if (running === undefined) {
      running = hub.log.read(cursor);
      hub.reads.set(cursor, running);
      // A quiet log is read only by latecomers, who are all at different positions.
      if (hub.reads.size > MAX_SHARED_READS) hub.reads.delete(hub.reads.keys().next().value);
    }
    return running;
  };

  return {
    /** The number of logs that somebody follows. */
    hubs: (): number => hubs.size,

    /**
     * Gives what is in the log after the cursor, and then what is appended to it, until the log ends. It is
     * pulled: the next batch is read when the follower asks for it, and has everything up to then. When the
     * database does not answer, the follower waits for it.
     *
     * `next` rejects with whatever the log's `read` rejects with.
     */
    follow(key: string, after: Cursor | undefined): AsyncIterableIterator<News> {
      const hub = enter(key);
      let cursor = after;
      let readyAt: number | undefined;
      let hasEnded = false;
      let isOver = false;
      let resume = () => {};

      const end = (): void => {
        if (isOver) return;
        isOver = true;
        leave(key, hub);
        resume();
      };

      /**
       * Waits this long (ms), or without `ms` until the next generation. When following ends, the wait ends
       * too.
       */
      const wait = (ms?: number) =>
        new Promise<void>((resolve) => {
          if (isOver || (ms !== undefined && ms <= 0)) return resolve();
          const timer = ms === undefined ? undefined : setTimeout(() => resume(), ms);
          resume = () => {
            clearTimeout(timer);
            hub.waiting.delete(resume);
            resume = () => {};
            resolve();
          };
          if (ms === undefined) hub.waiting.add(resume);
        });

      const pull = async (): Promise<IteratorResult<News>> => {
        // The first reads wait for the first instant.
        if (hub.generation === 0) await wait();
        while (!isOver && !hasEnded) {
          if (readyAt !== undefined) await wait(readyAt - performance.now());
          const { generation, turnedAt } = hub;
          const reading = read(hub, cursor);
          const news = await reading.catch(async (error: unknown) => {
            if (!isUnavailable(error)) throw error;
            await wait(retryMs);
            // Unless another follower has begun the next attempt already: they share that one too.
            if (hub.reads.get(cursor) === reading) hub.reads.delete(cursor);
            return undefined;
          });
          if (isOver) break;
          if (news === undefined) continue;
          hasEnded = news.isEnd;
          if (news.hasNews) {
            cursor = news.cursor;
            // Generations are already as far apart as batches must be. A follower that begins or catches up
            // waits by itself.
            const from = news.hasMore || readyAt === undefined ? performance.now() : turnedAt;
            readyAt = from + minIntervalMs;
            return { done: false, value: news };
          }
          if (!hasEnded && hub.generation === generation) await wait();
        }
        end();
        return { done: true, value: undefined };
      };

      return {
        async next() {
          try {
            return await pull();
          } catch (error) {
            end();
            throw error;
          }
        },
        async return() {
          end();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
}
