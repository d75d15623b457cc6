import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import * as z from "zod";
import { type Viewer, viewerOf } from "../auth/viewer.ts";
import { NOBODY } from "../repositories/access.ts";
import type { WarmOperationRepository } from "../repositories/warmOperation.ts";
import type { Operation, WarmResult } from "../schema/cacheMutations.ts";
import { isStorable } from "../schema/input.ts";
import type { Documents } from "./documents.ts";
import { isQuery, type RunInternally } from "./internalOperation.ts";
import type { Replay } from "./replay.ts";
import { mostRequested, operationSchema } from "./requestedOperation.ts";

export interface WarmingOptions {
  /** How many operations are run at the start, and remembered; 0: none. */
  readonly count: number;
  /** A file of operations to run at the start, instead of those that were remembered. */
  readonly file: string | undefined;
  readonly run: RunInternally;
  readonly requests: Pick<Replay, "takeCounts">;
  readonly documents: Pick<Documents, "recall">;
  readonly remembered: WarmOperationRepository;
  /** Resolves when the cache serves, or the signal has aborted. */
  readonly untilServing: (signal: AbortSignal) => Promise<void>;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  readonly saveEveryMs?: number;
}

interface WarmTask {
  readonly operation: Operation;
  readonly viewer: Viewer | null;
}

export type Warming = ReturnType<typeof createWarming>;

/** How many operations run at a time: few enough to leave connections to clients. */
const BATCH_SIZE = 4;
const PROGRESS_EVERY_BATCHES = 5;
/** The most operations in a file. */
const MAX_FILE_OPERATIONS = 10_000;
/**
 * The viewer for a file's operations, which names nobody. What an administrator asks for are everybody's
 * rows, so those become warm for all; the answers as a whole belong to no real viewer.
 */
const SERVICE = viewerOf(NOBODY, "ADMIN");
/**
 * How long stopping waits for the last save, in ms: a database that is away does not keep the service from stopping.
 */
const LAST_SAVE_TIMEOUT_MS = 2_000;

/**
 * Fills the cache before clients ask: at the start it runs the operations that were requested most before, or
 * those of a file. Running an operation keeps its answer and everything that the answer was made of. These
 * entries are stamped like any other, so they are as correct as any.
 */
export function createWarming(options: WarmingOptions) {
  const {
    count,
    file,
    run,
    requests,
    documents,
    remembered,
    untilServing,
    log,
    saveEveryMs = 300_000,
  } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let running: Promise<unknown>[] = [];

  const runOne = async ({ operation, viewer }: WarmTask): Promise<keyof WarmResult> => {
    // Checked before it runs: a mutation must not.
    if (!isQuery(operation)) return "failed";
    try {
      const { isFailed, outcome } = await run(operation, { viewer });
      if (isFailed) return "failed";
      return outcome?.kept !== undefined && outcome.status !== "bypass" ? "warmed" : "notKept";
    } catch {
      return "failed";
    }
  };

  const runAll = async (
    tasks: readonly WarmTask[],
    onProgress: (done: number, result: WarmResult) => void = () => {},
  ): Promise<WarmResult> => {
    const result = { warmed: 0, notKept: 0, failed: 0 };
    for (let done = 0; done < tasks.length && !signal.aborted; done += BATCH_SIZE) {
      const batch = tasks.slice(done, done + BATCH_SIZE);
      for (const outcome of await Promise.all(batch.map(runOne))) result[outcome]++;
      onProgress(done + batch.length, result);
    }
    return result;
  };

  const tasksOfFile = async (path: string): Promise<WarmTask[]> => {
    const operations = z
      .array(operationSchema)
      .max(MAX_FILE_OPERATIONS)
      .parse(JSON.parse(await readFile(path, "utf8")));
    return operations.map((operation) => ({ operation, viewer: SERVICE }));
  };

  const tasksOfLastRun = async (): Promise<WarmTask[]> => {
    const operations = await remembered.mostRequested(count);
    return operations.map(({ query, variables, operationName, userId, role }) => ({
      operation: {
        query,
        variables:
          variables === null ? undefined : z.record(z.string(), z.unknown()).parse(JSON.parse(variables)),
        operationName: operationName ?? undefined,
      },
      viewer: userId === null || role === null ? null : viewerOf(userId, role),
    }));
  };

  const warmAtStart = async (): Promise<void> => {
    const tasks = await (file === undefined ? tasksOfLastRun() : tasksOfFile(file));
    if (tasks.length === 0) return;
    await untilServing(signal);
    if (signal.aborted) return;
    log.info({ operations: tasks.length }, "warming the cache");
    let batches = 0;
    const result = await runAll(tasks, (done, soFar) => {
      if (++batches % PROGRESS_EVERY_BATCHES === 0 && done < tasks.length)
        log.info({ done, operations: tasks.length, ...soFar }, "warming the cache");
    });
    log.info(result, signal.aborted ? "stopped warming the cache" : "the cache is warm");
  };

  const save = async (): Promise<void> => {
    const operations = mostRequested(requests.takeCounts(), count, documents)
      .map(({ query, variables, operationName, viewer, requests }) => ({
        query,
        variables: variables === undefined ? null : JSON.stringify(variables),
        operationName: operationName ?? null,
        userId: viewer?.userId ?? null,
        role: viewer?.role ?? null,
        requests,
      }))
      // PostgreSQL stores neither U+0000 nor lone surrogates.
      .filter(({ query, variables, operationName }) =>
        [query, variables ?? "", operationName ?? ""].every(
          (text) => isStorable(text) && !text.includes("\\u0000"),
        ),
      );
    if (operations.length > 0) await remembered.add(operations, count);
  };

  const saveOrWarn = () =>
    save().catch((error: unknown) => log.warn({ err: error }, "the most requested queries were not saved"));

  const saveFromTimeToTime = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(saveEveryMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await saveOrWarn();
    }
  };

  return {
    /** Warms the cache in the background; the log says what could not be warmed. */
    start(): void {
      if (count === 0) return;
      const warmed = warmAtStart().catch((error: unknown) =>
        log.error({ err: error, file }, "the cache was not warmed"),
      );
      running = [warmed, saveFromTimeToTime()];
    },

    /** Runs operations now, as the viewer. */
    run: (operations: readonly Operation[], viewer: Viewer): Promise<WarmResult> =>
      runAll(operations.map((operation) => ({ operation, viewer }))),

    /** Stops, and saves which operations were requested. */
    async close(): Promise<void> {
      if (signal.aborted) return;
      stopping.abort();
      await Promise.all(running);
      if (count === 0) return;
      const isOver = new AbortController();
      await Promise.race([
        saveOrWarn(),
        sleep(LAST_SAVE_TIMEOUT_MS, undefined, { signal: isOver.signal }).catch(() => {}),
      ]);
      isOver.abort();
    },
  };
}
