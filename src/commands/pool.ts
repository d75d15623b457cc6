import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type PoolStatisticsQuery } from "../sdk/index.ts";
import { CommandError, withHint } from "./error.ts";
import { count, number, plain, row } from "./wording.ts";

export interface PoolCommand {
  readonly url: string;
  readonly token?: string | undefined;
  /** Print the raw figures, a line of JSON each time. */
  readonly isJson: boolean;
  /** Repeat the report until the signal is aborted. */
  readonly isWatching: boolean;
  /** Print only the plan of the slow statement with this id. */
  readonly explain?: string | undefined;
}

export interface PoolIo {
  readonly print: (line: string) => void;
  /** Whether a report may overwrite the one before. */
  readonly isInteractive: boolean;
  readonly signal: AbortSignal;
}

const WATCH_EVERY_MS = 2_000;
/** Moves the cursor to the top left and clears everything below. */
const CLEAR = "\x1b[H\x1b[J";
const MAX_LISTED = 10;
const MAX_TEXT = 160;

type Pool = PoolStatisticsQuery["poolStatistics"];

/**
 * `stack-converter pool`: the connections of a running service to its database, and what to do about them.
 *
 * @throws CommandError and StackConverterError: the messages are for people
 */
export async function runPool(command: PoolCommand, { print, isInteractive, signal }: PoolIo): Promise<void> {
  const client = createClient({ url: command.url, token: command.token });
  try {
    if (command.explain !== undefined) {
      const [slow] = (await client.slowQuery({ id: command.explain }, { signal })).slowQueries;
      if (slow === undefined)
        throw new CommandError(
          `There is no slow statement ${command.explain} (any more): each instance lists its own.`,
        );
      if (command.isJson) print(JSON.stringify(slow));
      else for (const line of [slow.text, "", ...(slow.plan ?? ["It has no plan."])]) print(plain(line));
      return;
    }
    do {
      const pool = await client.poolStatistics(undefined, { signal });
      if (command.isJson) print(JSON.stringify(pool));
      else print((command.isWatching && isInteractive ? CLEAR : "") + describe(pool).join("\n"));
    } while (command.isWatching && (await pause(signal)));
  } catch (error) {
    if (signal.aborted) return;
    throw withHint(error);
  }
}

/** @returns whether to go on */
async function pause(signal: AbortSignal): Promise<boolean> {
  await sleep(WATCH_EVERY_MS, undefined, { signal }).catch(() => {});
  return !signal.aborted;
}

function describe(pool: Pool): string[] {
  const { total, idle, waiting, min, max, peakInUse, peakWaiting, idleErrors } = pool;
  const { errors, slowQueryCount, slowQueries, advice } = pool;
  const failed = errors.map(({ sqlstateClass, count: times }) => `${number(times)} × ${sqlstateClass}`);
  return [
    row("Connections", `${total - idle} at work, ${idle} idle, ${waiting} requests wait (${min} to ${max})`),
    row("At most", `${peakInUse} at work, ${peakWaiting} requests waited`),
    row("Waits", durations(pool.acquireWait)),
    row("Statements", durations(pool.queryTime)),
    row(
      "Failed",
      [...failed, ...(idleErrors > 0 ? [`${number(idleErrors)} broke while idle`] : [])].join(", ") || "none",
    ),
    row("Slow", count(slowQueryCount, "statement")),
    ...slowQueries
      .slice(0, MAX_LISTED)
      .map(
        ({ id, text, count: times, meanMs, maxMs }) =>
          `    ${id}  ${number(times)} ×, ${ms(meanMs)} on average, ${ms(maxMs)} at most: ${plain(shortened(text))}`,
      ),
    ...(slowQueries.length > 0 ? ["    `--explain <id>` shows a plan."] : []),
    row("Advice", advice.length === 0 ? "none" : ""),
    ...advice.map(
      ({ subject, reason, action }) => `    ${plain(subject)}: ${plain(reason)} ${plain(action)}`,
    ),
  ];
}

function durations({ count: times, meanMs, p50Ms, p95Ms, p99Ms }: Pool["queryTime"]): string {
  if (times === 0) return "none";
  return `${number(times)}, ${ms(meanMs)} on average; half within ${ms(p50Ms)}, 95 % ${ms(p95Ms)}, 99 % ${ms(p99Ms)}`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : number(Math.round(value))} ms`;
}

function shortened(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
