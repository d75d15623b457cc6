import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Logger } from "pino";
import { createRedisConnection } from "../cache/connection.ts";
import { inspectRedis } from "../cache/inspection.ts";
import { INSTANCES } from "../coherence/instances.ts";
import { type Config, ConfigError } from "../config.ts";
import { withEmbedded } from "../database/backup/embeddedRestore.ts";
import { inspectDatabase } from "../database/inspection.ts";
import { migrationStatus } from "../database/migrations.ts";
import { withSession } from "../database/session.ts";
import { databaseFindings, migrationFindings } from "./doctor/databaseFindings.ts";
import { error, type Finding, ok, warning } from "./doctor/finding.ts";
import {
  backupFindings,
  configurationFindings,
  diskFinding,
  nodeFinding,
  toolFindings,
} from "./doctor/machineFindings.ts";
import { redisFindings } from "./doctor/redisFindings.ts";

export interface DoctorIo {
  readonly print: (line: string) => void;
  readonly logger: (config: Config) => Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nodeVersion: string;
}

const REDIS_WAIT_MS = 5_000;

/**
 * `stack-converter doctor`: checks everything that the service depends on, and says what to do about each
 * problem. It changes nothing.
 *
 * @param configuration may throw a ConfigError, whose problems are findings
 * @returns the exit code: 1 when there is an error among the findings
 */
export async function runDoctor(
  configuration: () => Config,
  { isJson }: { isJson: boolean },
  { print, logger, env, nodeVersion }: DoctorIo,
): Promise<0 | 1> {
  const findings = [nodeFinding(nodeVersion)];
  try {
    const config = configuration();
    const log = logger(config);
    findings.push(...configurationFindings(config));
    findings.push(...(await lookAtDatabase(config, env)));
    findings.push(...(await lookAtRedis(config, log)));
    findings.push(...(await backupFindings(config.backup.directory)));
    findings.push(await diskFinding("backups", config.backup.directory));
  } catch (failure) {
    if (!(failure instanceof ConfigError)) throw failure;
    for (const problem of failure.problems)
      findings.push(error("configuration", problem, "the service does not start", "correct the variable"));
  }
  if (isJson) print(JSON.stringify(findings));
  else for (const finding of findings) for (const line of linesOf(finding)) print(line);
  const errors = findings.filter(({ level }) => level === "error").length;
  const warnings = findings.filter(({ level }) => level === "warning").length;
  if (!isJson)
    print(`${errors} errors, ${warnings} warnings, ${findings.length - errors - warnings} in order.`);
  return errors > 0 ? 1 : 0;
}

async function lookAtDatabase(config: Config, env: DoctorIo["env"]): Promise<Finding[]> {
  const { url, dataDirectory } = config.database;
  try {
    if (url !== undefined) return await lookAt(url, config, env);
    // Opening it would create it.
    if (!existsSync(join(dataDirectory, "initialized")))
      return [ok("database", "the embedded one, which the first start creates")];
    return [
      ...(await withEmbedded(dataDirectory, (embedded) => lookAt(embedded, config, env))),
      await diskFinding("the embedded database", resolve(dataDirectory)),
    ];
  } catch (failure) {
    const text = failure instanceof Error ? failure.message || failure.name : String(failure);
    if (failure instanceof Error && failure.message.includes("is in use by the process"))
      return [ok("database", "the embedded one, in use by a service that runs: not looked into")];
    return [
      error(
        "database",
        `does not answer: ${text}`,
        "without it nothing can be read or written",
        'see that it runs and that DATABASE_URL is right: psql "$DATABASE_URL"',
      ),
    ];
  }
}

async function lookAt(connectionString: string, config: Config, env: DoctorIo["env"]): Promise<Finding[]> {
  const facts = await withSession(connectionString, "doctor", (client) => inspectDatabase(client, INSTANCES));
  const isEmbedded = config.database.url === undefined;
  const { localDataDirectory } = facts;
  return [
    ...databaseFindings(facts, config),
    ...migrationFindings(await migrationStatus({ connectionString })),
    ...(isEmbedded ? [] : await toolFindings(facts.version, { env })),
    ...(isEmbedded || localDataDirectory === undefined
      ? []
      : [await diskFinding("the database", localDataDirectory)]),
  ];
}

async function lookAtRedis({ redis }: Config, log: Logger): Promise<Finding[]> {
  if (redis === undefined)
    return [ok("redis", "not used: REDIS_URL is not set, which is right for one instance")];
  const connection = createRedisConnection({ ...redis, commandTimeoutMs: REDIS_WAIT_MS }, log);
  try {
    if (!(await connection.waitUntilReady(REDIS_WAIT_MS)))
      return [
        error(
          "redis",
          `${connection.target} does not answer`,
          "the service goes on from the database alone, and the first write of the outage waits a second",
          "see that it runs and that REDIS_URL is right",
        ),
      ];
    return redisFindings(await inspectRedis(connection));
  } catch (failure) {
    const text = failure instanceof Error ? failure.message : String(failure);
    return [
      warning(
        "redis",
        `cannot be looked into: ${text}`,
        "what its settings are is not known",
        "allow its user the commands INFO and TIME",
      ),
    ];
  } finally {
    await connection.close();
  }
}

function linesOf({ check, level, what, why, action }: Finding): string[] {
  const mark = { ok: "ok     ", warning: "WARNING", error: "ERROR  " }[level];
  if (why === null) return [`${mark} ${check}: ${what}`];
  return [`${mark} ${check}: ${what}`, `        why: ${why}`, `        do:  ${action}`];
}
