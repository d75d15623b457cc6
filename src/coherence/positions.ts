import * as z from "zod";
import { SERVER } from "./epochs.ts";
import type { Instant } from "./validator.ts";

/** The primary's account of its own state. */
export interface PrimaryPosition {
  /** The epoch named by its `cache_epoch` row. */
  readonly epoch: string;
  /** Whether that epoch began on this server and the server has not restarted since. */
  readonly isSameServer: boolean;
  /** The end of its write-ahead log: everything committed by then is in front of this position. */
  readonly position: bigint;
}

/** A server that has replayed the log up to `position` has every change released up to `instant`. */
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
  /** The minimum interval between two questions to the primary, in ms. */
  readonly everyMs?: number;
  /** A monotonic clock, in ms. */
  readonly now?: () => number;
}

/** Above this number older positions are thinned out: a replica that is behind needs no exact steps. */
const MAX_POSITIONS = 512;

export type Positions = ReturnType<typeof createPositions>;

/**
 * Translates sequences of the version table into positions of the primary's write-ahead log.
 *
 * A change gets its version after its commit, and the commit is in the log before it is acknowledged. So if
 * this process first learns the sequence and then asks for the primary's position, every version up to that
 * sequence belongs to a commit in front of that position. Neither writers nor Redis take part: this holds for
 * the changes of every writer, and costs one question ten times a second while there are reads.
 *
 * It holds only on the server on which the epoch began, and only until that server restarts. A promoted
 * server has the epoch's row too, but a log of its own. Until the next epoch begins, it reports that it is
 * not the same server.
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
    // Nothing has been released since: the lower position already covers this sequence.
    if (last?.instant.sequence === next.instant.sequence) return;
    if (last?.position === next.position) known.pop();
    known.push(next);
    if (known.length > MAX_POSITIONS)
      known = known.filter((_, index) => index % 2 === 0 || index > MAX_POSITIONS / 2);
  };

  const learn = async (): Promise<void> => {
    // The order matters: changes released between the two steps are claimed by the next position only.
    const since = await instant();
    if (since === undefined) return;
    const at = now();
    const { epoch, isSameServer, position } = await ask();
    if (isSameServer && epoch === since.epoch) add({ instant: since, position, at });
    else known = [];
  };

  return {
    /** Asks the primary if the last question is at least `everyMs` ago. Never rejects; need not be awaited. */
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

    /** The latest known position that a server has reached which has replayed the log up to `position`. */
    reachedBy: (position: bigint): Position | undefined =>
      known.findLast((each) => each.position <= position),

    /** The oldest known position that a server lacks which has replayed the log up to `position`. */
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

/** Asks the primary for its position. Rejects when it cannot be reached, and when the server is a replica. */
export async function askPrimary(
  query: (sql: string, parameters: readonly string[]) => Promise<{ readonly rows: readonly unknown[] }>,
): Promise<PrimaryPosition> {
  const { epoch, isSameServer, position, pageBytes, segmentBytes } = primaryRow.parse(
    (await query(PRIMARY, [])).rows[0],
  );
  return { epoch, isSameServer, position: endOfLog(position, pageBytes, segmentBytes) };
}

/** The headers of a log page and of a segment's first page (XLogPageHeaderData, XLogLongPageHeaderData). */
const PAGE_HEADER_BYTES = 24n;
const SEGMENT_HEADER_BYTES = 40n;

/**
 * Returns the position at which the last record ends. The primary reports where the next record will begin,
 * which at the end of a page is behind the next page's header. A replica reports where the last record ended,
 * so it would seem to be behind until the next write.
 */
export function endOfLog(position: bigint, pageBytes: bigint, segmentBytes: bigint): bigint {
  if (position % segmentBytes === SEGMENT_HEADER_BYTES) return position - SEGMENT_HEADER_BYTES;
  return position % pageBytes === PAGE_HEADER_BYTES ? position - PAGE_HEADER_BYTES : position;
}
