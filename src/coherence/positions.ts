import * as z from "zod";
import { SERVER } from "./epochs.ts";
import type { Instant } from "./validator.ts";

/** What the primary says of itself. */
export interface PrimaryPosition {
  /** The epoch that its row names. */
  readonly epoch: string;
  /** It is the server, in the same life, on which that epoch began. */
  readonly isSameServer: boolean;
  /** Up to where its log was written: whatever was committed before is in front of it. */
  readonly position: bigint;
}

/** Whoever has replayed the primary's log up to `position` has every change that was released up to `instant`. */
export interface Position {
  readonly instant: Instant;
  readonly position: bigint;
  /** When the primary was asked, on this process's monotonic clock, in ms. */
  readonly at: number;
}

export interface PositionsOptions {
  /** An instant between the call and its return. */
  readonly instant: () => Promise<Instant | undefined>;
  readonly ask: () => Promise<PrimaryPosition>;
  readonly onError?: (error: unknown) => void;
  /** Between two questions at least, in ms. */
  readonly everyMs?: number;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

/** More are thinned out: a replica that is behind needs no exact steps. */
const MAX_POSITIONS = 512;

export type Positions = ReturnType<typeof createPositions>;

/**
 * Translates the sequence of the version table into positions of the primary's write-ahead log.
 *
 * A change gets its version after its commit, and its commit is in the log before it is acknowledged. So
 * when the sequence is learned first and the primary's position is asked for afterwards, every version up to that
 * sequence belongs to a commit in front of that position. Writers need not know of it, nor does Redis: it
 * holds for changes of whoever makes them, with one question ten times a second while somebody reads.
 *
 * That is so on the server on which the epoch began, and in the same life: a server that was promoted has
 * the row of the epoch too, and a log of its own. It says that it is not the same, until the next epoch.
 */
export function createPositions(options: PositionsOptions) {
  const { instant, ask, onError = () => {}, everyMs = 100, now = () => performance.now() } = options;
  /** Oldest first, all of one epoch; both sequences and positions grow. */
  let known: Position[] = [];
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  const add = (next: Position): void => {
    if (known[0]?.instant.epoch !== next.instant.epoch) known = [];
    const last = known.at(-1);
    // Nothing has changed: the lower position says as much.
    if (last?.instant.sequence === next.instant.sequence) return;
    if (last?.position === next.position) known.pop();
    known.push(next);
    if (known.length > MAX_POSITIONS)
      known = known.filter((_, index) => index % 2 === 0 || index > MAX_POSITIONS / 2);
  };

  const learn = async (): Promise<void> => {
    // In this order: what is released between the two is only claimed with the next position.
    const since = await instant();
    if (since === undefined) return;
    const at = now();
    const { epoch, isSameServer, position } = await ask();
    if (isSameServer && epoch === since.epoch) add({ instant: since, position, at });
    else known = [];
  };

  return {
    /** Asks again when the last answer is no longer fresh. Never rejects; nobody need wait for it. */
    refresh(): Promise<void> {
      if (asking === undefined && now() - askedAt >= everyMs) {
        askedAt = now();
        asking = learn()
          .catch(onError)
          .finally(() => {
            asking = undefined;
          });
      }
      return asking ?? Promise.resolve();
    },

    latest: (): Position | undefined => known.at(-1),

    /** What somebody has who has replayed the log up to there. */
    reachedBy: (position: bigint): Position | undefined =>
      known.findLast((each) => each.position <= position),

    /** The oldest that somebody lacks who has replayed the log up to there. */
    lackedBy: (position: bigint): Position | undefined => known.find((each) => each.position > position),
  };
}

const PRIMARY = `SELECT name AS epoch, server = ${SERVER} AS "isSameServer",
  (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text AS position,
  current_setting('wal_block_size') AS "pageBytes", pg_size_bytes(current_setting('wal_segment_size'))::text AS "segmentBytes"
  FROM cache_epoch`;

const primaryRow = z.object({
  epoch: z.string(),
  isSameServer: z.boolean(),
  position: z.string().transform(BigInt),
  pageBytes: z.string().transform(BigInt),
  segmentBytes: z.string().transform(BigInt),
});

/** Asks the primary. Rejects when it cannot be reached, and when it is a replica. */
export async function askPrimary(
  query: (sql: string, parameters: readonly string[]) => Promise<{ readonly rows: readonly unknown[] }>,
): Promise<PrimaryPosition> {
  const { epoch, isSameServer, position, pageBytes, segmentBytes } = primaryRow.parse(
    (await query(PRIMARY, [])).rows[0],
  );
  return { epoch, isSameServer, position: endOfLog(position, pageBytes, segmentBytes) };
}

/** What a page of the log begins with, and one that begins a segment (XLogPageHeaderData, XLogLongPageHeaderData). */
const PAGE_HEADER_BYTES = 24n;
const SEGMENT_HEADER_BYTES = 40n;

/**
 * Where the last record ends. PostgreSQL says where the next one will begin, which at the end of a page is behind the
 * next page's header; a replica says where the last one ended, and would seem to be behind until somebody writes again.
 */
export function endOfLog(position: bigint, pageBytes: bigint, segmentBytes: bigint): bigint {
  if (position % segmentBytes === SEGMENT_HEADER_BYTES) return position - SEGMENT_HEADER_BYTES;
  return position % pageBytes === PAGE_HEADER_BYTES ? position - PAGE_HEADER_BYTES : position;
}
