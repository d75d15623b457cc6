import { runCheck } from "./coherence/check.ts";
import { HELP, parseCommandLine } from "./coherence/options.ts";
import { describeOutage, runRedisKillUnderLoad } from "./coherence/redisKillUnderLoad.ts";
import { describeReport } from "./coherence/report.ts";

const SAME_SIGNAL_MS = 500;

/** `npm run check:coherence`: see `--help`. */
async function main(): Promise<number> {
  const options = parseCommandLine(process.argv.slice(2));
  if (options.wantsHelp) {
    process.stdout.write(HELP);
    return 0;
  }
  const stopping = new AbortController();
  let stoppingSince: number | undefined;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      stoppingSince ??= performance.now();
      // One Ctrl-C arrives several times: from the terminal, from npm and from tsx.
      const isAnother = performance.now() - stoppingSince > SAME_SIGNAL_MS;
      // The servers end with this process, however it ends.
      if (isAnother) process.exit(130);
      if (stopping.signal.aborted) return;
      process.stderr.write(`${name}: stopping; another one stops at once\n`);
      stopping.abort();
    });
  }
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  if (options.scenario !== undefined) {
    const report = await runRedisKillUnderLoad(options, progress, stopping.signal);
    process.stdout.write(`${describeOutage(report)}\n`);
    if (options.wantsJson) process.stdout.write(`${JSON.stringify(report)}\n`);
    return report.violations + report.failedRequests > 0 ? 1 : 0;
  }
  const { report, evidence } = await runCheck(options, progress, stopping.signal);
  process.stdout.write(`${describeReport(report, evidence)}\n`);
  if (options.wantsJson) process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.violations + report.crashes > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 2;
}
