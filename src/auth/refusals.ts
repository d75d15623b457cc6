import type { Logger } from "pino";
import type { AuditRecord } from "../repositories/auditEntry.ts";
import type { CredentialProblem } from "./error.ts";

export interface Refusal {
  readonly problem: CredentialProblem;
  readonly requestId: string;
  readonly address: string | null;
}

export type Refusals = ReturnType<typeof createRefusals>;

/**
 * Records refused credentials in the audit log. So that an attack cannot fill the disk, an instance writes at
 * most `maxPerMinute` entries a minute, and then one with the number of further refusals. No request waits
 * for the writes.
 */
export function createRefusals(options: {
  readonly record: (record: AuditRecord) => Promise<void>;
  readonly log: Pick<Logger, "warn">;
  readonly maxPerMinute?: number;
  readonly windowMs?: number;
}) {
  const { record, log, maxPerMinute = 30, windowMs = 60_000 } = options;
  const writing = new Set<Promise<void>>();
  let told = 0;
  let untold = 0;
  let timer: NodeJS.Timeout | undefined;

  const write = (entry: Pick<AuditRecord, "details" | "requestId" | "address" | "count">): void => {
    const written = record({
      action: "authenticationFailed",
      actorId: null,
      credential: null,
      target: null,
      ...entry,
    })
      .catch((error: unknown) => log.warn({ err: error }, "a refused credential is missing in the audit log"))
      .finally(() => writing.delete(written));
    writing.add(written);
  };

  const endWindow = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (untold > 0) write({ details: { problem: "more" }, requestId: null, address: null, count: untold });
    told = untold = 0;
  };

  return {
    note({ problem, requestId, address }: Refusal): void {
      timer ??= setTimeout(endWindow, windowMs).unref();
      if (told < maxPerMinute) {
        told++;
        write({ details: { problem }, requestId, address, count: 1 });
      } else untold++;
    },

    /** Resolves when everything has been written. */
    async close(): Promise<void> {
      endWindow();
      await Promise.all(writing);
    },
  };
}
