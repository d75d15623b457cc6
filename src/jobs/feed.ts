import { setTimeout as sleep } from "node:timers/promises";
import type { CoherentStore } from "../coherence/store.ts";
import { isUnavailable } from "../errors.ts";

/** What followers of a log get at a time: all that was appended since the batch before. */
export interface Batch<Cursor> {
  /** From here on the follower goes on, also on another instance. */
  readonly cursor: Cursor;
  /** False: nothing was appended, and there is nothing to tell. */
  readonly hasNews: boolean;
  /** There is more already: the batch was full. */
  readonly hasMore: boolean;
  /** Nothing will be appended any more. */
  readonly isEnd: boolean;
}

/** A log that can be read from any place in it, and what tells that it has changed. */
export interface Log<Cursor, News extends Batch<Cursor>> {
  /** From the primary. A follower's first cursor is undefined when it has none. */
  read(after: Cursor | undefined): Promise<News>;
  /** What changes when something is appended; read after the instant from which they are watched. */
  tags(): Promise<readonly string[]>;
}

export interface FeedOptions<Cursor, News extends Batch<Cursor>> {
  readonly store: Pick<CoherentStore, "instant" | "watch">;
  readonly logOf: (key: string) => Log<Cursor, News>;
  /** No follower gets two batches in less, in ms. */
  readonly minIntervalMs?: number;
  /** How long to wait when the database does not answer, in ms. */
  readonly retryMs?: number;
}

const MAX_SHARED_READS = 16;

interface Hub<Cursor, News extends Batch<Cursor>> {
  readonly log: Log<Cursor, News>;
  followers: number;
  /** Goes up when there may be news. */
  generation: number;
  /** When it did, in ms on the monotonic clock. */
  turnedAt: number;
  /** The reads of this generation, by cursor. */
  readonly reads: Map<Cursor | undefined, Promise<News>>;
  /** Called once, at the next generation. */
  waiting: Set<() => void>;
  /** Ends the wait for a change, once nobody follows. */
  readonly stopping: AbortController;
}

/**
 * Follows logs for any number of readers. Those of one log are woken together, at most every
 * `minIntervalMs`, and those who stand at the same place, as they mostly do, share the read: a change
 * costs one statement however many follow.
 *
 * Nothing is kept for a follower but its cursor. One that is slow, or was away, reads what it missed
 * from the log itself; so there is nothing to overflow, and nothing that could be lost or told twice.
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
      // Before the reads of the new generation: whatever they miss is a change after this instant.
      const instant = await store.instant();
      hub.generation++;
      hub.turnedAt = performance.now();
      hub.reads.clear();
      const woken = hub.waiting;
      hub.waiting = new Set();
      for (const wake of woken) wake();
      // Without its tags, it is looked at from time to time.
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
      // A quiet log is read by latecomers alone, who all stand elsewhere.
      if (hub.reads.size > MAX_SHARED_READS) hub.reads.delete(hub.reads.keys().next().value);
    }
    return running;
  };

  return {
    /** Logs that somebody follows. */
    hubs: (): number => hubs.size,

    /**
     * What is in the log after the cursor, and then what is appended to it, until the log ends.
     * Pulled: the next batch is read when it is asked for, and has everything until then. A database
     * that does not answer is waited for.
     *
     * `next` rejects with what the log's `read` rejects with.
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

      /** For so long (ms), or until the next generation; the follower's end ends it, too. */
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
          const news = await read(hub, cursor).catch(async (error: unknown) => {
            if (!isUnavailable(error)) throw error;
            await wait(retryMs);
            hub.reads.delete(cursor);
            return undefined;
          });
          if (isOver) break;
          if (news === undefined) continue;
          hasEnded = news.isEnd;
          if (news.hasNews) {
            cursor = news.cursor;
            // Generations are as far apart as batches must be; who begins or catches up waits by itself.
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
