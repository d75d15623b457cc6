#!/usr/bin/env node
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { type Logger, pino } from "pino";
import { createApp } from "./app.ts";
import { runImport } from "./commands/import.ts";
import { type Config, ConfigError, loadConfig } from "./config.ts";
import { startEmbeddedDatabase } from "./database/embedded.ts";
import { applyMigrations, MigrationError, migrationStatus } from "./database/migrations.ts";
import { ImportError } from "./import/error.ts";
import { importSource, UploadError } from "./import/upload.ts";
import { createClient, StackConverterError } from "./sdk/index.ts";
import { GRAPHQL_PATH } from "./server/yoga.ts";

/** The commands of `npx stack-converter`: they parse, call, and print. */

/** What a user can mend. */
const EXPECTED_ERRORS = [ConfigError, MigrationError, ImportError, UploadError, StackConverterError];

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

program
  .command("import")
  .description(
    "Import a source tree: scan it, detect its stack, store both through the API. Nothing of it is run.",
  )
  .argument("<source>", "a directory, an archive (.tar, .tgz, .zip) or a git URL (…#branch)")
  .option("--url <url>", "the service's GraphQL address", `http://127.0.0.1:4000${GRAPHQL_PATH}`)
  .addOption(new Option("--token <token>", "the bearer token to send").env("STACK_CONVERTER_TOKEN"))
  .option("--owner <id>", "the user whose project it becomes; the viewer's unless told")
  .option("--name <name>", "instead of the name that the source gives itself")
  .option("--github-url <url>", "instead of the address that the source gives itself")
  .option("--project <id>", "go on with a project whose import was interrupted")
  .option("--quiet", "no progress; print the project's id alone")
  .action(
    async (
      source: string,
      options: {
        url: string;
        token?: string;
        owner?: string;
        name?: string;
        githubUrl?: string;
        project?: string;
        quiet?: true;
      },
    ) => {
      const { url, token, owner, name, githubUrl, project, quiet } = options;
      await runImport(
        { url, token, source, ownerId: owner, name, githubUrl, projectId: project, isQuiet: quiet },
        { print, progress: process.stderr, signal: interruption(), env: process.env },
      );
    },
  );

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
    // In the background: the service answers meanwhile, and goes on without it.
    importSample(url, log).catch((error: unknown) => log.warn({ err: error }, "the sample was not imported"));
  }
}

/** This package's own source, through the API, as anybody's would be. */
async function importSample(url: string, log: Logger): Promise<void> {
  const source = fileURLToPath(new URL("..", import.meta.url));
  const { projectId, scanned } = await importSource({ client: createClient({ url }), source });
  log.info({ projectId, files: scanned.files.length }, "imported this package itself as a sample");
}

/** Aborted by Ctrl-C. A second one ends the process, as it would have without us. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  return controller.signal;
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
  const isExpected = EXPECTED_ERRORS.some((type) => error instanceof type);
  const text = error instanceof Error ? (!isExpected && error.stack) || error.message : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
