import { hostname } from "node:os";
import type pg from "pg";
import { quoted, withSession } from "../session.ts";
import { alreadyRunning, claimMaintenance } from "./exclusive.ts";
import { type IndexBloat, type LeftoverIndex, readBloat, readLeftovers } from "./indexes.ts";
import {
  type IndexReport,
  type MaintenanceReport,
  type PruneReport,
  reclaimedBytes,
  type TableReport,
} from "./report.ts";
import { createStatementRunner, runUnwatched } from "./statement.ts";
import { needOf, readTables, sizeOf, TABLE_OPTIONS } from "./tables.ts";

/** Rows that may be deleted: which, how many, and how. */
export interface Pruning {
  readonly table: string;
  readonly what: string;
  readonly count: () => Promise<number>;
  /** Deletes in batches, each in its own transaction. @returns how many rows were deleted */
  readonly prune: () => Promise<number>;
}

export interface MaintenanceOptions {
  readonly connectionString: string;
  /**
   * The embedded database has one session for all: it reports no progress, and no other process needs to be
   * kept out.
   */
  readonly isEmbedded: boolean;
  readonly isReindexEnabled: boolean;
  readonly pruning: readonly Pruning[];
  /** An index is rebuilt when this much of it is empty. */
  readonly reindexFrom?: { readonly wastedBytes: number; readonly wastedShare: number };
}

export interface MaintenanceStep {
  /** `VACUUM "projects"` */
  readonly name: string;
  /** From 1 on. `count` is how many steps are known by now. */
  readonly number: number;
  readonly count: number;
  readonly phase: string;
  readonly done: number;
  /** 0: unknown. */
  readonly total: number;
}

export interface MaintenanceRun {
  /** Every table, not only those that need it. */
  readonly isFullPass?: boolean;
  readonly isDryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (step: MaintenanceStep) => void;
  /** Asked once no one else can be maintaining the database. False: nothing is done. */
  readonly isDue?: () => Promise<boolean>;
  /** Awaited before another run may begin. */
  readonly onDone?: (report: MaintenanceReport) => Promise<void>;
}

export type Maintenance = ReturnType<typeof createMaintenance>;

const REINDEX_FROM = { wastedBytes: 8 * 1024 * 1024, wastedShare: 0.3 };
/** A statement that waits for a lock makes later ones wait behind it. */
const VACUUM_LOCK_MS = 10_000;
/** REINDEX CONCURRENTLY waits for every older transaction, but holds nothing that readers or writers need. */
const REINDEX_LOCK_MS = 60_000;

/**
 * Keeps the database healthy beyond what autovacuum does: deletes rows that nobody needs, vacuums tables,
 * brings the planner's figures up to date, and rebuilds bloated indexes concurrently with readers and
 * writers. Over all instances, one runs at a time.
 *
 * A step that fails is reported, and the run goes on with the next one.
 */
export function createMaintenance(options: MaintenanceOptions) {
  const { connectionString, isEmbedded, isReindexEnabled, pruning, reindexFrom = REINDEX_FROM } = options;
  const runStatement = isEmbedded ? runUnwatched : createStatementRunner(connectionString);
  /**
   * On the embedded database a request for an advisory lock waits instead of failing, so this variable does
   * the job.
   */
  let runningSince: Date | undefined;

  /** @throws AppError `CONFLICT` while another run is under way; the signal's reason when it is aborted */
  async function perform(run: MaintenanceRun = {}): Promise<MaintenanceReport | undefined> {
    if (runningSince !== undefined) throw alreadyRunning("this instance", runningSince);
    runningSince = new Date();
    try {
      return await withSession(connectionString, `maintenance ${hostname()}`, async (client) => {
        if (!isEmbedded) await claimMaintenance(client);
        if ((await run.isDue?.()) === false) return undefined;
        const report = await maintain(client, run);
        await run.onDone?.(report);
        return report;
      });
    } finally {
      runningSince = undefined;
    }
  }

  async function maintain(
    client: pg.Client,
    { isFullPass = false, isDryRun = false, signal, onProgress = () => {} }: MaintenanceRun,
  ): Promise<MaintenanceReport> {
    const startedAt = new Date();
    const begin = performance.now();
    const notes: string[] = [];
    let number = 0;
    let count = pruning.length;

    /** Times a step and makes its failure part of its result. An abort ends the whole run. */
    async function step(name: string, work: (tell: Tell) => Promise<void>) {
      signal?.throwIfAborted();
      number++;
      const current = { name, number, count };
      const tell: Tell = (phase, done = 0, total = 0) => onProgress({ ...current, phase, done, total });
      tell("");
      const stepBegin = performance.now();
      let problem: string | null = null;
      try {
        if (!isDryRun) await work(tell);
      } catch (error) {
        signal?.throwIfAborted();
        problem = error instanceof Error ? error.message : String(error);
      }
      return { seconds: secondsSince(stepBegin), problem };
    }
    async function statement(tell: Tell, sql: string, lockMs: number) {
      // On the embedded database's one session, a setting would apply to every client.
      if (!isEmbedded) await client.query(`SET lock_timeout = ${lockMs}`);
      await runStatement(client, sql, {
        signal,
        onProgress: ({ phase, done, total }) => tell(phase, done, total),
      });
    }

    const pruned: PruneReport[] = [];
    for (const { table, what, count: countRows, prune } of pruning) {
      let rows = isDryRun ? await countRows() : 0;
      const outcome = await step(`prune "${table}"`, async () => {
        rows = await prune();
      });
      pruned.push({ table, what, rows, ...outcome });
    }

    const leftovers = await readLeftovers(client);
    // PostgreSQL's statistics learn of the pruned rows a moment later.
    const isPruned = (table: string) => pruned.some((part) => part.table === table && part.rows >= 1_000);
    const facts = await readTables(client);
    for (const { table } of facts.filter(({ isOurs }) => !isOurs))
      notes.push(`${table}: left alone, because it belongs to another role`);
    const needs = facts.flatMap((fact) => {
      const need = fact.isOurs ? needOf(fact, isFullPass) : undefined;
      if (need !== undefined) return [{ fact, need }];
      if (!fact.isOurs || !isPruned(fact.table)) return [];
      return [{ fact, need: { action: "VACUUM", reason: "rows were pruned" } as const }];
    });
    count += leftovers.length + needs.length;

    const indexes: IndexReport[] = [];
    for (const leftover of leftovers) indexes.push(await drop(leftover));
    const tables: TableReport[] = [];
    for (const { fact, need } of needs) {
      const { table, deadRows, bytes: bytesBefore } = fact;
      const outcome = await step(`${TABLE_OPTIONS[need.action]} "${table}"`, (tell) =>
        statement(tell, `${TABLE_OPTIONS[need.action]} ${quoted(table)}`, VACUUM_LOCK_MS),
      );
      const bytesAfter = isDryRun ? bytesBefore : await sizeOf(client, table);
      tables.push({ table, ...need, deadRows, bytesBefore, bytesAfter, ...outcome });
    }
    const bloated = (await readBloat(client, reindexFrom.wastedBytes)).filter(
      ({ bytes, wastedBytes }) =>
        wastedBytes >= reindexFrom.wastedBytes && wastedBytes / bytes >= reindexFrom.wastedShare,
    );
    if (!isReindexEnabled && bloated.length > 0)
      notes.push(
        `Indexes that are not rebuilt because DB_ENABLE_REINDEX is not set: ${bloated.map(({ index, ...bloat }) => `${index} (${emptiness(bloat)})`).join(", ")}`,
      );
    else if (isEmbedded && bloated.length > 0)
      notes.push("No index is rebuilt on the embedded database: all requests would wait for it");
    else {
      count += bloated.length;
      for (const index of bloated) indexes.push(await reindex(index));
    }

    async function drop({ index, table, bytes }: LeftoverIndex): Promise<IndexReport> {
      const outcome = await step(`DROP INDEX "${index}"`, (tell) =>
        statement(tell, `DROP INDEX CONCURRENTLY IF EXISTS ${quoted(index)}`, REINDEX_LOCK_MS),
      );
      const bytesAfter = isDryRun ? bytes : await sizeOf(client, index);
      const reason = "an interrupted REINDEX left it";
      return { index, table, action: "DROP", reason, bytesBefore: bytes, bytesAfter, ...outcome };
    }

    async function reindex({ index, table, ...bloat }: IndexBloat): Promise<IndexReport> {
      const outcome = await step(`REINDEX "${index}"`, async (tell) => {
        try {
          await statement(tell, `REINDEX INDEX CONCURRENTLY ${quoted(index)}`, REINDEX_LOCK_MS);
        } catch (error) {
          // Its half-built copy would stay, at best until the next run.
          await dropLeftoversOf(client, table);
          throw error;
        }
      });
      const bytesAfter = isDryRun ? bloat.bytes : await sizeOf(client, index);
      const reason = emptiness(bloat);
      return { index, table, action: "REINDEX", reason, bytesBefore: bloat.bytes, bytesAfter, ...outcome };
    }

    return {
      startedAt,
      seconds: secondsSince(begin),
      isDryRun,
      pruned,
      tables,
      indexes,
      reclaimedBytes: isDryRun ? 0 : reclaimedBytes([...tables, ...indexes]),
      notes,
    };
  }

  return { perform };
}

type Tell = (phase: string, done?: number, total?: number) => void;

async function dropLeftoversOf(client: pg.Client, table: string): Promise<void> {
  for (const leftover of await readLeftovers(client)) {
    if (leftover.table === table)
      await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quoted(leftover.index)}`).catch(() => {});
  }
}

function emptiness({ bytes, wastedBytes, measuredBy }: Omit<IndexBloat, "index" | "table">): string {
  return `${Math.round((100 * wastedBytes) / bytes)} % of it is empty, by ${measuredBy}`;
}

function secondsSince(begin: number): number {
  return Math.round(performance.now() - begin) / 1_000;
}
