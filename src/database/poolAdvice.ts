/**
 * Derives advice from the figures of the pool and the server. Pure: the same figures give the same advice.
 */

export interface PoolFigures {
  readonly min: number;
  readonly max: number;
  /** The most connections that were in use at once, since the start. */
  readonly peakInUse: number;
  /** The most requests that waited for a connection at once, since the start. */
  readonly peakWaiting: number;
  readonly uptimeSeconds: number;
  /** How often a connection was asked for. */
  readonly acquisitions: number;
  readonly acquireP99Ms: number;
  readonly queryP50Ms: number;
  /** How often no connection became free in time. */
  readonly acquireTimeouts: number;
}

export interface TableFigures {
  readonly name: string;
  readonly rows: number;
  /** Since the server's statistics were reset. */
  readonly sequentialScans: number;
  /** Rows that the sequential scans have read. */
  readonly rowsScanned: number;
  readonly indexScans: number;
}

export interface SessionFigures {
  /** `active`, `idle`, `idle in transaction` …, as in pg_stat_activity. */
  readonly state: string;
  readonly application: string;
  readonly processId: number;
  /** How long its transaction has been open; null: no transaction is open. */
  readonly transactionSeconds: number | null;
  /** How long it has been in this state. */
  readonly stateSeconds: number;
}

export interface ServerFigures {
  /** `max_connections` of the server. */
  readonly maxConnections: number;
  /** Client sessions on the whole server. */
  readonly connections: number;
  readonly tables: readonly TableFigures[];
  /** Sessions in this database, other than this service's own. */
  readonly sessions: readonly SessionFigures[];
}

export type PoolAdviceKind =
  | "raise-max"
  | "lower-max"
  | "lower-min"
  | "add-index"
  | "end-transaction"
  | "close-unused";

export interface PoolAdvice {
  readonly kind: PoolAdviceKind;
  /** What the advice is about: a setting, a table, a session. */
  readonly subject: string;
  /** Why, with the figures. */
  readonly reason: string;
  /** What to do. */
  readonly action: string;
}

/** Figures from fewer acquisitions or a shorter time say little. */
const MIN_ACQUISITIONS = 1_000;
const MIN_UPTIME_SECONDS = 600;
/** A wait that users notice. */
const LONG_WAIT_MS = 50;
/** A smaller table is read faster from end to end than by an index. */
const MIN_TABLE_ROWS = 10_000;
const MIN_SCANS = 100;
const LONG_TRANSACTION_SECONDS = 60;
const UNUSED_SECONDS = 600;
/** The share of the server's connections in use from which on they count as scarce. */
const SCARCE_SHARE = 0.8;
/** At most so many tables or sessions are named. An operator fixes one at a time. */
const MAX_NAMED = 5;

/** The most important advice comes first. */
export function advisePool(pool: PoolFigures, server: ServerFigures): PoolAdvice[] {
  return [
    ...transactions(server),
    ...tooSmall(pool, server),
    ...scans(server),
    ...unused(server),
    ...tooLarge(pool, server),
  ];
}

const seconds = (value: number) => `${Math.round(value).toLocaleString("en")} s`;
const number = (value: number) => Math.round(value).toLocaleString("en");
const isScarce = ({ connections, maxConnections }: ServerFigures) =>
  connections >= maxConnections * SCARCE_SHARE;

function transactions({ sessions }: ServerFigures): PoolAdvice[] {
  return sessions
    .filter(({ transactionSeconds }) => (transactionSeconds ?? 0) >= LONG_TRANSACTION_SECONDS)
    .toSorted((one, other) => other.transactionSeconds! - one.transactionSeconds!) // Not null: the filter left those out.
    .slice(0, MAX_NAMED)
    .map(({ application, processId, state, transactionSeconds }) => ({
      kind: "end-transaction",
      subject: `session ${processId} (${application || "without a name"})`,
      reason: `Its transaction has been open for ${seconds(transactionSeconds!)} and is ${state}. Until it ends, VACUUM keeps every row that it could still see, and its locks hold.`,
      action: `Find out what it does; SELECT pg_terminate_backend(${processId}) ends it. idle_in_transaction_session_timeout bounds such sessions.`,
    }));
}

function tooSmall(pool: PoolFigures, server: ServerFigures): PoolAdvice[] {
  const { max, peakInUse, peakWaiting, acquisitions, acquireP99Ms, acquireTimeouts, queryP50Ms } = pool;
  const waitsLong = acquisitions >= MIN_ACQUISITIONS && acquireP99Ms >= LONG_WAIT_MS;
  if (peakInUse < max || (acquireTimeouts === 0 && !waitsLong)) return [];
  const room = Math.floor(server.maxConnections * SCARCE_SHARE) - server.connections;
  const wanted = Math.ceil(max * 1.5);
  const raised = Math.min(wanted, max + Math.max(0, room));
  const reason =
    `All ${max} connections were at work, ${number(peakWaiting)} requests waited at once, 1 of 100 for ${number(acquireP99Ms)} ms ` +
    `or longer, and ${number(acquireTimeouts)} in vain; half of the statements take ${queryP50Ms.toFixed(1)} ms.`;
  return [
    raised > max
      ? { kind: "raise-max", subject: "DB_POOL_MAX", reason, action: `Set DB_POOL_MAX to ${raised}.` }
      : {
          kind: "raise-max",
          subject: "max_connections",
          reason: `${reason} The server has ${server.connections} of ${server.maxConnections} connections in use, so there is no room for more.`,
          action: `Raise max_connections, put a pooler before the server, or run fewer instances; then set DB_POOL_MAX to ${wanted}.`,
        },
  ];
}

function scans({ tables }: ServerFigures): PoolAdvice[] {
  return tables
    .filter(
      ({ rows, sequentialScans, rowsScanned, indexScans }) =>
        rows >= MIN_TABLE_ROWS &&
        sequentialScans >= MIN_SCANS &&
        // An occasional count or backup does not qualify: sequential scans must be frequent compared to index
        // scans.
        sequentialScans * 10 >= indexScans &&
        rowsScanned >= sequentialScans * (rows / 2),
    )
    .toSorted((one, other) => other.rowsScanned - one.rowsScanned)
    .slice(0, MAX_NAMED)
    .map(({ name, rows, sequentialScans, rowsScanned, indexScans }) => ({
      kind: "add-index",
      subject: name,
      reason: `It was read from end to end ${number(sequentialScans)} times (${number(rowsScanned)} rows), by an index ${number(indexScans)} times, and has ${number(rows)} rows.`,
      action:
        "Look at the plans of the slow statements on it, and add an index on what they select by (CREATE INDEX CONCURRENTLY).",
    }));
}

function unused(server: ServerFigures): PoolAdvice[] {
  if (!isScarce(server)) return [];
  const idle = new Map<string, number>();
  for (const { application, state, stateSeconds } of server.sessions) {
    if (state === "idle" && stateSeconds >= UNUSED_SECONDS)
      idle.set(application, (idle.get(application) ?? 0) + 1);
  }
  return [...idle]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, MAX_NAMED)
    .map(([application, count]) => ({
      kind: "close-unused",
      subject: application || "sessions without a name",
      reason: `${count} of its connections have been idle for more than ${seconds(UNUSED_SECONDS)}, while the server has ${server.connections} of ${server.maxConnections} in use.`,
      action:
        "Close them where they come from, or set idle_session_timeout (PostgreSQL 14 or newer) for its role.",
    }));
}

function tooLarge(pool: PoolFigures, server: ServerFigures): PoolAdvice[] {
  const { min, max, peakInUse, uptimeSeconds, acquisitions } = pool;
  if (uptimeSeconds < MIN_UPTIME_SECONDS || acquisitions < MIN_ACQUISITIONS) return [];
  const needed = Math.max(1, peakInUse);
  const observed = `At most ${peakInUse} connections were at work at once in ${seconds(uptimeSeconds)}.`;
  const advice: PoolAdvice[] = [];
  if (min > needed) {
    advice.push({
      kind: "lower-min",
      subject: "DB_POOL_MIN",
      reason: `${observed} ${min} are kept open when idle.`,
      action: `Set DB_POOL_MIN to ${needed}.`,
    });
  }
  // Where connections are not scarce, a high limit costs nothing.
  const enough = Math.max(min, needed * 2);
  if (isScarce(server) && max > enough) {
    advice.push({
      kind: "lower-max",
      subject: "DB_POOL_MAX",
      reason: `${observed} It may open ${max}, and the server has ${server.connections} of ${server.maxConnections} in use.`,
      action: `Set DB_POOL_MAX to ${enough}, so that a burst here leaves others theirs.`,
    });
  }
  return advice;
}
