import { short } from "../machine.ts";
import { AFTER_WRITE, type Entry, type Row } from "./results.ts";

export interface Target {
  readonly what: string;
  /** The measured figure, to be compared with `wanted`. */
  readonly value: number;
  readonly wanted: number;
  readonly isMet: boolean;
}

export interface Whole {
  /** From the start of the process to the first answer. */
  readonly startMs: number | undefined;
  /** The service's memory at the end of the run. */
  readonly residentBytes: number | undefined;
}

/** The targets of the service, as far as this run has measured them. */
export function targetsOf(rows: readonly Row[], { startMs, residentBytes }: Whole): Target[] {
  const targets: Target[] = [];
  const atLeast = (what: string, value: number, wanted: number) =>
    targets.push({ what, value, wanted, isMet: value >= wanted });
  const atMost = (what: string, value: number, wanted: number) =>
    targets.push({ what, value, wanted, isMet: value <= wanted });

  for (const { work, state, entries } of rows) {
    const find = (name: string) => entries.find((entry) => entry.name === name);
    const peers = entries.filter(({ family }) => family !== "floor" && family !== "stack-converter");
    if (state === "hot" || state === "distinct") {
      const [service, floor] = [find("stack-converter"), find("bare HTTP")];
      if (service === undefined || floor === undefined) continue;
      atLeast(`${work} ${state}: requests/s of the bare HTTP server's`, rate(service) / rate(floor), 0.7);
      atLeast(`${work} ${state}: the same by CPU`, cpu(floor) / cpu(service), 0.7);
      if (peers.length === 0) continue;
      const wanted = work === "Q1" && state === "hot" ? 1.5 : 4;
      atLeast(`${work} ${state}: times the fastest peer`, rate(service) / best(peers, rate), wanted);
      atLeast(`${work} ${state}: the same by CPU`, least(peers, cpu) / cpu(service), wanted);
    } else if (state === "off") {
      const [service, after] = [find("stack-converter, no cache"), find(AFTER_WRITE)];
      const [statement, rival] = [find("one statement"), find(work === "Q1" ? "Mercurius" : "PostGraphile")];
      if (service !== undefined && rival !== undefined)
        atMost(`${work} uncached: CPU of ${rival.name}'s`, cpu(service) / cpu(rival), 1);
      if (service !== undefined && statement !== undefined && work !== "Q1")
        atMost(`${work} uncached: CPU of the one statement's`, cpu(service) / cpu(statement), 4);
      if (after !== undefined && peers.length > 0) {
        atLeast(`${work} after a write: times the fastest uncached peer`, rate(after) / best(peers, rate), 3);
        atLeast(`${work} after a write: the same by CPU`, least(peers, cpu) / cpu(after), 3);
      }
    } else if (state === "90/10") {
      const service = find("stack-converter");
      const honest = peers.filter(({ stale }) => stale === 0);
      if (service === undefined) continue;
      atMost("90/10: stale answers", service.stale ?? Number.NaN, 0);
      if (honest.length === 0) continue;
      atLeast("90/10: times the fastest peer without stale answers", rate(service) / best(honest, rate), 3);
      atLeast("90/10: the same by CPU", least(honest, cpu) / cpu(service), 3);
    }
  }
  if (startMs !== undefined) atMost("start on an existing database, ms", startMs, 1_500);
  if (residentBytes !== undefined) atMost("memory after the run, MB", residentBytes / 1e6, 200);
  return targets;
}

export const targetLine = ({ what, value, wanted, isMet }: Target) =>
  `${isMet ? "reached" : "MISSED "}  ${what}: ${short(value)} (${short(wanted)} wanted)`;

const rate = ({ perSecond }: Entry) => perSecond.median;
const cpu = ({ cpuMicroseconds }: Entry) => cpuMicroseconds.median;
const best = (entries: readonly Entry[], of: (entry: Entry) => number) => Math.max(...entries.map(of));
const least = (entries: readonly Entry[], of: (entry: Entry) => number) => Math.min(...entries.map(of));
