import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { MaintenanceReport } from "../database/maintenance/report.ts";
import type { ProgressStream } from "../import/progressBar.ts";
import { createStepBar } from "./stepBar.ts";
import { withService } from "./withService.ts";
import { size } from "./wording.ts";

export interface MaintainIo {
  readonly print: (line: string) => void;
  readonly progress: ProgressStream;
  readonly log: Logger;
  /** Cancels the running statement. */
  readonly signal: AbortSignal;
}

/**
 * `stack-converter maintain`: maintains the database, by the settings alone and without a running service.
 *
 * @returns the exit code: 1 when a step has failed
 * @throws AppError `CONFLICT` when another maintenance is running; the signal's reason
 */
export async function runMaintain(
  config: Config,
  { isFullPass, isDryRun, isJson }: { isFullPass: boolean; isDryRun: boolean; isJson: boolean },
  { print, progress, log, signal }: MaintainIo,
): Promise<0 | 1> {
  // The service has its own way of deleting rows, and a relay that tells the cache of writes not told yet.
  return withService(config, log, async (app) => {
    const bar = createStepBar({ stream: progress, isSilent: isJson });
    try {
      const report = await app.maintenance.perform({
        isFullPass,
        isDryRun,
        signal,
        onProgress: ({ name, number, count, phase, done, total }) =>
          bar.show({ title: `${number}/${count} ${name}${phase && ` (${phase})`}`, done, total }),
        onDone: async ({ seconds, reclaimedBytes }) => {
          if (isDryRun) return;
          await app.repositories.auditEntries.record({
            action: "performMaintenance",
            actorId: null,
            credential: "command line",
            target: null,
            details: { isFullPass, seconds, reclaimedBytes },
            requestId: null,
            address: null,
          });
        },
      });
      bar.stop();
      // Safe: maintenance without a schedule is always due, so there is a report.
      for (const line of isJson ? [JSON.stringify(report)] : linesOf(report!)) print(line);
      return problemsOf(report!).length > 0 ? 1 : 0;
    } finally {
      bar.stop();
    }
  });
}

function problemsOf({ pruned, tables, indexes }: MaintenanceReport): string[] {
  return [...pruned, ...tables, ...indexes].flatMap(({ problem }) => problem ?? []);
}

function linesOf(report: MaintenanceReport): string[] {
  const { isDryRun, pruned, tables, indexes, notes, reclaimedBytes, seconds } = report;
  const outcome = ({ seconds, problem }: { seconds: number; problem: string | null }) => {
    if (problem !== null) return `FAILED: ${problem}`;
    return isDryRun ? "would be done" : `${seconds.toFixed(1)} s`;
  };
  const sizes = ({ bytesBefore, bytesAfter }: { bytesBefore: number; bytesAfter: number }) =>
    bytesBefore === bytesAfter ? size(bytesBefore) : `${size(bytesBefore)} → ${size(bytesAfter)}`;
  return [
    ...pruned.map((part) => `prune    ${part.table}: ${part.rows} rows (${part.what}), ${outcome(part)}`),
    ...tables.map(
      (part) =>
        `${part.action === "ANALYZE" ? "analyze " : "vacuum  "} ${part.table}: ${part.reason}, ${sizes(part)}, ${outcome(part)}`,
    ),
    ...indexes.map(
      (part) =>
        `${part.action === "DROP" ? "drop    " : "reindex "} ${part.index}: ${part.reason}, ${sizes(part)}, ${outcome(part)}`,
    ),
    ...notes.map((note) => `note     ${note}`),
    isDryRun
      ? "A dry run: nothing was changed."
      : `Done in ${seconds.toFixed(1)} s; ${size(reclaimedBytes)} reclaimed.`,
  ];
}
