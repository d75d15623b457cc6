/** How much of a source is read. Each can be set per scan. */
export interface Limits {
  /** A larger file is skipped as `too-large`, in bytes. */
  readonly maxFileBytes: number;
  /** All files together, in bytes; also what an archive may unpack to. Above it the scan fails. */
  readonly maxTotalBytes: number;
  /** Files listed, or entries of an archive. Above it the scan fails: half a list would look whole. */
  readonly maxFiles: number;
  /** Characters of a path. A longer one is skipped as `limit` (1024 is what the service stores). */
  readonly maxPathLength: number;
  /** Folders below the root. What lies deeper is skipped as `limit`. */
  readonly maxDepth: number;
  /** Entries of `skipped`: the first by path. The totals count all of them. */
  readonly maxSkipped: number;
  /** The archive itself, or what git receives, in bytes. */
  readonly maxDownloadBytes: number;
  /** Unpacked to packed size, once more than 8 MiB were unpacked. gzip cannot exceed 1032. */
  readonly maxCompressionRatio: number;
  /** For each git command, in ms. */
  readonly gitTimeoutMs: number;
}

const mebibyte = 1_048_576;

// Ratio: 16 registry packages unpack to 1.0 to 9.4 times their size, but 43,010 nearly equal icons to 27.3 times.
export const defaultLimits: Limits = {
  maxFileBytes: 64 * mebibyte,
  maxTotalBytes: 2_048 * mebibyte,
  maxFiles: 200_000,
  maxPathLength: 1_024,
  maxDepth: 64,
  maxSkipped: 1_000,
  maxDownloadBytes: 1_024 * mebibyte,
  maxCompressionRatio: 200,
  gitTimeoutMs: 600_000,
};

/** Below this, a high ratio harms nobody: a short text of one letter compresses 1000:1. */
export const ratioGraceBytes = 8 * mebibyte;
