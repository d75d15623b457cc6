import { parseArgs } from "node:util";
import type { Fault } from "./fault.ts";
import { FAULTS, faultsNamed } from "./faults.ts";

export interface CheckOptions {
  readonly seconds: number;
  readonly instances: number;
  readonly faults: readonly Fault[];
  /** The average time between the end of a fault that the cache survives and the next one. */
  readonly gapSeconds: number;
  /** The average time between two storms of faults that empty the cache. */
  readonly calmSeconds: number;
  readonly seed: number;
  /** Concurrent readers per instance. */
  readonly readers: number;
  readonly writesPerSecond: number;
  /** The first instance's writes go unmarked, so there must be violations: can the check find any? */
  readonly isBroken: boolean;
  /** The replica tells the first instance that it has everything. Then its faults must cause violations. */
  readonly isReplicaBroken: boolean;
}

export interface CommandLine extends CheckOptions {
  readonly scenario: string | undefined;
  readonly wantsJson: boolean;
  readonly wantsHelp: boolean;
}

export const SCENARIOS = ["redis-kill-under-load"];

export const HELP = `Usage: npm run check:coherence -- [options]

Starts PostgreSQL, Redis and instances of the service, reads and writes through all of them while
things break, and checks every answer: nothing older than what was acknowledged before the read
began, nothing newer than what was written before it ended.

  --seconds N      how long (60); longer if by then a fault has not happened yet
  --instances N    of the service (3)
  --faults a,b,…   these alone (all); "none"; "kill" means all that begin with "kill:"
  --gap N          seconds between two faults that the cache survives, on average (4)
  --calm N         seconds between two storms of faults that empty it, on average (an eighth of
                   the run, up to 75: an epoch that lived for a minute is followed without a pause)
  --seed N         of everything that is left to chance (another one every time)
  --readers N      at a time, for each instance (8)
  --writes N       per second in busy phases, by the service (40)
  --broken         the first instance's writes go unmarked: must find violations
  --broken-replica the replica tells the first instance that it has everything: must find violations
                   when its replay is paused (--faults replica:pause)
  --scenario NAME  a measurement instead: ${SCENARIOS.join(", ")}
  --json           the result as JSON in the last line
  --help

Exits with 1 when there were violations, or an instance ended that nobody had killed.

Faults:
${FAULTS.map(({ name, description }) => `  ${name.padEnd(20)} ${description}`).join("\n")}
`;

/** @throws Error whose message says what is wrong with the arguments */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "60" },
      instances: { type: "string", default: "3" },
      faults: { type: "string", default: "all" },
      gap: { type: "string", default: "4" },
      calm: { type: "string" },
      seed: { type: "string" },
      readers: { type: "string", default: "8" },
      writes: { type: "string", default: "40" },
      broken: { type: "boolean", default: false },
      "broken-replica": { type: "boolean", default: false },
      scenario: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.scenario !== undefined && !SCENARIOS.includes(values.scenario)) {
    throw new Error(`There is no scenario "${values.scenario}". There are: ${SCENARIOS.join(", ")}.`);
  }
  const seconds = integer("seconds", values.seconds, 1);
  return {
    seconds,
    calmSeconds:
      values.calm === undefined ? Math.min(75, Math.max(2, seconds / 8)) : integer("calm", values.calm, 0),
    instances: integer("instances", values.instances, 1),
    faults: faultsNamed(values.faults.split(",")),
    gapSeconds: integer("gap", values.gap, 1),
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : integer("seed", values.seed, 0),
    readers: integer("readers", values.readers, 1),
    writesPerSecond: integer("writes", values.writes, 0),
    isBroken: values.broken,
    isReplicaBroken: values["broken-replica"],
    scenario: values.scenario,
    wantsJson: values.json,
    wantsHelp: values.help,
  };
}

function integer(name: string, text: string, minimum: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= minimum) return value;
  throw new Error(`--${name}: expected a whole number from ${minimum} on, got "${text}".`);
}
