import { StackConverterError } from "./error.ts";
import {
  type ConversionJobEventFieldsFragment,
  ConversionJobEventsDocument,
  ConversionJobNewsDocument,
  type ConversionJobStatus,
  type Request,
} from "./generated.ts";
import { backoffMs, isTransient, sleep } from "./retry.ts";
import type { Subscribe } from "./subscribe.ts";
import type { RequestOptions } from "./transport.ts";

/** Something that happened to a job, and the job as it was then. */
export type JobEvent = ConversionJobEventFieldsFragment;

export interface WatchOptions extends Pick<RequestOptions, "signal" | "headers"> {
  /** Only events after the one with this sequence number; all of them unless told. */
  readonly after?: number | undefined;
  /** How long to try when the service cannot be reached, in ms; 300,000 unless told. */
  readonly giveUpAfterMs?: number | undefined;
}

const POLL_EVERY_MS = 1_000;
const STREAM_AGAIN_AFTER_MS = 60_000;
const EVENTS_PER_PAGE = 1_000;

/**
 * What happens to a job, from its first event (or `after`) on, as it happens: each event once, in order, whatever
 * happens to connections and instances of the service meanwhile. It ends with the job: COMPLETED, FAILED or
 * CANCELLED. (A failed job that somebody retries can be watched again.)
 *
 * Events come as a stream. Where there is none, because of a proxy or because the service has no room for one more
 * subscriber, the job's log is asked once a second.
 *
 * @throws StackConverterError `NOT_FOUND` when there is no such job (any more), `ABORTED` by the signal, and what the service
 *   refuses the request with
 */
export async function* watchJob(
  { request, subscribe }: { request: Request<RequestOptions>; subscribe: Subscribe },
  id: string,
  { after = 0, signal, headers, giveUpAfterMs = 300_000 }: WatchOptions = {},
): AsyncGenerator<JobEvent, void, undefined> {
  let last = after;
  let failures = 0;
  let unreachableSince: number | undefined;
  let streamAt = 0;

  /** Those that were not seen yet: after a break the service may begin a little earlier. */
  function* unseen(events: readonly JobEvent[]) {
    for (const event of events) {
      if (event.sequence <= last) continue;
      last = event.sequence;
      yield event;
    }
  }

  for (;;) {
    const from = last;
    if (performance.now() >= streamAt) {
      let hasCome = false;
      try {
        const variables = { jobId: id, after: last };
        for await (const { conversionJobEvents } of subscribe(ConversionJobNewsDocument, variables, {
          signal,
          headers,
        })) {
          hasCome = true;
          yield* unseen(conversionJobEvents.events);
          const status = conversionJobEvents.events.at(-1)?.status;
          if (status !== undefined && isFinished(status)) break;
        }
      } catch (error) {
        // What the matter is, and whether it matters, is for the request below to find out.
        const isBroken = isTransient(error) && !(error.code === "TIMEOUT" && !hasCome);
        if (!isBroken) streamAt = performance.now() + STREAM_AGAIN_AFTER_MS;
      }
    }
    let isMore = false;
    try {
      // Also after a stream that has said that it is over: the log knows whether the job is.
      const variables = { id, since: last, first: EVENTS_PER_PAGE };
      const job = await request(ConversionJobEventsDocument, variables, { signal, headers });
      if (!job.conversionJob) throw new StackConverterError("NOT_FOUND", `There is no conversion job ${id}.`);
      unreachableSince = undefined;
      const { status, lastEventSequence, events } = job.conversionJob;
      yield* unseen(events.nodes);
      isMore = events.pageInfo.hasNextPage;
      // The page may be older than the status.
      if (last >= lastEventSequence && isFinished(status)) return;
    } catch (error) {
      unreachableSince ??= performance.now();
      if (!isTransient(error) || performance.now() - unreachableSince > giveUpAfterMs) throw error;
      failures++;
      await sleep(backoffMs(failures), signal);
      continue;
    }
    const isPolling = performance.now() < streamAt;
    failures = isPolling || last > from ? 0 : failures + 1;
    if (isMore) continue;
    if (isPolling) await sleep(POLL_EVERY_MS, signal);
    // A stream that ends again and again, without anything new.
    else if (failures > 0) await sleep(backoffMs(failures), signal);
  }
}

function isFinished(status: ConversionJobStatus): boolean {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}
