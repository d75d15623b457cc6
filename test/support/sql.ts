import type pg from "pg";

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface StatementRecording {
  /** In the order in which they were sent, including transaction control. The list grows while recording. */
  readonly statements: readonly Statement[];
  reset(): void;
  stop(): void;
}

type Record = (statement: Statement) => void;

/** The listeners of every pool and client that was ever recorded. These stay patched, which is harmless. */
const listeners = new WeakMap<object, Set<Record>>();

/**
 * Records every SQL statement that is sent through a pool (or a single client) from now on: `pool.query`,
 * statements of checked-out clients, and those of Prisma when its adapter was given this pool. All of them
 * end in `client.query`, and a pool hands out clients only by `connect`. Statements by which the pool's own
 * "connect" listeners set up a new connection are not recorded.
 */
export function recordStatements(source: pg.Pool | pg.Client): StatementRecording {
  const statements: Statement[] = [];
  const record: Record = (statement) => statements.push(statement);
  const recording = listeners.get(source) ?? observe(source);
  recording.add(record);
  return {
    statements,
    reset() {
      statements.length = 0;
    },
    stop() {
      recording.delete(record);
    },
  };
}

/** The statements without BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their like. */
export function withoutTransactionControl(statements: readonly Statement[]): Statement[] {
  const control =
    /^\s*(begin|start\s+transaction|commit|end|rollback|savepoint|release|set\s+transaction)\b/i;
  return statements.filter(({ text }) => !control.test(text));
}

function observe(source: pg.Pool | pg.Client): Set<Record> {
  const recording = new Set<Record>();
  listeners.set(source, recording);
  if ("totalCount" in source) observePool(source, recording);
  else observeClient(source, recording);
  return recording;
}

function observePool(pool: pg.Pool, recording: Set<Record>): void {
  type Connect = (
    callback?: (error: Error | undefined, client?: pg.PoolClient, done?: () => void) => void,
  ) => unknown;
  // `as`: the overloads of `connect` cannot be written as one function that passes its arguments on.
  const connect = pool.connect.bind(pool) as Connect;
  const observed = new WeakSet<object>();
  const see = (client: pg.PoolClient | undefined) => {
    if (client === undefined || observed.has(client)) return;
    observed.add(client);
    observeClient(client, recording);
  };
  const patched: Connect = (callback) => {
    if (callback !== undefined) {
      return connect((error, client, done) => {
        see(client);
        callback(error, client, done);
      });
    }
    // `as`: without a callback it returns a promise.
    return (connect() as Promise<pg.PoolClient>).then((client) => {
      see(client);
      return client;
    });
  };
  pool.connect = patched as typeof pool.connect;
}

function observeClient(client: pg.ClientBase, recording: Set<Record>): void {
  type Query = (statement: unknown, values?: unknown, ...rest: unknown[]) => unknown;
  const query = client.query.bind(client) as Query;
  const patched: Query = (statement, values, ...rest) => {
    const sent = read(statement, values);
    for (const record of recording) record(sent);
    return query(statement, values, ...rest);
  };
  client.query = patched as typeof client.query;
}

/** `query` takes a text, a config object, or a submittable (a cursor, a stream) that carries either. */
function read(statement: unknown, values: unknown): Statement {
  const own = Array.isArray(values) ? values : undefined;
  if (typeof statement === "string") return { text: statement, values: own ?? [] };
  // `as`: these are the shapes that pg documents; pg refuses anything else itself.
  const config = statement as {
    text?: string;
    values?: unknown[];
    cursor?: { text?: string; values?: unknown[] };
  };
  return {
    text: config.text ?? config.cursor?.text ?? "",
    values: own ?? config.values ?? config.cursor?.values ?? [],
  };
}

/** A node of a plan, with the properties that tests look at. */
export interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly Plans?: readonly Plan[];
}

/** The plan of a statement with its values, without running it. Run ANALYZE before, for the planner. */
export async function explain(client: pg.ClientBase | pg.Pool, statement: Statement): Promise<Plan> {
  const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(
    `EXPLAIN (FORMAT JSON) ${statement.text}`,
    [...statement.values],
  );
  return rows[0]!["QUERY PLAN"][0].Plan;
}

/** The tables that a plan scans sequentially, sorted. Empty if the plan reads all tables by index. */
export function sequentialScans(plan: Plan): string[] {
  return [
    ...new Set(
      nodesOf(plan).flatMap((node) =>
        node["Node Type"] === "Seq Scan" ? (node["Relation Name"] ?? []) : [],
      ),
    ),
  ].sort();
}

/** The indexes that a plan uses, sorted. */
export function usedIndexes(plan: Plan): string[] {
  return [...new Set(nodesOf(plan).flatMap((node) => node["Index Name"] ?? []))].sort();
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
