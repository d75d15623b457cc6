import type pg from "pg";
import { withSession } from "../session.ts";
import { BackupError } from "./error.ts";
import { type RestorationOptions, restoreInto } from "./restoration.ts";
import { createBeside, databaseIn, dropDatabase, exchange, stateOf } from "./target.ts";

/** How a restoration treats the epoch of the caches: src/coherence/epochs.ts. */
export interface EpochSteps {
  /** @returns the number of the epoch that has ended */
  readonly end: (statement: Statement) => Promise<number>;
  readonly renew: (statement: Statement, last: number) => Promise<void>;
}

type Statement = (sql: string, parameters?: string[]) => Promise<{ readonly rows: readonly unknown[] }>;

export interface RestoreOptions extends Omit<RestorationOptions, "isEmbedded"> {
  readonly epochs: EpochSteps;
  /** A database that has rows is put aside; without this, restoring over it is refused. */
  readonly mayReplace: boolean;
}

export const notEmpty = () =>
  new BackupError(
    "RESTORE_TARGET_NOT_EMPTY",
    "The database has rows. With --replace it is put aside, under another name, when the backup has been restored beside it.",
  );

/**
 * Restores a backup beside the database, and puts it in the database's place once it is complete. Until then
 * the database stays in use as ever, and any failure leaves it as it is. What is written meanwhile is not in
 * the backup. It stays in the database that is put aside.
 *
 * Caches: in the end no instance serves from its own cache any more, and the restored database begins an
 * epoch that no instance has seen. Running instances lose their connections, and go on with the restored
 * database.
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
    throw await dropAfter(error, restored);
  }
}

/** Drops the database. @returns the error, which also says so if that is not possible */
async function dropAfter(error: unknown, connectionString: string): Promise<unknown> {
  await dropDatabase(connectionString).catch(() => {
    if (error instanceof Error)
      error.message += ` The database ${databaseIn(connectionString)} could not be dropped, and can be deleted.`;
  });
  return error;
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
    // An empty database may have no tables.
    return swap(rows.length === 0 ? 0 : await epochs.end((sql, parameters) => client.query(sql, parameters)));
  });
}

/** Prepares restored data for being served. */
export async function prepare(client: pg.Client, epochs: EpochSteps, last: number): Promise<void> {
  await epochs.renew((sql, parameters) => client.query(sql, parameters), last);
  // The rows carry transaction ids of another server, which this one may not have reached yet. Once it
  // reaches them, the rows would look new to clients that follow a project. So they get the lowest id.
  for (const table of ["conversion_job_events", "project_status_changes"]) {
    await client.query(`ALTER TABLE "${table}" DISABLE TRIGGER USER`);
    await client.query(
      `UPDATE "${table}" SET "xid" = '3' WHERE "xid" >= pg_snapshot_xmax(pg_current_snapshot())`,
    );
    await client.query(`ALTER TABLE "${table}" ENABLE TRIGGER USER`);
  }
}

/**
 * Restores a backup into a database of its own, compares every table with what was backed up, and drops the
 * database.
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
  } catch (error) {
    throw await dropAfter(error, scratch);
  }
  await dropDatabase(scratch);
}
