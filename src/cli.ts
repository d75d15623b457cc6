#!/usr/bin/env node
import { createRequire } from "node:module";
import { Command, Option } from "commander";
import { pino } from "pino";
import { createApp } from "./app.ts";
import { type Config, ConfigError, loadConfig } from "./config.ts";
import { startEmbeddedDatabase } from "./database/embedded.ts";
import { applyMigrations, MigrationError, migrationStatus } from "./database/migrations.ts";

/** The commands of `npx stack-converter`: they parse, call, and print. */

// Safe: it is this package's own manifest.
const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const program = new Command("stack-converter")
  .description("The data and API service of an AI tech-stack converter.")
  .version(version)
  .showHelpAfterError("(--help says what there is)")
  .configureHelp({ sortSubcommands: false });

program
  .command("serve")
  .description("Serve the GraphQL API. Without DATABASE_URL, on an embedded database.")
  .addOption(new Option("--port <port>", "the port to listen on; 0 takes a free one").env("PORT"))
  .addOption(new Option("--host <address>", "the address to listen on").env("HOST"))
  .option("--no-sample", "do not import this package itself as a sample into an empty embedded database")
  .action(async (options: { port?: string; host?: string; sample: boolean }) => {
    const config = configuration({ PORT: options.port, HOST: options.host });
    await serve(config, options.sample);
  });

program
  .command("migrate")
  .description("Bring the database's schema up to date. `serve` does the same when it starts.")
  .option("--status", "only say what would be done; exit code 1 when something would")
  .action(async (options: { status?: boolean }) => {
    const config = configuration();
    const log = createLogger(config);
    const embedded = config.database.url
      ? undefined
      : await startEmbeddedDatabase({ dataDirectory: config.database.dataDirectory, log });
    const connectionString = config.database.url ?? embedded!.connectionString;
    try {
      if (options.status) {
        const { pending, problems } = await migrationStatus({ connectionString });
        for (const { message } of problems) print(message);
        for (const name of pending) print(`pending: ${name}`);
        if (pending.length === 0 && problems.length === 0) print("The database is up to date.");
        else process.exitCode = 1;
        return;
      }
      const { applied } = await applyMigrations({ connectionString, log });
      print(applied.length > 0 ? `Applied: ${applied.join(", ")}` : "The database was up to date.");
    } finally {
      await embedded?.stop();
    }
  });

async function serve(config: Config, wantsSample: boolean): Promise<void> {
  const log = createLogger(config);
  const app = await createApp(config, log);

  let isStopping = false;
  const stop = async (reason: string, exitCode: number) => {
    if (isStopping) {
      log.warn({ reason }, "stopping at once");
      process.exit(exitCode || 1);
    }
    isStopping = true;
    log.info({ reason }, "stopping: running requests may finish; a second signal stops at once");
    await app.close();
    process.exit(exitCode);
  };
  process.on("SIGTERM", () => void stop("SIGTERM", 0));
  process.on("SIGINT", () => void stop("SIGINT", 0));
  void app.embeddedExited?.then(({ wasExpected }) => {
    if (!wasExpected) void stop("the embedded database ended", 1);
  });

  const { url } = await app.listen().catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  log.info({ url, database: config.database.url ? "PostgreSQL" : "embedded" }, `GraphQL is at ${url}`);

  if (wantsSample && app.embeddedPid !== undefined && (await app.repositories.projects.count()) === 0) {
    log.info({ url }, "sample");
  }
}

function createLogger(config: Config) {
  return pino({
    level: config.logLevel,
    redact: ["*.token", "*.password", "*.authorization", "headers.authorization"],
  });
}

/** The configuration from the environment, with what the command line says in its place. */
function configuration(overrides: Record<string, string | undefined> = {}): Config {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  return loadConfig({ ...process.env, ...Object.fromEntries(given) });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await program.parseAsync();
} catch (error) {
  // What a user can mend is said without a stack trace, which would only hide it.
  const isExpected = error instanceof ConfigError || error instanceof MigrationError;
  process.stderr.write(
    `${isExpected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
}
