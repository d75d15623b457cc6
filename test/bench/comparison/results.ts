import { short, spreadOf } from "../machine.ts";
import type { Contender } from "./contenders.ts";
import type { Sample } from "./load.ts";
import type { WorkName } from "./work.ts";

export type State = "hot" | "distinct" | "off" | "99/1" | "90/10" | "50/50" | "report";

export const STATES: Readonly<Record<State, string>> = {
  hot: "cached, one request",
  distinct: "cached, distinct variables",
  off: "nothing cached",
  "99/1": "99 % reads, 1 % writes",
  "90/10": "90 % reads, 10 % writes",
  "50/50": "50 % reads, 50 % writes",
  report: "writes",
};

/** What is measured, in this order. The mixes come last, because they change rows. */
export const PLAN: readonly { readonly work: WorkName; readonly state: State }[] = [
  ...(["Q1", "Q2", "Q3"] as const).flatMap((work) =>
    (["hot", "distinct", "off"] as const).map((state) => ({ work, state })),
  ),
  { work: "M1", state: "report" },
  ...(["99/1", "90/10", "50/50"] as const).map((state) => ({ work: "Q1" as const, state })),
];

/** The states of `--quick`: one of the mixes is enough for a first look. */
export const IN_QUICK: readonly State[] = ["hot", "distinct", "off", "report", "90/10"];

type Spread = ReturnType<typeof spreadOf>;

export interface Entry {
  readonly name: string;
  readonly family: string;
  readonly keeps: Contender["keeps"];
  readonly perSecond: Spread;
  readonly cpuMicroseconds: Spread;
  readonly statements: number;
  readonly redisCommands: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly isLoadBound: boolean;
  /** Undefined if answers were not checked for it. */
  readonly stale: number | undefined;
}

export interface Row {
  readonly work: WorkName;
  readonly state: State;
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** Names that the targets look for. */
export const AFTER_WRITE = "stack-converter, after a write";

export function entryOf({ family, keeps }: Contender, name: string, samples: readonly Sample[]): Entry {
  const spread = (read: (sample: Sample) => number) => spreadOf(samples.map(read));
  const stale = samples.flatMap((sample) => sample.stale ?? []);
  return {
    name,
    family,
    keeps,
    perSecond: spread(({ perSecond }) => perSecond),
    cpuMicroseconds: spread(({ cpuMicroseconds }) => cpuMicroseconds),
    statements: spread(({ statements }) => statements).median,
    redisCommands: spread(({ redisCommands }) => redisCommands).median,
    p50Ms: spread(({ p50Ms }) => p50Ms).median,
    p99Ms: spread(({ p99Ms }) => p99Ms).median,
    isLoadBound: samples.some(({ isLoadBound }) => isLoadBound),
    stale: stale.length === 0 ? undefined : stale.reduce((sum, count) => sum + count, 0),
  };
}

const COLUMNS = [
  "",
  "requests/s",
  "of the first",
  "CPU µs/request",
  "× the first",
  "SQL",
  "Redis",
  "p50 ms",
  "p99 ms",
  "stale",
];

/**
 * A row as a table. The others are compared with the row's first floor, or with its first entry if it has no
 * floor.
 */
export function tableOf({ work, state, title, entries }: Row): string {
  const floor = entries.find(({ family }) => family === "floor") ?? entries[0]!;
  const range = ({ median, min, max }: Spread) =>
    min === max ? short(median) : `${short(median)} (${short(min)}–${short(max)})`;
  const lines = entries.map((entry) => [
    `${entry.name}${entry.isLoadBound ? " *" : ""}`,
    range(entry.perSecond),
    short(entry.perSecond.median / floor.perSecond.median),
    range(entry.cpuMicroseconds),
    short(entry.cpuMicroseconds.median / floor.cpuMicroseconds.median),
    few(entry.statements),
    few(entry.redisCommands),
    short(entry.p50Ms),
    short(entry.p99Ms),
    entry.stale === undefined ? "" : String(entry.stale),
  ]);
  const widths = COLUMNS.map((column, index) =>
    Math.max(column.length, ...lines.map((line) => line[index]!.length)),
  );
  const shown = [COLUMNS, ...lines].map((line) =>
    line
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)))
      .join("  "),
  );
  const note = entries.some(({ isLoadBound }) => isLoadBound)
    ? "\n* the load was the bottleneck, not the server: its CPU counts, its requests/s do not"
    : "";
  return `\n${work}, ${STATES[state]}: ${title}\n${shown.join("\n")}${note}`;
}

/**
 * A count for each request, to the hundredth: the background work of a second is spread over thousands of
 * requests.
 */
const few = (value: number) => String(Math.round(value * 100) / 100);
