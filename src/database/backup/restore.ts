import type pg from "pg";
import { withSession } from "../session.ts";
import { BackupError } from "./error.ts";
import { type RestorationOptions, restoreInto } from "./restoration.ts";
import { createBeside, dropDatabase, exchange, stateOf } from "./target.ts";

/** What becomes of the caches' epoch: src/coherence/epochs.ts. */
export interface EpochSteps {
  /** @returns the number of the epoch that has ended */
  readonly end: (statement: Statement) => Promise<number>;
  readonly renew: (statement: Statement, last: number) => Promise<void>;
}

type Statement = (sql: string, parameters?: string[]) => Promise<{ readonly rows: readonly unknown[] }>;

export interface RestoreOptions extends Omit<RestorationOptions, "isEmbedded"> {
  readonly epochs: EpochSteps;
  /** A database with rows is put aside; otherwise it is refused. */
  readonly mayReplace: boolean;
}

export const notEmpty = () =>
  new BackupError(
    "RESTORE_TARGET_NOT_EMPTY",
    "The database has rows. With --replace it is put aside, under another name, when the backup has been restored beside it.",
  );

/**
 * Restores a backup beside the database, and puts it in its place when it is whole: until then the database is in
 * use as ever, and whatever fails leaves it as it is. What is written meanwhile is not in the
 * backup, and stays in the database that is put aside.
 *
 * Caches: in the end no instance serves from its own any more, and the restored database begins an epoch that none has
 * seen. Instances that run lose their connections, and go on with the restored database.
 *
 * @returns what the replaced database is called now; undefined: there was none
 * @throws BackupError of every code
 */
export async function restoreDatabase(
  connectionString: string,
  { epochs, mayReplace, ...restoration }: RestoreOptions,
): Promise<string | undefined> {
  const state = await stateOf(connectionString);
  if (state === "filled" && !mayReplace) throw notEmpty();
  const restored = await createBeside(connectionString, "restoring");
  try {
    await restoreInto(restored, { ...restoration, isEmbedded: false });
    return await replace(connectionString, restored, state !== "absent", { epochs, ...restoration });
  } catch (error) {
    await dropDatabase(restored);
    throw error;
  }
}

async function replace(
  connectionString: string,
  restored: string,
  isThere: boolean,
  { epochs, onProgress }: Pick<RestoreOptions, "epochs" | "onProgress">,
): Promise<string | undefined> {
  onProgress?.({ phase: "swap", done: 0, total: 0 });
  const swap = async (last: number) => {
    await withSession(restored, "restore", (client) => prepare(client, epochs, last));
    return exchange(connectionString, restored);
  };
  if (!isThere) return swap(0);
  return withSession(connectionString, "restore", async (client) => {
    const { rows } = await client.query(`SELECT 1 FROM pg_class WHERE oid = to_regclass('cache_epoch')`);
    // Empty databases may have no tables.
    return swap(rows.length === 0 ? 0 : await epochs.end((sql, parameters) => client.query(sql, parameters)));
  });
}

/** Makes what was restored fit to be served. */
export async function prepare(client: pg.Client, epochs: EpochSteps, last: number): Promise<void> {
  await epochs.renew((sql, parameters) => client.query(sql, parameters), last);
  // Transaction ids of another server may be yet to come here: rows with them would be new for whoever follows a project,
  // one day. They are as old as can be.
  for (const table of ["conversion_job_events", "project_status_changes"]) {
    await client.query(`ALTER TABLE "${table}" DISABLE TRIGGER USER`);
    await client.query(
      `UPDATE "${table}" SET "xid" = '3' WHERE "xid" >= pg_snapshot_xmax(pg_current_snapshot())`,
    );
    await client.query(`ALTER TABLE "${table}" ENABLE TRIGGER USER`);
  }
}

/**
 * Restores a backup into a database of its own, compares every table with what was backed up, and drops it.
 *
 * @throws BackupError of every code about archives, and `BACKUP_MISMATCH`
 */
export async function verifyInDatabase(
  connectionString: string,
  restoration: Omit<RestorationOptions, "isEmbedded" | "keepsPrivileges">,
): Promise<void> {
  const scratch = await createBeside(connectionString, "verifying");
  try {
    await restoreInto(scratch, { ...restoration, isEmbedded: false, keepsPrivileges: false });
  } finally {
    await dropDatabase(scratch);
  }
}
