#!/usr/bin/env node
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Command, Option } from "commander";
import { pino } from "pino";
import { PinoPretty as pretty } from "pino-pretty";
import { type Config, ConfigError, loadConfig } from "./config.ts";

/**
 * The commands of `npx stack-converter`: they parse, call, and print. Each loads what it needs
 * when it runs, so that `--help` does not wait for a database driver.
 */

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
    const { runServe } = await import("./commands/serve.ts");
    await runServe(config, options.sample, {
      log: createLogger(config),
      onSignal: (listener) => {
        for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, listener);
      },
      exit: process.exit,
      runCommand: async (...args) => {
        const script = fileURLToPath(import.meta.url);
        const { stdout } = await promisify(execFile)(process.execPath, [
          ...process.execArgv,
          script,
          ...args,
        ]);
        return stdout;
      },
    });
  });

program
  .command("migrate")
  .description("Bring the database's schema up to date. `serve` does the same when it starts.")
  .option("--status", "only say what would be done; exit code 1 when something would")
  .action(async (options: { status?: boolean }) => {
    const config = configuration();
    const { runMigrate } = await import("./commands/migrate.ts");
    process.exitCode = await runMigrate(config, options.status ?? false, {
      print,
      log: createLogger(config),
    });
  });

program
  .command("import")
  .description(
    "Import a source tree: scan it, detect its stack, store both through the API. Nothing of it is run.",
  )
  .argument("<source>", "a directory, an archive (.tar, .tgz, .zip) or a git URL (…#branch)")
  .option("--url <url>", "the service's GraphQL address", "http://127.0.0.1:4000/graphql")
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
      const { runImport } = await import("./commands/import.ts");
      const { url, token, owner, name, githubUrl, project, quiet } = options;
      await runImport(
        { url, token, source, ownerId: owner, name, githubUrl, projectId: project, isQuiet: quiet },
        { print, progress: process.stderr, signal: interruption(), env: process.env },
      );
    },
  );

/** Aborted by Ctrl-C. A second one ends the process, as it would have without us. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  return controller.signal;
}

/** For programs a line of JSON for each event; for somebody at a terminal the same in words. */
function createLogger(config: Config) {
  const options = {
    level: config.logLevel,
    redact: ["*.token", "*.password", "*.authorization", "headers.authorization"],
  };
  if (!process.stdout.isTTY || config.environment === "production") return pino(options);
  return pino(options, pretty({ ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", singleLine: true }));
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
  // What has a code (ours, or the system's) is for the user to mend: a stack trace would only hide it.
  const isExpected = error instanceof ConfigError || (error instanceof Error && "code" in error);
  const text = error instanceof Error ? (!isExpected && error.stack) || error.message : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
