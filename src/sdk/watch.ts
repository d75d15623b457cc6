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

/** An event of a job, with the job as it was then. */
export type JobEvent = ConversionJobEventFieldsFragment;

export interface WatchOptions extends Pick<RequestOptions, "signal" | "headers"> {
  /** Only events after the one with this sequence number; by default all events. */
  readonly after?: number | undefined;
  /** How long to keep trying while the service cannot be reached, in ms; 300,000 by default. */
  readonly giveUpAfterMs?: number | undefined;
}

const POLL_EVERY_MS = 1_000;
const STREAM_AGAIN_AFTER_MS = 60_000;
const EVENTS_PER_PAGE = 1_000;

/**
 * Yields a job's events as they happen, from the first one (or `after`) on. Each comes once and in order,
 * even if connections break or instances of the service end meanwhile. It ends when the job is COMPLETED,
 * FAILED or CANCELLED. (A failed job that somebody retries can be watched again.)
 *
 * Events come over a stream. Where no stream is to be had, because of a proxy or because the service has no
 * room for one more subscriber, the job's log is polled once a second.
 *
 * @throws StackConverterError `NOT_FOUND` when there is no such job (any more), `ABORTED` when the signal
 *   fires, and the code with which the service refuses the request
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

  /** The events that were not yielded yet: after a break the service may begin a little earlier. */
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
        // The request below finds out what the matter is, and whether it matters.
        const isBroken = isTransient(error) && !(error.code === "TIMEOUT" && !hasCome);
        if (!isBroken) streamAt = performance.now() + STREAM_AGAIN_AFTER_MS;
      }
    }
    let isMore = false;
    try {
      // Asked also after the service has completed the stream: only the log knows whether the job has ended.
      const variables = { id, since: last, first: EVENTS_PER_PAGE };
      const job = await request(ConversionJobEventsDocument, variables, { signal, headers });
      if (!job.conversionJob) throw new StackConverterError("NOT_FOUND", `There is no conversion job ${id}.`);
      unreachableSince = undefined;
      const { status, lastEventSequence, events } = job.conversionJob;
      yield* unseen(events.nodes);
      isMore = events.pageInfo.hasNextPage;
      // The page of events may be older than the status.
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
    // The stream ends again and again without anything new.
    else if (failures > 0) await sleep(backoffMs(failures), signal);
  }
}

function isFinished(status: ConversionJobStatus): boolean {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}
