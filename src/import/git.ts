import { type ChildProcess, spawn } from "node:child_process";
import { devNull, platform } from "node:os";
import { kill } from "node:process";
import { aborted, ImportError, systemCode } from "./error.ts";
import type { ReadOptions } from "./progress.ts";
import { withoutCredentials } from "./remote.ts";

export interface GitSource {
  /** As passed to git, including any credentials. Never show or log it. */
  readonly url: string;
  readonly branch: string | null;
}

export interface GitOptions extends ReadOptions {
  /** The environment that git inherits: PATH, HOME, SSH_AUTH_SOCK, proxies. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Parses `https://…`, `ssh://…`, `git@host:path`, `file://…`, each with an optional `#branch`.
 * @returns null if the text is no git URL; it may be a path.
 * @throws ImportError `SOURCE_NOT_SUPPORTED` for transports that run programs or are not encrypted, and for
 *   URLs and branch names that are malformed.
 */
export function parseGitUrl(source: string): GitSource | null {
  const refuse = (why: string): never => {
    throw new ImportError(
      "SOURCE_NOT_SUPPORTED",
      `"${withoutCredentials(source)}" is not fetched: ${why}. Use https://, ssh://, git@host:path or file://.`,
    );
  };
  if (source.startsWith("-")) return refuse("it begins with a dash, as an option would");
  if (/^[a-z][a-z0-9+.-]*::/i.test(source)) return refuse("transports named with :: run programs");
  const isScp = /^[\w.-]+@[\w.-]+:(?!\/\/)\S+$/.test(source);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i
    .exec(source)?.[1]
    ?.toLowerCase()
    .replace(/^git\+/, "");
  if (!isScp && scheme === undefined) return null;
  if (!isScp && !["https", "ssh", "file"].includes(scheme ?? ""))
    return refuse(`${scheme}:// is no protocol that is read`);
  const hash = source.indexOf("#");
  const url = (hash === -1 ? source : source.slice(0, hash)).replace(/^git\+/i, "");
  const branch = hash === -1 ? null : source.slice(hash + 1);
  if (/[\p{Cc} ]/u.test(source)) return refuse("it has spaces or control characters");
  if (branch !== null && !/^[\w][\w./@+-]*$/.test(branch)) return refuse("what follows # is no branch name");
  if (!isScp) {
    if (!URL.canParse(url)) return refuse("it is no valid URL");
    // ssh would read a host with a dash as an option, and git decodes an encoded one.
    if (/^-|%/.test(new URL(url).hostname))
      return refuse("its host begins with a dash, or has a percent sign");
  }
  return { url, branch };
}

/**
 * Settings for git's command line, which no configuration on the machine can override: no hooks, no
 * templates, no submodules, no git-lfs filter, no transport that runs a program.
 */
const settings = [
  `core.hooksPath=${devNull}`,
  "core.fsmonitor=false",
  "core.longpaths=true",
  "init.templateDir=",
  "submodule.recurse=false",
  "filter.lfs.smudge=",
  "filter.lfs.process=",
  "filter.lfs.required=false",
  "protocol.ext.allow=never",
  "advice.detachedHead=false",
].flatMap((setting) => ["-c", setting]);

/**
 * Clones the newest commit of one branch into `folder`, which must be empty. The size of the tree is checked
 * before the first file is checked out.
 * @throws ImportError `GIT_FAILED`, `GIT_TIMEOUT`, `LIMIT_EXCEEDED`, `ABORTED`.
 */
export async function clone(source: GitSource, folder: string, options: GitOptions): Promise<void> {
  const branch = source.branch === null ? [] : [`--branch=${source.branch}`];
  const flags = [
    "--depth=1",
    "--single-branch",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-checkout",
    "--progress",
  ];
  await git(["clone", ...flags, ...branch, "--template=", "--", source.url, folder], source, options);
  await judgeSize(source, folder, options);
  await git(["-C", folder, "checkout", "--quiet", "--force", "HEAD", "--"], source, options);
}

async function judgeSize(source: GitSource, folder: string, options: GitOptions): Promise<void> {
  const { maxFiles, maxTotalBytes } = options.limits;
  let files = 0;
  let totalBytes = 0;
  let rest = "";
  await git(["-C", folder, "ls-tree", "-r", "-l", "-z", "HEAD"], source, options, (text) => {
    const lines = (rest + text).split("\0");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      // "100644 blob <id> <size>\t<path>"; a submodule has "-" for its size.
      files += 1;
      totalBytes += Number(/^\d+ blob \S+ +(\d+)\t/.exec(line)?.[1] ?? 0);
    }
  });
  if (files > maxFiles || totalBytes > maxTotalBytes) {
    throw new ImportError(
      "LIMIT_EXCEEDED",
      `The repository has ${files} files of ${totalBytes} bytes; ${maxFiles} and ${maxTotalBytes} are allowed. Raise maxFiles or maxTotalBytes.`,
    );
  }
}

/** Runs git and always waits for it to end: when this settles, no process writes to the folder any more. */
async function git(
  args: readonly string[],
  source: GitSource,
  options: GitOptions,
  onOutput: (text: string) => void = () => {},
): Promise<void> {
  const { signal, limits } = options;
  if (signal?.aborted) throw aborted(signal.reason);
  let complaint = "";
  let failure: ImportError | null = null;
  const child = spawn("git", [...settings, ...args], {
    env: gitEnvironment(options.env),
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
    // A process group of its own, so that git can be ended together with the helpers that it starts.
    detached: hasGroups,
  });
  const stop = (error: ImportError) => {
    failure ??= error;
    // SIGTERM lets git remove its lock files; SIGKILL is for one that hangs.
    endGroup(child, "SIGTERM");
    killTimer ??= setTimeout(() => endGroup(child, "SIGKILL"), 5_000);
  };
  let killTimer: NodeJS.Timeout | undefined;
  const onAbort = () => stop(aborted(signal?.reason));
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => {
    const seconds = Math.round(limits.gitTimeoutMs / 1000);
    stop(
      new ImportError(
        "GIT_TIMEOUT",
        `git did not finish within ${seconds} s. Check the network, or raise gitTimeoutMs.`,
      ),
    );
  }, limits.gitTimeoutMs);

  child.stdout.setEncoding("utf8").on("data", onOutput);
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-4_096);
    for (const line of text.split(/[\r\n]/)) {
      const received = report(line, options);
      if (received > limits.maxDownloadBytes) {
        stop(
          new ImportError(
            "LIMIT_EXCEEDED",
            `git received more than ${limits.maxDownloadBytes} bytes. Raise maxDownloadBytes.`,
          ),
        );
      }
    }
  });
  try {
    const exit = await new Promise<number | string>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, killedBy) => resolve(code ?? killedBy ?? "unknown"));
    });
    if (failure) throw failure;
    if (exit !== 0) throw gitFailed(source, `ended with ${exit}`, complaint);
  } catch (error) {
    if (error instanceof ImportError) throw error;
    const missing = systemCode(error) === "ENOENT";
    throw gitFailed(
      source,
      missing ? "is not installed (or not on PATH)" : "could not be started",
      "",
      error,
    );
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    signal?.removeEventListener("abort", onAbort);
  }
}

const hasGroups = platform() !== "win32";

/** Ending git alone would leave git-remote-https waiting for a silent server, with our pipes still open. */
function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (!hasGroups || child.pid === undefined) return void child.kill(signal);
  try {
    kill(-child.pid, signal);
  } catch {
    // The group has ended by itself.
  }
}

/**
 * Reports progress lines such as "Receiving objects:  45% (450/1000), 12.30 MiB | …".
 * @returns the bytes received so far; 0 if the line does not say.
 */
function report(line: string, options: ReadOptions): number {
  const progress =
    /^(?:remote: )?([A-Z][a-z ]+): +\d+% \((\d+)\/(\d+)\)(?:, ([\d.]+) (bytes|KiB|MiB|GiB))?/.exec(line);
  if (!progress) return 0;
  options.onProgress?.({
    phase: "fetch",
    done: Number(progress[2]),
    total: Number(progress[3]),
    note: progress[1] ?? "",
  });
  const unit = { bytes: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 }[progress[5] ?? "bytes"] ?? 1;
  return Number(progress[4] ?? 0) * unit;
}

const redirecting = /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE|NAMESPACE|COMMON_DIR|TRACE)/;

function gitEnvironment(env: GitOptions["env"]): Record<string, string | undefined> {
  // Variables that point git at a repository (a hook sets them, for one) would redirect the clone.
  const inherited = Object.entries(env).filter(([name]) => !redirecting.test(name));
  return {
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    ...Object.fromEntries(inherited),
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS_REQUIRE: "never",
    GIT_ALLOW_PROTOCOL: "https:ssh:file",
    GIT_LFS_SKIP_SMUDGE: "1",
    // We parse git's progress and messages, so their language must be fixed.
    LC_ALL: "C",
  };
}

function gitFailed(source: GitSource, what: string, complaint: string, cause?: unknown): ImportError {
  const said = complaint
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => /^(fatal|error|ERROR|remote: (?!(Enumerating|Counting|Compressing|Total)))/.test(line))
    .slice(-4)
    .join(" ");
  const advice =
    "Check the address, the branch and your access (private repositories need an ssh key or a credential helper).";
  const text = `git ${what} for ${source.url}${said ? `: ${said}` : ""}. ${advice}`;
  return new ImportError("GIT_FAILED", withoutCredentials(text), cause);
}
