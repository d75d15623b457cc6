import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { throwIfAborted } from "./error.ts";
import type { OnProgress, Progress } from "./progress.ts";
import { withoutCredentials } from "./remote.ts";
import { type ScannedFile, type ScannedProject, type ScanOptions, scanSource } from "./scan.ts";

/** The part of the service's client that an upload needs. The SDK's client implements it. */
export interface UploadClient {
  importProject(
    variables: {
      input: Pick<ScannedProject, "name" | "description"> & {
        ownerId?: string | undefined;
        githubUrl: string;
        originalTechStack: ScannedProject["techStack"];
      };
    },
    options?: CallOptions,
  ): Promise<{ readonly project: { readonly id: string } }>;
  addProjectFiles(
    variables: { input: { projectId: string; files: readonly ScannedFile[]; isLast: boolean } },
    options?: CallOptions,
  ): Promise<{ readonly project: { readonly id: string } }>;
  updateProject(
    variables: { input: { id: string; status: "FAILED" } },
    options?: CallOptions,
  ): Promise<unknown>;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** How far an import has got. */
export type ImportProgress =
  | Progress
  | { readonly phase: "upload"; readonly done: number; readonly total: number };

export interface UploadOptions {
  readonly client: UploadClient;
  /** The project's owner; by default the user whom the client's token names. */
  readonly ownerId?: string | undefined;
  /** Replaces the address that the source itself gives. */
  readonly githubUrl?: string | undefined;
  /** Replaces the name that the source itself gives. */
  readonly name?: string | undefined;
  /** A project whose upload was interrupted. It gets the files, and no new project is created. */
  readonly projectId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportOptions extends UploadOptions, Pick<ScanOptions, "limits" | "env"> {
  /** A folder, an archive or a git URL. */
  readonly source: string;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

export interface ImportedProject {
  readonly projectId: string;
  readonly name: string;
  readonly githubUrl: string;
  readonly scanned: ScannedProject;
}

/** The project exists, but not all of its files were stored. */
export class UploadError extends Error {
  override readonly name = "UploadError";
  readonly code = "UPLOAD_STOPPED";

  readonly projectId: string;
  readonly storedFiles: number;
  readonly totalFiles: number;

  constructor(projectId: string, storedFiles: number, totalFiles: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `The upload stopped after ${storedFiles} of ${totalFiles} files: ${reason} ` +
        `To go on, import the same source again with --project ${projectId}.`,
      { cause },
    );
    this.projectId = projectId;
    this.storedFiles = storedFiles;
    this.totalFiles = totalFiles;
  }
}

/** The service's own limit for one call. */
const MAX_FILES_PER_CALL = 5_000;

/** Below the 1 MB body limit of many proxies (nginx's default), with room for the document around the files. */
const MAX_FILE_BYTES_PER_CALL = 900_000;

/**
 * For telling the service that an upload failed. The caller waits for its error, and should not wait long for
 * this.
 */
const FAREWELL_TIMEOUT_MS = 5_000;

/**
 * Scans a source and stores it as a project with its stack and its files.
 *
 * @throws ImportError when the source cannot be read, UploadError when the project exists without all of its
 *   files, and otherwise what the client throws: then nothing was stored
 */
export async function importSource({
  source,
  onProgress,
  ...options
}: ImportOptions): Promise<ImportedProject> {
  const { limits, env, signal } = options;
  const scanned = await scanSource(source, {
    ...(signal && { signal }),
    // A listener for all kinds of progress can stand in for one that takes fewer kinds.
    ...(onProgress && { onProgress: onProgress satisfies OnProgress }),
    ...(limits && { limits }),
    ...(env && { env }),
  });
  const name = options.name ?? scanned.name;
  const githubUrl = options.githubUrl ?? scanned.githubUrl ?? addressOf(source);
  const projectId = await uploadProject({ ...scanned, name, githubUrl }, options, (done) =>
    onProgress?.({ phase: "upload", done, total: scanned.files.length }),
  );
  return { projectId, name, githubUrl, scanned };
}

/** @returns the project's id */
async function uploadProject(
  { name, description, githubUrl, techStack, files }: ScannedProject & { readonly githubUrl: string },
  { client, ownerId, projectId: unfinished, signal }: UploadOptions,
  onStored: (files: number) => void,
): Promise<string> {
  throwIfAborted(signal);
  onStored(0);
  const projectId = unfinished ?? (await create());
  let stored = 0;
  try {
    for (const chunk of chunksOf(files)) {
      const isLast = stored + chunk.length === files.length;
      await client.addProjectFiles({ input: { projectId, files: chunk, isLast } }, { signal });
      stored += chunk.length;
      onStored(stored);
    }
    return projectId;
  } catch (cause) {
    // The caller named this project, perhaps wrongly, and nothing was stored in it yet: leave it as it is.
    if (unfinished !== undefined && stored === 0) throw cause;
    // Best effort: whatever kept the files from arriving may stop this call too. The project then stays
    // ANALYZING, which is just as true. Sent without the signal, whose abort may have brought us here.
    await client
      .updateProject({ input: { id: projectId, status: "FAILED" } }, { timeoutMs: FAREWELL_TIMEOUT_MS })
      .catch(() => {});
    throw new UploadError(projectId, stored, files.length, cause);
  }

  async function create(): Promise<string> {
    const input = { ownerId, name, description, githubUrl, originalTechStack: techStack };
    return (await client.importProject({ input }, { signal })).project.id;
  }
}

/** Yields at least one chunk, even if it is empty: the last one makes the project READY. */
export function* chunksOf(files: readonly ScannedFile[]): Generator<readonly ScannedFile[], void, undefined> {
  let chunk: ScannedFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const size = Buffer.byteLength(JSON.stringify(file)) + 1;
    if (chunk.length === MAX_FILES_PER_CALL || (chunk.length > 0 && bytes + size > MAX_FILE_BYTES_PER_CALL)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(file);
    bytes += size;
  }
  yield chunk;
}

/** The address of a source that names no published one: the URL that the caller gave, or else a file URL. */
function addressOf(source: string): string {
  if (!/^(?:file|ssh|git|https?):\/\//i.test(source) || !URL.canParse(source)) {
    return pathToFileURL(resolve(source)).href;
  }
  const url = new URL(withoutCredentials(source));
  url.hash = "";
  return url.href;
}
