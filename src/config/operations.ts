import { Cron } from "croner";
import { z } from "zod";
import { count, flag, variable } from "./variable.ts";

const isCronExpression = (text: string): boolean => {
  try {
    return new Cron(text, { mode: "5-part", timezone: "UTC", paused: true }).nextRun() !== null;
  } catch {
    return false;
  }
};

/** Processes, maintenance, retention and backups. */
export const operationVariables = {
  WEB_CONCURRENCY: variable(
    count(1, 256),
    "How many processes `serve` runs on one port. Each has up to `DB_POOL_MAX` connections and a cache of its own.",
    { default: "1" },
  ),
  DB_MAINTENANCE_SCHEDULE: variable(
    z
      .string()
      .refine(isCronExpression, 'expected a cron expression of five parts, in UTC, such as "30 3 * * *"'),
    "When the database is maintained: a cron expression in UTC. One instance does it. Unset: only on demand.",
  ),
  DB_ENABLE_REINDEX: variable(
    flag,
    "Allow maintenance to rebuild bloated indexes (`REINDEX CONCURRENTLY`).",
    { default: "false" },
  ),
  PROGRESS_RETENTION_DAYS: variable(
    count(0, 36_500),
    "After this many days, maintenance keeps only the last progress report of each minute of a job. 0: it keeps all.",
    { default: "30" },
  ),
  BACKUP_DIRECTORY: variable(
    z.string().min(1),
    "Where `backup` puts archives, and `restore` looks for them.",
    { default: "backups" },
  ),
  BACKUP_ENCRYPTION_KEY: variable(
    z
      .string()
      .regex(
        /^(age1[0-9a-z]{20,}|AGE-SECRET-KEY-1[0-9A-Z]{20,})$/,
        "expected a key of age (`npx stack-converter backup --new-key` prints a pair)",
      ),
    "Encrypts backups: an age key. A public key (`age1…`) can only write them, a secret key can read them too.",
    { isSecret: true },
  ),
} as const;
