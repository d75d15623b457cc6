import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Command, InvalidArgumentError, Option } from "commander";
import { pino } from "pino";
import { PinoPretty as pretty } from "pino-pretty";
import { errorRecord } from "../commands/errorRecord.ts";
import { createBatchedOutput } from "../commands/logOutput.ts";
import { createRedaction } from "../commands/redaction.ts";
import { type Config, ConfigError, loadConfig, variables } from "../config.ts";
import { startTracing, type Tracing, traceFields } from "../observation/tracing.ts";
import { addOperations } from "./operations.ts";
import { createSignals } from "./signals.ts";

/**
 * The commands of `npx stack-converter`. Each parses its arguments, calls a function and prints. It imports
 * what it needs when it runs, so that `--help` does not wait for a database driver.
 */

// Safe: it is this package's own manifest.
const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

const { interruption, onSignal, endWithReader } = createSignals(process);

const program = new Command("stack-converter")
  .description("The data and API service of an AI tech-stack converter.")
  .version(version)
  .showHelpAfterError("(use --help to list commands and options)")
  .configureHelp({ sortSubcommands: false });

const urlOption = () =>
  new Option("--url <url>", "the service's GraphQL address").default("http://127.0.0.1:4000/graphql");
const tokenOption = () =>
  new Option(
    "--token <token>",
    "the bearer token or API key to send; a service with an embedded database on this machine leaves one in DATA_DIRECTORY",
  ).env("STACK_CONVERTER_TOKEN");

program
  .command("serve")
  .description("Serve the GraphQL API. Without DATABASE_URL, it uses an embedded database.")
  .addOption(new Option("--port <port>", "the port to listen on; 0 takes a free one").env("PORT"))
  .addOption(new Option("--host <address>", "the address to listen on").env("HOST"))
  .option("--no-sample", "do not import this package itself as a sample into an empty embedded database")
  .action(async (options: { port?: string; host?: string; sample: boolean }) => {
    const config = configuration({ PORT: options.port, HOST: options.host });
    const { linkToFleet } = await import("../commands/fleet/link.ts");
    const fleet = linkToFleet();
    // At a terminal SIGHUP means that the terminal was closed, and ends the program.
    const onReload = (listener: () => void) => void (isInteractive() || process.on("SIGHUP", listener));
    if (config.workers > 1 && fleet === undefined) {
      const { runFleet } = await import("../commands/fleet/primary.ts");
      await runFleet(config, { log: createLogger(config), onSignal, onReload, exit: process.exit });
      return;
    }
    // SIGHUP may be sent to the whole process group. It is meant for the primary process, which started this
    // one.
    if (fleet) onReload(() => {});
    const { runServe } = await import("../commands/serve.ts");
    const tracing = config.tracing && (await startTracing(config.tracing));
    await runServe(config, options.sample, {
      log: createLogger(config, tracing),
      tracing,
      fleet,
      onSignal,
      exit: process.exit,
      announce: (line) => void process.stderr.write(`${line}\n`),
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
  .option("--status", "only print what is pending; exit code 1 if anything is")
  .action(async (options: { status?: boolean }) => {
    const config = configuration();
    const { runMigrate } = await import("../commands/migrate.ts");
    process.exitCode = await runMigrate(config, options.status ?? false, {
      print,
      log: createLogger(config),
    });
  });

addOperations(program, {
  configuration,
  logger: quietLogger,
  print,
  progress: process.stderr,
  interruption,
  wholeNumber,
  env: process.env,
  nodeVersion: process.version,
  exitWith: (code) => {
    process.exitCode = code;
  },
});

program
  .command("import")
  .description(
    "Import a source tree: scan it, detect its stack, and store both through the API. None of its code is run.",
  )
  .argument("<source>", "a directory, an archive (.tar, .tgz, .zip) or a git URL (…#branch)")
  .addOption(urlOption())
  .addOption(tokenOption())
  .option("--owner <id>", "the user who will own the project (default: the viewer)")
  .option("--name <name>", "the project's name (default: taken from the source)")
  .option("--github-url <url>", "the project's address (default: taken from the source)")
  .option("--project <id>", "resume the interrupted import of this project")
  .option("--quiet", "show no progress, and print only the project's id")
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
      const { runImport } = await import("../commands/import.ts");
      const { url, owner, name, githubUrl, project, quiet } = options;
      await runImport(
        {
          url,
          token: await tokenFor(options),
          source,
          ownerId: owner,
          name,
          githubUrl,
          projectId: project,
          isQuiet: quiet,
        },
        { print, progress: process.stderr, signal: interruption(), env: process.env },
      );
    },
  );

program
  .command("convert")
  .description(
    "Create a conversion job for a project. It analyses what a conversion to the target stack would take.",
  )
  .argument("<project>", "the project's id, or its name if no other project has the same name")
  .addOption(urlOption())
  .addOption(tokenOption())
  .option(
    "--target <stack>",
    "set the target stack: language=Go,framework=Gin (can be repeated)",
    collect,
    [],
  )
  .option("--priority <number>", "-1000 to 1000; higher is claimed first", wholeNumber(-1_000, 1_000))
  .option("--quiet", "print only the job's id")
  .action(
    async (
      project: string,
      options: { url: string; token?: string; target: string[]; priority?: number; quiet?: true },
    ) => {
      const { runConvert } = await import("../commands/convert.ts");
      const { url, target, priority, quiet } = options;
      const command = { url, token: await tokenFor(options), project, target, priority, isQuiet: quiet };
      await runConvert(command, { print, signal: interruption() });
    },
  );

program
  .command("work")
  .description("Work on conversion jobs until stopped. SIGTERM and Ctrl-C let running jobs finish.")
  .requiredOption(
    "--demo",
    "run the demo worker, which analyses projects without converting them. Other workers are programs that use the SDK",
  )
  .addOption(urlOption())
  .addOption(tokenOption())
  .option("--concurrency <jobs>", "how many jobs to work on at a time", wholeNumber(1, 100), 1)
  .option("--once", "exit when there are no jobs to claim; exit code 1 if a job has failed")
  .action(async (options: { url: string; token?: string; concurrency: number; once?: true }) => {
    const { runWork } = await import("../commands/work.ts");
    const { url, concurrency, once = false } = options;
    process.exitCode = await runWork(
      { url, token: await tokenFor(options), concurrency, once },
      { print, progress: process.stderr, isInteractive: isInteractive(), onSignal, exit: process.exit },
    );
  });

program
  .command("watch")
  .description("Watch a conversion job until it ends. Exit code 0: completed; 1: failed or cancelled.")
  .argument("[job]", "the job's id (default: the newest job)")
  .addOption(urlOption())
  .addOption(tokenOption())
  .option("--json", "print a line of JSON for each event")
  .action(async (jobId: string | undefined, options: { url: string; token?: string; json?: true }) => {
    const { runWatch } = await import("../commands/watch.ts");
    const { url, json: isJson = false } = options;
    process.exitCode = await runWatch(
      { url, token: await tokenFor(options), jobId, isJson },
      { print, progress: process.stderr, isInteractive: isInteractive(), signal: interruption() },
    );
  });

program
  .command("pool")
  .description("Show a running service's connections to its database, and what to do about them.")
  .addOption(urlOption())
  .addOption(tokenOption())
  .option("--json", "print the figures as JSON")
  .option("--watch", "repeat every two seconds, until Ctrl-C")
  .option("--explain <id>", "print only the plan of one of the slow statements that this command lists")
  .action(async (options: { url: string; token?: string; json?: true; watch?: true; explain?: string }) => {
    const { runPool } = await import("../commands/pool.ts");
    const { url, json: isJson = false, watch: isWatching = false, explain } = options;
    await runPool(
      { url, token: await tokenFor(options), isJson, isWatching, explain },
      { print, isInteractive: isInteractive(), signal: interruption() },
    );
  });

program
  .command("grant")
  .description(
    "Give a user a role, and add the user if necessary. Works directly on the database, as do token and api-key.",
  )
  .requiredOption("--github-id <id>", "GitHub's numeric id of the account")
  .option("--username <name>", "the account's name; required for a new user")
  .addOption(new Option("--role <role>").choices(["USER", "WORKER", "ADMIN"]).makeOptionMandatory())
  .action(async (options: { githubId: string; username?: string; role: "USER" | "WORKER" | "ADMIN" }) => {
    const config = configuration();
    const { runGrant } = await import("../commands/access.ts");
    await runGrant(config, options, { print, log: quietLogger(config) });
  });

const userOption = () => new Option("--user <id>", "a user's id or their GitHub id").makeOptionMandatory();

program
  .command("token")
  .description("Sign a token for a user, with AUTH_JWT_SECRET or the embedded database's own secret.")
  .addOption(userOption())
  .option("--hours <hours>", "how long the token is valid", wholeNumber(1, 8_760), 12)
  .action(async (options: { user: string; hours: number }) => {
    const config = configuration();
    const { runToken } = await import("../commands/access.ts");
    await runToken(config, options, { print, log: quietLogger(config) });
  });

const apiKey = program.command("api-key").description("Create, list and revoke API keys.");

apiKey
  .command("create")
  .description("Create a key and print it. It cannot be shown again.")
  .addOption(userOption())
  .requiredOption("--name <name>", "what the key is for")
  .requiredOption("--scope <scope>", "what the key allows (can be repeated): see `ApiKeyScope`", collect, [])
  .option("--days <days>", "how long the key is valid (default: until it is revoked)", wholeNumber(1, 3_650))
  .action(async (options: { user: string; name: string; scope: string[]; days?: number }) => {
    const config = configuration();
    const { runApiKeyCreate } = await import("../commands/access.ts");
    await runApiKeyCreate(config, options, { print, log: quietLogger(config) });
  });

apiKey
  .command("list")
  .description("List all keys, the newest first.")
  .action(async () => {
    const config = configuration();
    const { runApiKeyList } = await import("../commands/access.ts");
    await runApiKeyList(config, { print, log: quietLogger(config) });
  });

apiKey
  .command("revoke")
  .description("Revoke a key: no instance accepts it from then on.")
  .argument("<key>", "the key's id, or its beginning as `list` shows it")
  .action(async (key: string) => {
    const config = configuration();
    const { runApiKeyRevoke } = await import("../commands/access.ts");
    await runApiKeyRevoke(config, key, { print, log: quietLogger(config) });
  });

/** The given token, or else the one that a service with an embedded database has left for this user. */
async function tokenFor({ url, token }: { url: string; token?: string }): Promise<string | undefined> {
  if (token !== undefined) return token;
  const { findLocalToken } = await import("../auth/local.ts");
  return findLocalToken(process.env.DATA_DIRECTORY || variables.DATA_DIRECTORY.default, url);
}

/** Whether both standard output and standard error are a terminal. */
function isInteractive(): boolean {
  return process.stdout.isTTY === true && process.stderr.isTTY === true;
}

function collect(value: string, values: readonly string[]): string[] {
  return [...values, value];
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

/** Keeps secrets out of the log. */
function redactionFor({ auth, database, redis, encryptionKey, metrics, backup }: Config) {
  return createRedaction([
    auth.jwtSecret,
    database.url,
    redis?.url,
    encryptionKey,
    metrics.token,
    backup.encryptionKey,
  ]);
}

/** Keeps whole connections, which libraries attach to their errors, out of the log. */
const serializers = { err: errorRecord };

/** For commands whose standard output is their result: logs only problems, and to standard error. */
function quietLogger(config: Config) {
  const level = ["silent", "fatal", "error"].includes(config.logLevel) ? config.logLevel : "warn";
  return pino({ level, serializers, hooks: { streamWrite: redactionFor(config) } }, pino.destination(2));
}

/** Writes the log lines that are still buffered. */
let flushLog = (): void => {};

/** Standard output, written many lines at a time. Lines that are still buffered are written at the `exit` event. */
function batchedOutput(redact: (lines: string) => string) {
  const output = createBatchedOutput({ destination: pino.destination({ dest: 1, sync: false }), redact });
  flushLog = output.flushSync;
  process.on("exit", flushLog);
  return output;
}

/** Logs a line of JSON for each event, or readable text at a terminal outside production. */
function createLogger(config: Config, tracing?: Tracing) {
  const redact = redactionFor(config);
  const options = {
    level: config.logLevel,
    serializers,
    ...(tracing && { mixin: () => traceFields(tracing.active()) }),
  };
  if (!process.stdout.isTTY || config.environment === "production")
    return pino(options, batchedOutput(redact));
  return pino(
    { ...options, hooks: { streamWrite: redact } },
    pretty({ ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", singleLine: true }),
  );
}

/** The configuration from the environment, overridden by the command line. */
function configuration(overrides: Record<string, string | undefined> = {}): Config {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  return loadConfig({ ...process.env, ...Object.fromEntries(given) });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

endWithReader();

try {
  await program.parseAsync();
} catch (error) {
  // An error with a code (ours, or the system's) is for the user to fix: a stack trace would only hide it.
  const isExpected = error instanceof ConfigError || (error instanceof Error && "code" in error);
  const text = error instanceof Error ? (!isExpected && error.stack) || error.message : String(error);
  // The log lines that led to the error come first.
  flushLog();
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
