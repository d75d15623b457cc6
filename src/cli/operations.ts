import { type Command, Option } from "commander";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { ProgressStream } from "../import/progressBar.ts";

/** What the commands need from the process. */
export interface OperationsIo {
  /** @throws ConfigError */
  readonly configuration: () => Config;
  readonly logger: (config: Config) => Logger;
  readonly print: (line: string) => void;
  readonly progress: ProgressStream;
  /** Aborted by Ctrl-C. */
  readonly interruption: () => AbortSignal;
  readonly wholeNumber: (min: number, max: number) => (text: string) => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exitWith: (code: number) => void;
  readonly nodeVersion: string;
}

/** The commands for operators. They work on the service's database and settings, not through its API. */
export function addOperations(program: Command, io: OperationsIo): void {
  const { configuration, logger, print, progress, interruption, wholeNumber, env, exitWith, nodeVersion } =
    io;
  const backupIo = (config: Config) => ({
    print,
    progress,
    log: logger(config),
    signal: interruption(),
    env,
  });

  program
    .command("maintain")
    .description(
      "Keep the database healthy: prune, VACUUM, ANALYZE, and REINDEX where it is enabled. Ctrl-C cancels what runs.",
    )
    .option("--full-pass", "every table, not only those that need it")
    .option("--dry-run", "change nothing, and say what would be done")
    .option("--json", "the report as a line of JSON, and no progress")
    .action(async (options: { fullPass?: true; dryRun?: true; json?: true }) => {
      const config = configuration();
      const { runMaintain } = await import("../commands/maintain.ts");
      const { fullPass: isFullPass = false, dryRun: isDryRun = false, json: isJson = false } = options;
      const code = await runMaintain(
        config,
        { isFullPass, isDryRun, isJson },
        { print, progress, log: logger(config), signal: interruption() },
      );
      exitWith(code);
    });

  const jsonOption = () => new Option("--json", "a line of JSON, and no progress");

  program
    .command("backup")
    .description(
      "Back the database up into BACKUP_DIRECTORY, encrypted with BACKUP_ENCRYPTION_KEY if it is set.",
    )
    .addOption(
      new Option("--format <format>", "pg_dump, or rows, which needs no program of PostgreSQL's").choices([
        "pg_dump",
        "rows",
      ]),
    )
    .option("--keep <number>", "delete older backups than the newest so many", wholeNumber(1, 1_000_000))
    .option("--keep-days <days>", "delete backups that are older", wholeNumber(1, 36_500))
    .option("--list", "only say which there are, and which nobody has verified")
    .option("--new-key", "only print a new pair of keys")
    .addOption(jsonOption())
    .action(
      async (options: {
        format?: "pg_dump" | "rows";
        keep?: number;
        keepDays?: number;
        list?: true;
        newKey?: true;
        json?: true;
      }) => {
        const { format, keep, keepDays, list, newKey, json: isJson = false } = options;
        const { runBackup, runListBackups, runNewKey } = await import("../commands/backup.ts");
        if (newKey) return runNewKey(print);
        const config = configuration();
        if (list) return runListBackups(config, { isJson }, print);
        await runBackup(config, { format, keep, keepDays, isJson }, backupIo(config));
      },
    );

  program
    .command("verify-backup")
    .description("Restore a backup into a database of its own, compare every table, and drop it again.")
    .argument("[backup]", "its archive's name or path; the newest unless given")
    .addOption(jsonOption())
    .action(async (name: string | undefined, { json: isJson = false }: { json?: boolean }) => {
      const config = configuration();
      const { runVerifyBackup } = await import("../commands/backup.ts");
      await runVerifyBackup(config, { name, isJson }, backupIo(config));
    });

  program
    .command("restore")
    .description("Restore a backup beside the database, and put it in its place when it is whole.")
    .argument("[backup]", "its archive's name or path; the newest unless given")
    .option("--replace", "although the database has rows: it is put aside under another name")
    .option("--drop-replaced", "delete the database that was put aside (not an embedded one)")
    .option("--no-privileges", "leave grants to other roles out")
    .addOption(jsonOption())
    .action(
      async (
        name: string | undefined,
        options: { replace?: true; dropReplaced?: true; privileges: boolean; json?: true },
      ) => {
        const config = configuration();
        const { runRestore } = await import("../commands/backup.ts");
        const { replace = false, dropReplaced = false, privileges, json: isJson = false } = options;
        await runRestore(
          config,
          { name, isJson, mayReplace: replace, dropsReplaced: dropReplaced, keepsPrivileges: privileges },
          backupIo(config),
        );
      },
    );

  program
    .command("doctor")
    .description(
      "Look at everything that the service depends on, and say what to do. Exit code 1 when something is wrong.",
    )
    .addOption(new Option("--json", "the findings as a line of JSON"))
    .action(async ({ json: isJson = false }: { json?: boolean }) => {
      const { runDoctor } = await import("../commands/doctor.ts");
      exitWith(await runDoctor(configuration, { isJson }, { print, logger, env, nodeVersion }));
    });
}
