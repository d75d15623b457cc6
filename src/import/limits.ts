/** How much of a source is read. Each can be set per scan. */
export interface Limits {
  /** In bytes. A larger file is skipped as `too-large`. */
  readonly maxFileBytes: number;
  /** All files together, in bytes; also how much an archive may unpack to. Above it the scan fails. */
  readonly maxTotalBytes: number;
  /** Files listed, or entries of an archive. Above it the scan fails: a truncated list would look complete. */
  readonly maxFiles: number;
  /** Characters of a path. A longer one is skipped as `limit` (1024 is what the service stores). */
  readonly maxPathLength: number;
  /** Bytes of a path in UTF-8, likewise (2600 is what the service stores). */
  readonly maxPathBytes: number;
  /** Levels of folders below the root. Anything deeper is skipped as `limit`. */
  readonly maxDepth: number;
  /** Entries listed in `skipped`: the first ones by path. The totals count all of them. */
  readonly maxSkipped: number;
  /** The archive itself, or what git receives, in bytes. */
  readonly maxDownloadBytes: number;
  /** Ratio of unpacked to packed size, checked once more than 8 MiB were unpacked. gzip cannot exceed 1032. */
  readonly maxCompressionRatio: number;
  /** For each git command, in ms. */
  readonly gitTimeoutMs: number;
}

const mebibyte = 1_048_576;

// maxCompressionRatio: 16 registry packages unpack to 1.0 to 9.4 times their size, but 43,010 nearly equal
// icons to 27.3 times.
export const defaultLimits: Limits = {
  maxFileBytes: 64 * mebibyte,
  maxTotalBytes: 2_048 * mebibyte,
  maxFiles: 200_000,
  maxPathLength: 1_024,
  maxPathBytes: 2_600,
  maxDepth: 64,
  maxSkipped: 1_000,
  maxDownloadBytes: 1_024 * mebibyte,
  maxCompressionRatio: 200,
  gitTimeoutMs: 600_000,
};

/** Unpacked bytes below which a high ratio is harmless: a short text of one letter compresses 1000:1. */
export const ratioGraceBytes = 8 * mebibyte;
