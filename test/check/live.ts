import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { canInstall, findBinaries, installBinaries } from "../support/binaries.ts";
import { startGuarded } from "../support/guard.ts";
import { launchPostgres } from "../support/postgresServer.ts";
import { launchRedis } from "../support/redisServer.ts";
import { checkResume } from "./live/resume.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

const HELP = `Usage: npm run check:live -- [options]

Follows a conversion job while the instance that serves the subscription is killed again and again,
and compares what arrived with the job's log: nothing may be missing, and nothing come twice.

  --kills N   (50)
  --json      the result as JSON in the last line
  --help

Exits with 1 when there is a gap or a repetition.
`;

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const kills = Number(values.kills);
  if (!Number.isSafeInteger(kills) || kills < 1) {
    throw new Error(`--kills: expected a whole number from 1 on, got "${values.kills}".`);
  }
  const found = findBinaries();
  if ((found.postgres === undefined || found.redis === undefined) && canInstall()) installBinaries(found);
  const postgres = await launchPostgres();
  const redis = await launchRedis();
  try {
    const report = await checkResume({
      databaseUrl: postgres.url,
      redisUrl: redis.url,
      kills,
      start: (env) => {
        const program = startGuarded({
          command: process.execPath,
          args: [CLI, "serve"],
          env: { PATH: process.env.PATH, ...env },
          signal: "TERM",
          output: "pipe",
        });
        let output = "";
        for (const stream of [program.child.stdout, program.child.stderr]) {
          stream?.on("data", (chunk: Buffer) => {
            output += chunk.toString();
          });
        }
        return {
          output: () => output,
          async kill() {
            program.signal("SIGKILL");
            await program.exited;
          },
        };
      },
      onProgress: (line) => void process.stderr.write(`${line}\n`),
    });
    process.stdout.write(
      `${report.kills} kills, ${report.events} events in the log, ${report.received} received over ${report.connections} connections: ${report.gaps} missing, ${report.repeats} repeated\n`,
    );
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    return report.gaps + report.repeats > 0 ? 1 : 0;
  } finally {
    await redis.stop();
    await postgres.stop();
  }
}

process.exitCode = await main();
