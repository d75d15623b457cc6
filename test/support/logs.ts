import { pino } from "pino";

/** A logger whose lines a test can read. */
export function captureLogs(level = "trace") {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return {
    log,
    lines,
    /** The lines of at least this level: 40 is warn, 50 is error. */
    atLeast: (least: number) => lines.filter((line) => Number(line.level) >= least),
    text: () => lines.map((line) => JSON.stringify(line)).join("\n"),
  };
}
