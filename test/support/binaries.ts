import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where the servers' programs are; undefined if they are not on this machine. */
export interface Binaries {
  /** The folder with both `postgres` and `initdb`. */
  readonly postgres: string | undefined;
  /** The path of `redis-server`, or of `valkey-server`, which takes the same arguments. */
  readonly redis: string | undefined;
}

/**
 * Looks on the PATH, then in the folders where Debian, Red Hat and Homebrew put programs that are not on it.
 * Of several PostgreSQL versions in one place the newest is used.
 */
export function findBinaries(): Binaries {
  const onPath = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const homebrew = ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"];
  const postgres = [
    ...onPath,
    ...versionsIn("/usr/lib/postgresql", /^\d+$/),
    ...versionsIn("/usr", /^pgsql-\d+$/),
    ...homebrew.flatMap((prefix) => versionsIn(join(prefix, "opt"), /^postgresql(@\d+)?$/)),
  ].find((folder) => isProgram(join(folder, "postgres")) && isProgram(join(folder, "initdb")));
  const redis = [...onPath, "/usr/bin", "/usr/local/bin", ...homebrew.map((prefix) => join(prefix, "bin"))]
    .flatMap((folder) => [join(folder, "redis-server"), join(folder, "valkey-server")])
    .find(isProgram);
  return { postgres, redis };
}

/** The path of another program by its name, on the PATH or where Debian puts servers. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== ""),
    "/usr/sbin",
  ];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** Whether missing programs can be installed: as root on Debian or Ubuntu. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get") && existsSync("/etc/debian_version");
}

/**
 * Installs whichever of the two servers is missing, and stops the services that the packages start by
 * themselves: the tests run their own servers, and a test run should not leave a database on port 5432 that
 * nobody asked for.
 */
export function installBinaries(missing: Binaries): void {
  const packages = [
    ...(missing.postgres === undefined ? [{ name: "postgresql", service: "postgresql" }] : []),
    ...(missing.redis === undefined ? [{ name: "redis-server", service: "redis-server" }] : []),
  ];
  const names = packages.map(({ name }) => name);
  console.error(`The tests need ${names.join(" and ")}: installing with apt-get.`);
  run("apt-get", ["update", "-q"]);
  run("apt-get", [
    "install",
    "-qy",
    "--no-install-recommends",
    // Another run on this machine may be installing: wait for it, for at most two minutes.
    "-oDPkg::Lock::Timeout=120",
    ...names,
  ]);
  for (const { service } of packages) spawnSync("service", [service, "stop"], { stdio: "ignore" });
}

function run(command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (error) throw new Error(`${command} could not be started.`, { cause: error });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed (${status}):\n${stdout}\n${stderr}`);
}

function versionsIn(parent: string, pattern: RegExp): string[] {
  if (!existsSync(parent)) return [];
  const version = (name: string) => Number(/\d+$/.exec(name)?.[0] ?? 0);
  return readdirSync(parent)
    .filter((name) => pattern.test(name))
    .sort((a, b) => version(b) - version(a))
    .map((name) => join(parent, name, "bin"));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
