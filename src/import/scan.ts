import { join } from "node:path";
import { throwIfAborted } from "./error.ts";
import { readText } from "./file.ts";
import { createLanguageDetector, languageShares } from "./language.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { isManifest, type Manifest, readManifest } from "./manifests.ts";
import type { OnProgress } from "./progress.ts";
import { webUrl } from "./remote.ts";
import { createSkippedList, type Skipped, type SkippedTotals } from "./skipped.ts";
import { type OpenSource, withSource } from "./source.ts";
import { detectStack, mainManifests, type TechStack } from "./stack.ts";
import { settingsFiles } from "./technologies.ts";
import { walk } from "./walk.ts";

export interface ScannedFile {
  /** Relative to the root, forward slashes, at most `maxPathLength` characters. */
  readonly path: string;
  readonly sizeBytes: number;
  /** As GitHub names it; null for binary files and for unknown languages. */
  readonly language: string | null;
}

export interface ScannedProject {
  /** 1 to 200 characters. */
  readonly name: string;
  /** Up to 5,000 characters. */
  readonly description: string | null;
  /** https form, without credentials. */
  readonly githubUrl: string | null;
  readonly techStack: TechStack;
  /** Sorted by the bytes of the path. */
  readonly files: readonly ScannedFile[];
  readonly totalBytes: number;
  /** The first `maxSkipped` by path; `skippedTotals` counts all. */
  readonly skipped: readonly Skipped[];
  readonly skippedTotals: SkippedTotals;
  /** For people: what was skipped, or could not be read as intended. */
  readonly warnings: readonly string[];
}

export interface ScanOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  readonly limits?: Partial<Limits>;
  /**
   * The environment that git inherits (PATH, HOME, SSH_AUTH_SOCK, proxies). Empty by default: git is then
   * looked for in the system's standard folders, and finds neither keys nor credential helpers.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const maxNameLength = 200;
const maxDescriptionLength = 5_000;
const maxManifestBytes = 1_048_576;
/**
 * Those nearest to the root are read. A repository with more than this has thousands, and the rest only
 * repeat what these say.
 */
const maxManifests = 500;
const progressEvery = 100;

/**
 * Turns a folder, an archive (.tar, .tar.gz, .tgz, .zip) or a git URL (https, ssh, git@host:path, file, each
 * with an optional #branch) into a description of the project. It only reads: no code of the project is run
 * and no link followed. Unpacked or cloned files are removed afterwards.
 * @throws ImportError with a stable code; nothing else is expected.
 */
export async function scanSource(source: string, options: ScanOptions = {}): Promise<ScannedProject> {
  const limits = { ...defaultLimits, ...options.limits };
  const { signal, onProgress, env = {} } = options;
  return withSource(source, { limits, signal, onProgress, env }, (opened) =>
    scanFolder(opened, limits, signal, onProgress),
  );
}

async function scanFolder(
  opened: OpenSource,
  limits: Limits,
  signal: AbortSignal | undefined,
  onProgress: OnProgress | undefined,
): Promise<ScannedProject> {
  const skippedList = createSkippedList(limits.maxSkipped);
  for (const link of opened.links) skippedList.add(link, "symlink-inside");
  const onFile = (done: number) => {
    if (done % progressEvery === 0) onProgress?.({ phase: "scan", done });
  };
  const walked = await walk(opened.root, { limits, skipped: skippedList, signal, onFile });
  onProgress?.({ phase: "scan", done: walked.files.length, total: walked.files.length });

  const languageOf = createLanguageDetector(walked.files);
  const files = walked.files.map((file) => ({
    path: file.path,
    sizeBytes: file.sizeBytes,
    language: languageOf(file),
  }));
  const warnings: string[] = [];
  const { manifests, settings } = await readManifests(opened.root, files, warnings, signal, onProgress);
  const techStack = detectStack({ files, manifests, settings });
  const metadata = mainManifests(manifests, languageShares(files)[0]?.name).filter(
    ({ path }) => !path.includes("/"),
  );
  const { skipped, skippedTotals } = skippedList.result();
  if (files.length === 0) warnings.push("No file was found: everything is ignored, or the source is empty.");
  if (skippedTotals["symlink-outside"] > 0) {
    warnings.push(`${skippedTotals["symlink-outside"]} links lead out of the project and were not followed.`);
  }
  if (skippedTotals.unreadable > 0)
    warnings.push(`${skippedTotals.unreadable} files or folders could not be read.`);
  const first = <Value>(values: readonly (Value | null | undefined)[]) =>
    values.find((value) => value != null);
  return {
    name: plain(first(metadata.map(({ name }) => name)) ?? opened.name, maxNameLength) || "project",
    description:
      plain(first(metadata.map(({ description }) => description)) ?? "", maxDescriptionLength) || null,
    githubUrl:
      opened.remoteUrl ??
      first(metadata.map(({ repository }) => (repository ? webUrl(repository) : null))) ??
      null,
    techStack,
    files,
    totalBytes: walked.totalBytes,
    skipped,
    skippedTotals,
    warnings,
  };
}

async function readManifests(
  root: string,
  files: readonly ScannedFile[],
  warnings: string[],
  signal: AbortSignal | undefined,
  onProgress: OnProgress | undefined,
): Promise<{ manifests: Manifest[]; settings: Map<string, string> }> {
  const depth = (file: ScannedFile) => file.path.split("/").length;
  const wanted = files
    .filter((file) => isManifest(file.path) || settingsFiles.test(file.path))
    // The sort is stable, so files of equal depth stay in the order of their paths.
    .sort((a, b) => depth(a) - depth(b));
  if (wanted.length > maxManifests) {
    warnings.push(
      `The stack was read from the ${maxManifests} manifests nearest to the root, of ${wanted.length}.`,
    );
  }
  const manifests: Manifest[] = [];
  const settings = new Map<string, string>();
  const read = wanted.slice(0, maxManifests);
  for (const [done, { path }] of read.entries()) {
    throwIfAborted(signal);
    onProgress?.({ phase: "detect", done, total: read.length });
    const text = await readText(join(root, path), maxManifestBytes);
    if (text === null) {
      warnings.push(`${path} is too large or unreadable, and was left out of the stack.`);
      continue;
    }
    if (settingsFiles.test(path)) settings.set(path, text);
    const manifest = readManifest(path, text);
    if (manifest === "malformed") warnings.push(`${path} cannot be parsed, and was left out of the stack.`);
    else if (manifest) manifests.push(manifest);
  }
  onProgress?.({ phase: "detect", done: read.length, total: read.length });
  return { manifests, settings };
}

/** One line of at most `max` characters, without characters that a database or a terminal would stumble over. */
function plain(text: string, max: number): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  // Cut first: the cut may split a surrogate pair, and the next step replaces lone surrogates.
  return line.slice(0, max).replace(/\p{Cs}/gu, "\uFFFD");
}
