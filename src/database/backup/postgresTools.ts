import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { partsOf } from "../session.ts";
import { BackupError } from "./error.ts";

/** How PostgreSQL's own programs are run. */
export interface Tools {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

type Tool = "pg_dump" | "pg_restore";

const STDERR_LIMIT = 4_000;

/** Parameters of a `pg` URL that libpq knows as well. */
const LIBPQ_PARAMETERS = [
  "application_name",
  "channel_binding",
  "connect_timeout",
  "host",
  "options",
  "port",
  "sslcert",
  "sslkey",
  "sslmode",
  "sslrootcert",
  "target_session_attrs",
  "user",
];

/**
 * The tool's major version.
 *
 * @throws BackupError `PG_TOOL_MISSING`
 */
export async function toolVersion(tool: Tool, { env }: Tools): Promise<number> {
  let text = "";
  const child = spawn(tool, ["--version"], { env, stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.once("error", (cause) => reject(missing(tool, cause)));
    child.once("close", () => resolve());
  });
  const [, major] = /\(PostgreSQL\)\s+(\d+)/.exec(text) ?? [];
  if (major === undefined) throw missing(tool, undefined);
  return Number(major);
}

/** @throws BackupError `PG_TOOL_MISSING`, `PG_TOOL_TOO_OLD` */
export async function assertTool(tool: Tool, serverVersion: string, tools: Tools): Promise<void> {
  const server = Number.parseInt(serverVersion, 10);
  const client = await toolVersion(tool, tools);
  if (client < server)
    throw new BackupError(
      "PG_TOOL_TOO_OLD",
      `${tool} is of version ${client}, the server of ${server}: install the client programs of PostgreSQL ${server} or newer (Debian: postgresql-client-${server}), or take the backup with --format rows, which needs none.`,
    );
}

function missing(tool: Tool, cause: unknown): BackupError {
  return new BackupError(
    "PG_TOOL_MISSING",
    `${tool} is not installed, or not in the PATH: install PostgreSQL's client programs, of the server's version or newer (Debian: postgresql-client; macOS: brew install libpq), or take backups with --format rows, which needs none.`,
    cause,
  );
}

/**
 * The output of pg_dump: one archive of the snapshot in its custom format. The stream fails with
 * `PG_TOOL_FAILED`.
 */
export function dump(connectionString: string, snapshot: string, tools: Tools): Readable {
  const { address, env } = addressOf(connectionString, tools);
  const args = ["--format=custom", "--no-password", `--snapshot=${snapshot}`, `--dbname=${address}`];
  const { child, ended } = start("pg_dump", args, env, tools.signal, ["ignore", "pipe", "pipe"]);
  // Safe: stdout was requested as a pipe.
  return Readable.from(whole(child.stdout!, ended), { objectMode: false });
}

/** Restores an archive into an empty database. @throws BackupError `PG_TOOL_FAILED` */
export async function restoreDump(
  source: Readable,
  connectionString: string,
  { keepsPrivileges, ...tools }: Tools & { readonly keepsPrivileges: boolean },
): Promise<void> {
  const { address, env } = addressOf(connectionString, tools);
  const args = ["--no-owner", "--exit-on-error", "--no-password", `--dbname=${address}`];
  if (!keepsPrivileges) args.push("--no-privileges");
  const { child, ended } = start("pg_restore", args, env, tools.signal, ["pipe", "ignore", "pipe"]);
  const piped = pipeline(source, child.stdin!).catch((error: NodeJS.ErrnoException) => {
    // pg_restore has stopped reading, and reports the reason itself.
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
  const [sent, done] = await Promise.allSettled([piped, ended]);
  if (sent.status === "rejected") throw sent.reason;
  if (done.status === "rejected") throw done.reason;
}

async function* whole(output: Readable, ended: Promise<void>) {
  yield* output;
  // The output counts only if the process ended well.
  await ended;
}

function start(
  tool: Tool,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
  stdio: ("ignore" | "pipe")[],
) {
  const child = spawn(tool, args, { env, stdio, ...(signal && { signal }) });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-STDERR_LIMIT);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (cause: NodeJS.ErrnoException) =>
      reject(cause.code === "ENOENT" ? missing(tool, cause) : cause),
    );
    child.once("close", (code, killedBy) => {
      if (code === 0) resolve();
      else
        reject(
          new BackupError(
            "PG_TOOL_FAILED",
            `${tool} failed (${killedBy ?? `exit code ${code}`}): ${said.trim()}`,
          ),
        );
    });
  });
  // Whoever awaits `ended` handles its rejection. Until then it must not count as unhandled.
  ended.catch(() => {});
  return { child, ended };
}

/** Every user of the machine can see the arguments, so the password is not among them. */
function addressOf(connectionString: string, { env }: Tools) {
  const { user, password, database } = partsOf(connectionString);
  const url = new URL(connectionString);
  const hasPassword = url.password !== "" || url.searchParams.has("password");
  url.password = "";
  // libpq decodes every percent sign, and refuses those that encode nothing.
  if (url.username !== "") url.username = encodeURIComponent(user);
  url.pathname = `/${encodeURIComponent(database)}`;
  // `pg` takes this for TLS and nothing else; without a mode, libpq would do without TLS where it is refused.
  if (/^(true|1)$/.test(url.searchParams.get("ssl") ?? "") && !url.searchParams.has("sslmode"))
    url.searchParams.set("sslmode", "require");
  for (const name of [...url.searchParams.keys()])
    if (!LIBPQ_PARAMETERS.includes(name)) url.searchParams.delete(name);
  // `pg` has a mode of its own for this, which libpq does not know.
  if (url.searchParams.get("sslmode") === "no-verify") url.searchParams.set("sslmode", "require");
  return { address: url.href, env: hasPassword ? { ...env, PGPASSWORD: password } : env };
}
