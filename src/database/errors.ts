import pg from "pg";
import { AppError } from "../errors.ts";

/**
 * Translates a failure of PostgreSQL, `pg` or Prisma into what it means for a client. One that means nothing
 * to a client (a syntax error, a bug) is returned as it is, and masked further up.
 *
 * Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html and
 * https://www.prisma.io/docs/orm/reference/error-reference
 */
export function databaseError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;

  const code = codeOf(error);
  if (code === "23505" || code === "P2002") {
    return new AppError("CONFLICT", "Another row already has this unique value.", { cause: error });
  }
  if (code === "23503" || code === "P2003") {
    return new AppError("CONFLICT", "The row that this one refers to does not exist (any more).", {
      cause: error,
    });
  }
  if (code === "23514" || code === "P2004") {
    return new AppError("VALIDATION_FAILED", "The values break a rule of the database.", { cause: error });
  }
  if (code === "40001" || code === "40P01" || code === "P2034") {
    return new AppError("CONFLICT", "Another write got in the way. Try again.", { cause: error });
  }
  if (isOutage(code, error)) {
    return new AppError("SERVICE_UNAVAILABLE", "The database does not answer. Try again later.", {
      cause: error,
    });
  }
  return error;
}

/**
 * The database was asked to commit and did not say whether it did. Any other failure of a transaction means
 * that nothing of it was done.
 */
export class OutcomeUnknown extends AppError {
  constructor(cause: unknown) {
    super(
      "SERVICE_UNAVAILABLE",
      "The database does not answer any more, and the change may have been made. Look before you send it again; with an idempotencyKey, it is made once.",
      { cause },
    );
    this.name = "OutcomeUnknown";
  }
}

/**
 * Translates the failure of a COMMIT: either the database says that the transaction is undone, or the outcome
 * is unknown.
 */
export function commitError(error: unknown): unknown {
  const code = error instanceof Error ? serverCodeOf(error) : undefined;
  const isRefusal = code !== undefined && !isOutage(code, error as Error);
  return isRefusal ? databaseError(error) : new OutcomeUnknown(error);
}

/** Whether PostgreSQL ended the transaction to resolve a deadlock. */
export const isDeadlock = (error: unknown): boolean => hasCode(error, "40P01");

/** Whether PostgreSQL ended the transaction because its wait for a lock timed out. */
export const isLockTimeout = (error: unknown): boolean => hasCode(error, "55P03");

function hasCode(error: unknown, code: string): boolean {
  const cause = error instanceof AppError ? error.cause : error;
  return cause instanceof Error && codeOf(cause) === code;
}

/** The code of the innermost failure: Prisma wraps the driver's. */
function codeOf(error: Error): string | undefined {
  const original = originalCodeOf(error);
  if (original !== undefined) return original;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** The code that the driver's error had before Prisma wrapped it. */
function originalCodeOf(error: Error): string | undefined {
  type DriverError = { cause?: { originalCode?: unknown } };
  const { meta, cause } = error as { meta?: { driverAdapterError?: DriverError } } & DriverError;
  // A failure between two statements, such as that of a COMMIT, comes as the adapter's own error.
  const original = (meta?.driverAdapterError?.cause ?? cause)?.originalCode;
  return typeof original === "string" ? original : undefined;
}

/** The code of an error that the server has sent; undefined: the failure is another, such as a lost connection. */
const serverCodeOf = (error: Error): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : originalCodeOf(error);

function isOutage(code: string | undefined, error: Error): boolean {
  // P2010 is Prisma's own code for any raw query that failed, whatever the reason.
  if (code !== undefined && code !== "P2010" && code !== "N/A") {
    return (
      // 08: connection exception. 57P01..57P03: shut down, crashed, starting up. 53: too many connections, no
      // room on the disk or in memory. 57014, 25P03, 25P04: a statement, or a pause between two, took longer
      // than the time limits allow. 25006: the server has become a replica. 3D000 and 55000: a restored
      // database is taking this one's place (database/backup/restore.ts).
      /^(08...|25006|25P0[34]|3D000|53...|55000|57014|57P0[1-5]|P1001|P1002|P1008|P1017|P2024|P2028)$/.test(
        code,
      ) || /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/.test(code)
    );
  }
  // `pg` gives these errors no code.
  return /Connection terminated|Query read timeout|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error|Server has closed the connection|Cannot use a pool after/.test(
    error.message,
  );
}

/** The same function, whose failures are translated by `databaseError`. */
export function withDatabaseErrors<Run extends (...args: never[]) => Promise<unknown>>(run: Run): Run {
  const translated = (...args: Parameters<Run>) =>
    run(...args).catch((error: unknown) => {
      throw databaseError(error);
    });
  // Safe: it takes and returns what `run` does, type parameters included.
  return translated as unknown as Run;
}
