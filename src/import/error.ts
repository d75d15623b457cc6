/** What can be wrong with a source. A code never changes its meaning; the message says what to do. */
export type ImportErrorCode =
  /** Nothing exists there, or the source is neither a directory, nor an archive, nor a git URL. */
  | "SOURCE_NOT_FOUND"
  /** The source is of a kind that is not supported: bzip2, an encrypted zip, the git:// protocol. */
  | "SOURCE_NOT_SUPPORTED"
  /**
   * An entry would leave the folder, would replace another, or is no plain file. Nothing of the archive was
   * kept.
   */
  | "ARCHIVE_UNSAFE"
  /** The archive unpacks to more than the limits allow, or to far more than its own size. */
  | "ARCHIVE_TOO_LARGE"
  /** The archive is cut off or damaged. */
  | "ARCHIVE_CORRUPT"
  /** git is missing, or ended with an error. The message quotes git's own errors. */
  | "GIT_FAILED"
  /** git took longer than `limits.gitTimeoutMs`. */
  | "GIT_TIMEOUT"
  /** The tree has more files or bytes than the limits allow. */
  | "LIMIT_EXCEEDED"
  /** The caller's signal fired. */
  | "ABORTED";

/** Not an `AppError`: it is raised on the machine that scans, never by the service, and no client receives it. */
export class ImportError extends Error {
  readonly code: ImportErrorCode;

  constructor(code: ImportErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ImportError";
    this.code = code;
  }
}

/** @throws ImportError `ABORTED` once the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal.reason);
}

export function aborted(reason: unknown): ImportError {
  return new ImportError("ABORTED", "The import was cancelled. Nothing was stored.", reason);
}

/** The code of a Node system error (`ENOENT`), or undefined for any other value. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
