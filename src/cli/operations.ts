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
      "Maintain the database: delete expired rows, VACUUM, ANALYZE, and REINDEX if it is enabled. Ctrl-C cancels.",
    )
    .option("--full-pass", "process every table, not only those that need it")
    .option("--dry-run", "print what would be done, without doing it")
    .option("--json", "print the report as one line of JSON, without progress")
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

  const jsonOption = () => new Option("--json", "print one line of JSON, without progress");

  program
    .command("backup")
    .description(
      "Back the database up into BACKUP_DIRECTORY, encrypted with BACKUP_ENCRYPTION_KEY if it is set.",
    )
    .addOption(
      new Option(
        "--format <format>",
        "the archive's format: pg_dump, or rows, which works without the pg_dump program",
      ).choices(["pg_dump", "rows"]),
    )
    .option(
      "--keep <number>",
      "keep this many of the newest backups, and delete older ones",
      wholeNumber(1, 1_000_000),
    )
    .option("--keep-days <days>", "delete backups older than this", wholeNumber(1, 36_500))
    .option("--list", "only list the backups, and which of them were never verified")
    .option("--new-key", "only print a new pair of encryption keys")
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
    .description("Restore a backup into a temporary database, compare every table, and drop that database.")
    .argument("[backup]", "the archive's name or path (default: the newest)")
    .addOption(jsonOption())
    .action(async (name: string | undefined, { json: isJson = false }: { json?: boolean }) => {
      const config = configuration();
      const { runVerifyBackup } = await import("../commands/backup.ts");
      await runVerifyBackup(config, { name, isJson }, backupIo(config));
    });

  program
    .command("restore")
    .description(
      "Restore a backup into a new database and, once it is complete and verified, put it in the place of the current one.",
    )
    .argument("[backup]", "the archive's name or path (default: the newest)")
    .option("--replace", "allow this if the current database has rows; it is kept under another name")
    .option("--drop-replaced", "delete the replaced database (not for an embedded one)")
    .option("--no-privileges", "do not restore grants to other roles")
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
      "Check everything that the service depends on, and say what to do. Exit code 1 if something is wrong.",
    )
    .addOption(new Option("--json", "print the findings as one line of JSON"))
    .action(async ({ json: isJson = false }: { json?: boolean }) => {
      const { runDoctor } = await import("../commands/doctor.ts");
      exitWith(await runDoctor(configuration, { isJson }, { print, logger, env, nodeVersion }));
    });
}
