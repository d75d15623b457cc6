import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";

/** A line that names the machine and the Node.js version of a measurement. */
export function machine(): string {
  const [cpu] = cpus();
  const memoryGb = Math.round(totalmem() / 1e9);
  return `${cpu?.model ?? "unknown processor"}, ${cpus().length} cores, ${memoryGb} GB; Node ${process.version}; ${new Date().toISOString()}`;
}

/**
 * The median with the least and the greatest sample, which show how far a figure can be trusted on a shared
 * machine.
 */
export function spreadOf(samples: readonly number[]) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/** A number with three significant digits. */
export const short = (value: number) => String(Number(value.toPrecision(3)));

/** Whether the machine has this program. */
export function has(command: string): boolean {
  try {
    execFileSync("which", [command], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
