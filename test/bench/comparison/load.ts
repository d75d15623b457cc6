import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runWrk } from "../wrk.ts";
import type { Counters } from "./counters.ts";
import { cpuNanoseconds, idleTicksOfLoadCore, type Server } from "./servers.ts";
import { NUMBER_PLACE } from "./work.ts";

/** The figures of one round of one server. */
export interface Sample {
  readonly requests: number;
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
  readonly statements: number;
  readonly redisCommands: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Whether the load generator's core was fully busy while the server's was not. */
  readonly isLoadBound: boolean;
  readonly stale?: number;
}

export interface LoadOptions {
  readonly folder: string;
  readonly seconds: number;
  readonly connections: number;
  readonly counters: Counters;
}

/** Within this time the server has finished the requests that were under way when the load ended. */
const UNDER_WAY_MS = 200;

/** Counts on over all rounds, so that no numbered request is sent twice. */
let sent = 0;

const SCRIPT = `
local requests, n = {}, 0
function init(args)
  local headers = {}
  for line in io.lines(args[1]) do
    local name, value = line:match("^(.-): (.*)$")
    headers[name] = value
  end
  for body in io.lines(args[2]) do
    local text = wrk.format("POST", nil, headers, body)
    local at = text:find("${NUMBER_PLACE}", 1, true)
    if at then requests[#requests + 1] = { text:sub(1, at - 1), text:sub(at + ${NUMBER_PLACE.length}) }
    else requests[#requests + 1] = text end
  end
  number = tonumber(args[3])
end
function request()
  n = n % #requests + 1
  local found = requests[n]
  if type(found) == "string" then return found end
  number = number + 1
  return found[1] .. string.format("%0${NUMBER_PLACE.length}d", number) .. found[2]
end`;

/** Sends the bodies in turn, through wrk, and measures what that costs. */
export async function runLoad(
  server: Server,
  bodies: readonly string[],
  { folder, seconds, connections, counters }: LoadOptions,
): Promise<Sample> {
  const [script, headers, requestsFile] = ["load.lua", "headers", "bodies"].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(script, SCRIPT);
  const all = { "content-type": "application/json", accept: "application/json", ...server.contender.headers };
  writeFileSync(
    headers,
    Object.entries(all)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join(""),
  );
  writeFileSync(requestsFile, bodies.map((body) => `${body}\n`).join(""));

  const finish = await startMeasuring(server, counters);
  const { requests, perSecond, output } = await runWrk(
    [
      "wrk",
      "-t1",
      `-c${connections}`,
      `-d${seconds}s`,
      "--latency",
      "--timeout",
      "10s",
      "-s",
      script,
      server.url,
      "--",
    ].concat(headers, requestsFile, String(sent)),
    server.contender.name,
  );
  // Each connection had one more request under way, which wrk does not count. The server works on it all the
  // same.
  const begun = requests + connections;
  sent += begun;
  const endedAt = performance.now();
  await sleep(UNDER_WAY_MS);
  return {
    requests,
    ...(await finish(begun, endedAt)),
    perSecond,
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(output)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(output)?.[1]),
  };
}

/**
 * Reads the server's processor time and the databases' counters, now and again when the load has ended.
 *
 * @returns a function that ends the measurement
 */
export async function startMeasuring(server: Server, counters: Counters) {
  const [statements, commands] = [await counters.statements(server.database), await counters.commands()];
  const [cpu, idle, startedAt] = [cpuNanoseconds(server.pid), idleTicksOfLoadCore(), performance.now()];
  return async (requests: number, endedAt: number) => {
    const elapsedMs = endedAt - startedAt;
    const busyMs = (cpuNanoseconds(server.pid) - cpu) / 1e6;
    const idleMs = (idleTicksOfLoadCore() - idle) * 10;
    const [statementsNow, commandsNow] = [
      await counters.statements(server.database),
      await counters.commands(),
    ];
    const scripts = commandsNow.scripts - commands.scripts;
    return {
      cpuMicroseconds: (busyMs * 1_000) / requests,
      statements: (statementsNow - statements) / requests,
      redisCommands: (scripts > 0 ? scripts : commandsNow.all - commands.all) / requests,
      isLoadBound: idleMs < 0.03 * elapsedMs && busyMs < 0.9 * elapsedMs,
    };
  };
}

function milliseconds(text = ""): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return Number(number) * { us: 0.001, ms: 1, s: 1_000, m: 60_000 }[unit as "us" | "ms" | "s" | "m"];
}
