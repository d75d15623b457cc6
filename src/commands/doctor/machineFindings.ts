import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Config } from "../../config.ts";
import { listBackups } from "../../database/backup/manifest.ts";
import { assertTool, type Tools } from "../../database/backup/postgresTools.ts";
import { count, size } from "../wording.ts";
import { error, type Finding, ok, warning } from "./finding.ts";

const MIN_NODE = [20, 19] as const;
const DISK_WARNING_SHARE = 0.1;
const DISK_ERROR_SHARE = 0.02;
const BACKUP_DAYS = 2;
const VERIFIED_DAYS = 30;

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])
    ? ok("node version", `Node.js ${version}`)
    : error(
        "node version",
        `Node.js ${version}`,
        "the service needs 20.19",
        "install Node.js 20.19 or newer",
      );
}

export function configurationFindings({ environment, database, auth, backup, redis }: Config): Finding[] {
  const found: Finding[] = [];
  if (database.url !== undefined && auth.jwtSecret === undefined && auth.jwksUrl === undefined)
    found.push(
      error(
        "configuration",
        "neither AUTH_JWT_SECRET nor AUTH_JWKS_URL is set",
        "the service does not start: nobody could be told from anybody",
        "export AUTH_JWT_SECRET=$(openssl rand -base64 48)",
      ),
    );
  if (database.url !== undefined && environment !== "production")
    found.push(
      warning(
        "configuration",
        `NODE_ENV is ${environment}`,
        "GraphiQL and the schema are shown to everybody, and pages of this machine may ask",
        "set NODE_ENV=production where others can reach the service",
      ),
    );
  if (database.url !== undefined && backup.encryptionKey === undefined)
    found.push(
      warning(
        "configuration",
        "BACKUP_ENCRYPTION_KEY is not set",
        "whoever gets hold of a backup can read it",
        "npx stack-converter backup --new-key; the public key is enough here",
      ),
    );
  if (database.url === undefined && redis !== undefined)
    found.push(
      warning(
        "configuration",
        "REDIS_URL is set, and DATABASE_URL is not",
        "the embedded database serves one instance, which needs no Redis",
        "set DATABASE_URL, or leave REDIS_URL out",
      ),
    );
  return found.length > 0 ? found : [ok("configuration", "no problem")];
}

/** Judges the free space of the file system that holds the folder, or will hold it. */
export async function diskFinding(what: string, folder: string): Promise<Finding> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const space = await statfs(path).catch(() => undefined);
    if (space === undefined && path !== dirname(path)) continue;
    if (space === undefined || space.blocks === 0) return ok("disk", `${what}: not known`);
    const share = space.bavail / space.blocks;
    const text = `${what}: ${size(space.bavail * space.bsize)} free, ${Math.round(100 * share)} %`;
    const why = "on a full disk nothing can be written";
    const action = `make room in ${folder}`;
    if (share < DISK_ERROR_SHARE) return error("disk", text, why, action);
    return share < DISK_WARNING_SHARE ? warning("disk", text, why, action) : ok("disk", text);
  }
}

export async function toolFindings(serverVersion: string, tools: Tools): Promise<Finding[]> {
  const failures: string[] = [];
  for (const tool of ["pg_dump", "pg_restore"] as const)
    await assertTool(tool, serverVersion, tools).catch((failure: Error) => failures.push(failure.message));
  if (failures.length === 0) return [ok("backup programs", "pg_dump and pg_restore fit the server")];
  return failures.map((message) =>
    warning("backup programs", message, "`backup` uses them unless told otherwise", "as said"),
  );
}

export async function backupFindings(directory: string, now = Date.now()): Promise<Finding[]> {
  const action = "npx stack-converter backup, every day, and verify-backup after it";
  let backups: Awaited<ReturnType<typeof listBackups>>;
  try {
    backups = await listBackups(directory);
  } catch (failure) {
    const text = failure instanceof Error ? failure.message : String(failure);
    return [
      error("backups", text, "a backup that cannot be read is none", "look at the folder, and take another"),
    ];
  }
  const [newest] = backups;
  if (newest === undefined)
    return [warning("backups", `none in ${directory}`, "what is lost stays lost", action)];
  const ageOf = (time: string) => (now - Date.parse(time)) / 86_400_000;
  const verified = backups
    .flatMap(({ verifiedAt }) => verifiedAt ?? [])
    .sort()
    .at(-1);
  const text = `${count(backups.length, "backup")}, the newest of ${newest.createdAt}`;
  if (ageOf(newest.createdAt) > BACKUP_DAYS)
    return [warning("backups", text, "what was written since would be lost", action)];
  if (verified === undefined || ageOf(verified) > VERIFIED_DAYS)
    return [
      warning(
        "backups",
        `${text}, ${verified === undefined ? "and none was verified" : `last verified ${verified}`}`,
        "nobody knows whether it can be restored",
        "npx stack-converter verify-backup",
      ),
    ];
  return [ok("backups", `${text}, last verified ${verified}`)];
}
