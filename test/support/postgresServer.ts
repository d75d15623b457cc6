import { readFileSync, realpathSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { findBinaries } from "./binaries.ts";
import { startPostgresContainer } from "./containers.ts";
import { startServer, type TestServer } from "./server.ts";

export interface PostgresOptions {
  /** Server settings besides ours, as in postgresql.conf: `{ shared_preload_libraries: "auto_explain" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const SETTINGS = {
  listen_addresses: "127.0.0.1",
  // No socket file: its path may be longer than the 104 bytes that macOS allows.
  unix_socket_directories: "",
  // A test's data need not survive a power failure. It must survive a crash of the server, so commits stay
  // synchronous: writing without flushing costs little.
  fsync: "off",
  full_page_writes: "off",
  // Every test file has its own pools, and all files of a run share this server.
  max_connections: "400",
  // Statistics change only when a test says ANALYZE, so a plan is the same in every run.
  autovacuum: "off",
  timezone: "UTC",
};

const PROGRAM = {
  name: "postgres",
  command: "/bin/sh",
  url: (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  ping: pingPostgres,
  // QUIT is PostgreSQL's immediate shutdown. Like a crash it leaves recovery to the next start, but it ends
  // all backends. After SIGKILL they would notice for themselves, and a restart would run into them.
  stopSignal: "QUIT",
  crashSignal: "SIGQUIT",
} as const;

const settingsOf = (settings: Readonly<Record<string, string>>, port: number): string[] =>
  Object.entries({ ...settings, port: String(port) }).flatMap(([key, value]) => ["-c", `${key}=${value}`]);

/**
 * A PostgreSQL server with an empty data folder: from the machine's own programs, or in a
 * container where there are none.
 */
export async function launchPostgres(options: PostgresOptions = {}): Promise<TestServer> {
  const settings = { ...SETTINGS, ...options.settings };
  const binaries = findBinaries().postgres;
  if (binaries === undefined) return startPostgresContainer(settings);
  const user = unprivilegedUser();
  return startServer({
    ...PROGRAM,
    args: (port) => [
      "-c",
      // One shell for both programs, so that the guard watches over initdb too.
      `[ -e data/PG_VERSION ] || "$0/initdb" -D data -U postgres --auth=trust --no-sync --no-instructions \\
         --encoding=UTF8 --locale=C --lc-ctype=${utf8Locale()} || exit
       exec "$0/postgres" -D data "$@"`,
      binaries,
      ...settingsOf(settings, port),
    ],
    ...(user === undefined ? {} : { user }),
  });
}

/**
 * A streaming replica of a server that `launchPostgres` has started from the machine's own programs. It
 * begins with a copy, and then follows the primary's write-ahead log. After a restart it is a replica again,
 * unless it was promoted.
 */
export async function launchReplica(
  primary: Pick<TestServer, "port">,
  options: PostgresOptions = {},
): Promise<TestServer> {
  const binaries = findBinaries().postgres;
  if (binaries === undefined) throw new Error("A replica needs PostgreSQL's programs on this machine.");
  // Taken from the real program's folder: the PATH may have links to some of the programs only.
  const copy = join(dirname(realpathSync(join(binaries, "postgres"))), "pg_basebackup");
  const user = unprivilegedUser();
  return startServer({
    ...PROGRAM,
    name: "replica",
    args: (port) => [
      "-c",
      `[ -e data/PG_VERSION ] || "${copy}" -D data -h 127.0.0.1 -p ${primary.port} -U postgres -R \
         --checkpoint=fast --no-sync || exit
       exec "$0/postgres" -D data "$@"`,
      binaries,
      ...settingsOf({ ...SETTINGS, ...options.settings }, port),
    ],
    ...(user === undefined ? {} : { user }),
  });
}

export async function pingPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // The server may end during the call. `connect` reports that; a second report would be an unhandled event.
  client.on("error", () => {});
  try {
    await client.connect();
  } finally {
    await client.end().catch(() => {});
  }
}

/** PostgreSQL refuses to run as root, so root runs it as `postgres`, or else as `nobody`. */
export function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined;
  const accounts = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = accounts.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody.");
}

/** Case-insensitive search must know letters beyond ASCII. Strings are ordered by code point in any case. */
function utf8Locale(): string {
  return process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
}
