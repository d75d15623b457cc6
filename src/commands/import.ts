import { createProgressBar, type ProgressStream } from "../import/progressBar.ts";
import type { ScannedProject } from "../import/scan.ts";
import { type ImportedProject, importSource } from "../import/upload.ts";
import { createClient, StackConverterError } from "../sdk/index.ts";

export interface ImportCommand {
  /** The service's GraphQL address. */
  readonly url: string;
  readonly token?: string | undefined;
  /** A folder, an archive or a git URL. */
  readonly source: string;
  readonly ownerId?: string | undefined;
  readonly githubUrl?: string | undefined;
  readonly name?: string | undefined;
  /** A project whose import stopped, to go on with. */
  readonly projectId?: string | undefined;
  /** No progress; and of the result, the project's id alone. */
  readonly isQuiet?: boolean | undefined;
}

export interface ImportIo {
  readonly print: (line: string) => void;
  /** For the progress: stderr, so that the result can be piped. */
  readonly progress: ProgressStream;
  readonly signal?: AbortSignal | undefined;
  /** What git may inherit: keys, proxies. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

const MAX_LISTED = 10;

/**
 * `stack-converter import`: scans a source, stores it through the API, and prints what came of it.
 *
 * @throws ImportError, UploadError and StackConverterError: the messages are for people
 */
export async function runImport(command: ImportCommand, io: ImportIo): Promise<ImportedProject> {
  const { url, token, isQuiet = false, ...options } = command;
  const bar = createProgressBar({ stream: io.progress, isQuiet });
  try {
    const imported = await importSource({
      ...options,
      client: createClient({ url, token }),
      signal: io.signal,
      onProgress: bar.onProgress,
      ...(io.env && { env: io.env }),
    });
    bar.stop();
    for (const line of isQuiet ? [imported.projectId] : report(imported, url)) io.print(plain(line));
    return imported;
  } catch (error) {
    const isUnreachable = error instanceof StackConverterError && error.code === "NETWORK_ERROR";
    if (!isUnreachable) throw error;
    const hint = `${error.message} Is the service running? \`npm start\` starts one; --url names another.`;
    throw new StackConverterError(error.code, hint, { cause: error });
  } finally {
    bar.stop();
  }
}

function report({ projectId, name, githubUrl, scanned }: ImportedProject, url: string): string[] {
  const { files, totalBytes, techStack, warnings } = scanned;
  const { additional, ...main } = techStack;
  return [
    `Imported ${name}: ${count(files.length, "file")}, ${size(totalBytes)}`,
    row("project", projectId),
    row("source", githubUrl),
    ...Object.entries(main).map(([part, value]) => row(words(part), value)),
    ...(additional.length > 0 ? [row("also", listed(additional))] : []),
    ...skippedRows(scanned),
    ...warnings.map((warning) => row("warning", warning)),
    row(
      "look at it",
      `${url}?query=${encodeURIComponent(`{ project(id: "${projectId}") { name status } }`)}`,
    ),
  ];
}

/** What is not among the files. Binary files are, without a language. */
function skippedRows({ skippedTotals }: ScannedProject): string[] {
  const { binary, ...others } = skippedTotals;
  const skipped = Object.entries(others).filter(([, total]) => total > 0);
  return [
    ...(skipped.length > 0
      ? [row("left out", skipped.map(([reason, total]) => `${number(total)} ${words(reason)}`).join(", "))]
      : []),
    ...(binary > 0 ? [row("binary", `${count(binary, "file")}, listed without a language`)] : []),
  ];
}

function row(title: string, value: string): string {
  return `  ${title.padEnd(16)}${value}`;
}

function listed(values: readonly string[]): string {
  const more = values.length - MAX_LISTED;
  return values.slice(0, MAX_LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** packageManager: "package manager"; too-large: "too large". */
function words(name: string): string {
  return name.replaceAll("-", " ").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function count(total: number, noun: string): string {
  return `${number(total)} ${noun}${total === 1 ? "" : "s"}`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function size(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1_000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** A name or path from somebody else's archive must not steer the terminal. */
function plain(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}]/gu, "�");
}
