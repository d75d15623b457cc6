export type BackupErrorCode =
  /** The archive is not what was written: it was cut off or changed, or is another archive. */
  | "BACKUP_CORRUPT"
  /** The archive is encrypted, and there is no secret key to read it with. */
  | "BACKUP_KEY_MISSING"
  /** The archive is encrypted for another key. */
  | "BACKUP_KEY_WRONG"
  /** There is no such archive, or no archive at all. */
  | "BACKUP_NOT_FOUND"
  /**
   * The archive cannot be restored here: it is of another kind of database, or has another version's
   * migrations.
   */
  | "BACKUP_UNSUITABLE"
  /** The restored data differ from what was backed up. */
  | "BACKUP_MISMATCH"
  /** The database to restore into has rows. */
  | "RESTORE_TARGET_NOT_EMPTY"
  /** Connections to the database that is to be replaced cannot be ended. */
  | "RESTORE_TARGET_IN_USE"
  /** The role may not create databases. */
  | "CREATEDB_NEEDED"
  /** pg_dump or pg_restore is not installed. */
  | "PG_TOOL_MISSING"
  /** pg_dump or pg_restore is older than the server. */
  | "PG_TOOL_TOO_OLD"
  /** pg_dump or pg_restore failed; the message has what it printed. */
  | "PG_TOOL_FAILED";

/** What went wrong with a backup, and what to do about it. */
export class BackupError extends Error {
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "BackupError";
    this.code = code;
  }
}
