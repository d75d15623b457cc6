import { createProgressBar, type ProgressStream } from "../import/progressBar.ts";
import type { ScannedProject } from "../import/scan.ts";
import { type ImportedProject, importSource } from "../import/upload.ts";
import { createClient } from "../sdk/index.ts";
import { withHint } from "./error.ts";
import { count, listed, number, plain, row, size, words } from "./wording.ts";

export interface ImportCommand {
  /** The service's GraphQL address. */
  readonly url: string;
  readonly token?: string | undefined;
  /** A folder, an archive or a git URL. */
  readonly source: string;
  readonly ownerId?: string | undefined;
  readonly githubUrl?: string | undefined;
  readonly name?: string | undefined;
  /** A project whose import was interrupted, to be continued. */
  readonly projectId?: string | undefined;
  /** Print no progress, and only the project's id as the result. */
  readonly isQuiet?: boolean | undefined;
}

export interface ImportIo {
  readonly print: (line: string) => void;
  /** Where the progress goes: stderr, so that the result can be piped. */
  readonly progress: ProgressStream;
  readonly signal?: AbortSignal | undefined;
  /** The environment that git may inherit: keys, proxies. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * `stack-converter import`: scans a source, stores it through the API, and prints the result.
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
    throw withHint(error);
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

/** Tells what was left out, and how many binary files are listed without a language. */
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
