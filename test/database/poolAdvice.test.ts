import { describe, expect, test } from "vitest";
import {
  advisePool,
  type PoolFigures,
  type ServerFigures,
  type SessionFigures,
  type TableFigures,
} from "../../src/database/poolAdvice.ts";

const POOL: PoolFigures = {
  min: 2,
  max: 20,
  peakInUse: 8,
  peakWaiting: 0,
  uptimeSeconds: 3_600,
  acquisitions: 100_000,
  acquireP99Ms: 1,
  queryP50Ms: 0.8,
  acquireTimeouts: 0,
};
const SERVER: ServerFigures = { maxConnections: 100, connections: 30, tables: [], sessions: [] };
const TABLE: TableFigures = {
  name: "projects",
  rows: 50_000,
  sequentialScans: 1_000,
  rowsScanned: 50_000_000,
  indexScans: 2_000,
};
const SESSION: SessionFigures = {
  state: "idle in transaction",
  application: "report",
  processId: 4711,
  transactionSeconds: 600,
  stateSeconds: 590,
};

const advise = (pool: Partial<PoolFigures>, server: Partial<ServerFigures> = {}) =>
  advisePool({ ...POOL, ...pool }, { ...SERVER, ...server }).map(
    ({ kind, subject, reason, action }) => `${kind} | ${subject} | ${reason} | ${action}`,
  );
const kinds = (pool: Partial<PoolFigures>, server: Partial<ServerFigures> = {}) =>
  advisePool({ ...POOL, ...pool }, { ...SERVER, ...server }).map(({ kind, subject }) => `${kind} ${subject}`);

test("there is no advice when nothing is wrong", () => {
  expect(advise({})).toEqual([]);
});

describe("a pool that is too small", () => {
  const small = { peakInUse: 20, peakWaiting: 140, acquireP99Ms: 320, acquireTimeouts: 3 };

  test("should be larger by half, and the advice gives the figures that say why", () => {
    expect(advise(small)).toEqual([
      "raise-max | DB_POOL_MAX | All 20 connections were at work, 140 requests waited at once, 1 of 100 for 320 ms or longer, " +
        "and 3 in vain; half of the statements take 0.8 ms. | Set DB_POOL_MAX to 30.",
    ]);
  });

  test.each([
    [
      "is raised by as much as the server has room for",
      { maxConnections: 100, connections: 74 },
      "Set DB_POOL_MAX to 26.",
    ],
    ["is raised by half at most", { maxConnections: 1_000, connections: 74 }, "Set DB_POOL_MAX to 30."],
    [
      "needs a server that takes more connections first",
      { maxConnections: 100, connections: 85 },
      "Raise max_connections, put a pooler before the server, or run fewer instances; then set DB_POOL_MAX to 30.",
    ],
  ])("%s", (_, server, action) => {
    expect(advisePool({ ...POOL, ...small }, { ...SERVER, ...server })).toMatchObject([
      { kind: "raise-max", action },
    ]);
  });

  test.each([
    ["waits were short", { peakInUse: 20, acquireP99Ms: 49 }, []],
    ["not all of it was used", { peakInUse: 19, acquireP99Ms: 900 }, []],
    ["there are few figures", { peakInUse: 20, acquireP99Ms: 900, acquisitions: 999 }, []],
    [
      "one request got none",
      { peakInUse: 20, acquireTimeouts: 1, acquisitions: 5 },
      ["raise-max DB_POOL_MAX"],
    ],
  ])("when %s", (_, pool, expected) => {
    expect(kinds(pool)).toEqual(expected);
  });
});

describe("a pool that is too large", () => {
  test.each([
    ["keeps more open than were ever at work", { min: 10, peakInUse: 3 }, {}, ["lower-min DB_POOL_MIN"]],
    ["has run for a short time", { min: 10, peakInUse: 3, uptimeSeconds: 599 }, {}, []],
    ["has hardly been used", { min: 10, peakInUse: 3, acquisitions: 999 }, {}, []],
    ["may grow while others need room", {}, { connections: 80 }, ["lower-max DB_POOL_MAX"]],
    ["may grow where there is room", {}, { connections: 79 }, []],
    ["may grow to twice its use", { max: 16 }, { connections: 80 }, []],
  ])("%s", (_, pool, server, expected) => {
    expect(kinds(pool, server)).toEqual(expected);
  });

  test("is reported with the figures and the size to set", () => {
    expect(advise({ min: 10, max: 40, peakInUse: 3 }, { connections: 90 })).toEqual([
      "lower-min | DB_POOL_MIN | At most 3 connections were at work at once in 3,600 s. 10 are kept open when idle. | Set DB_POOL_MIN to 3.",
      "lower-max | DB_POOL_MAX | At most 3 connections were at work at once in 3,600 s. It may open 40, and the server has 90 of 100 in use. | " +
        "Set DB_POOL_MAX to 10, so that a burst here leaves others theirs.",
    ]);
  });
});

describe("a table that is read from end to end", () => {
  test("needs an index", () => {
    expect(advise({}, { tables: [TABLE] })).toEqual([
      "add-index | projects | It was read from end to end 1,000 times (50,000,000 rows), by an index 2,000 times, and has 50,000 rows. | " +
        "Look at the plans of the slow statements on it, and add an index on what they select by (CREATE INDEX CONCURRENTLY).",
    ]);
  });

  test.each([
    ["it is small", { rows: 9_999 }],
    ["that happens rarely", { sequentialScans: 99 }],
    ["nearly all reads are by an index", { indexScans: 10_001 }],
    ["the reads stop early", { rowsScanned: 24_999_999 }],
  ])("unless %s", (_, table) => {
    expect(kinds({}, { tables: [{ ...TABLE, ...table }] })).toEqual([]);
  });

  test("is named if it is among the five that cost most", () => {
    const tables = [1, 2, 3, 4, 5, 6].map((n) => ({ ...TABLE, name: `t${n}`, rowsScanned: n * 50_000_000 }));
    expect(kinds({}, { tables })).toEqual([6, 5, 4, 3, 2].map((n) => `add-index t${n}`));
  });
});

describe("a session", () => {
  test("whose transaction has been open for long should be ended", () => {
    expect(advise({}, { sessions: [SESSION] })).toEqual([
      "end-transaction | session 4711 (report) | Its transaction has been open for 600 s and is idle in transaction. Until it ends, VACUUM " +
        "keeps every row that it could still see, and its locks hold. | Find out what it does; SELECT pg_terminate_backend(4711) ends it. " +
        "idle_in_transaction_session_timeout bounds such sessions.",
    ]);
    expect(kinds({}, { sessions: [{ ...SESSION, transactionSeconds: 59 }] })).toEqual([]);
    expect(kinds({}, { sessions: [{ ...SESSION, transactionSeconds: null }] })).toEqual([]);
  });

  test("that is unused should be closed only where connections are scarce", () => {
    const unused = { ...SESSION, state: "idle", transactionSeconds: null, stateSeconds: 600 };
    const sessions = [unused, unused, { ...unused, application: "" }, { ...unused, stateSeconds: 599 }];

    expect(kinds({ max: 16 }, { sessions, connections: 80 })).toEqual([
      "close-unused report",
      "close-unused sessions without a name",
    ]);
    expect(kinds({ max: 16 }, { sessions, connections: 79 })).toEqual([]);
  });
});
