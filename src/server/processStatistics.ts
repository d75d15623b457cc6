import { cpuUsage, memoryUsage, uptime, version } from "node:process";
import type { ProcessStatistics } from "../schema/system.ts";

/** What Node.js says of the process that this is. */
export function processStatistics(): ProcessStatistics {
  const { rss, heapUsed } = memoryUsage();
  const { user, system } = cpuUsage();
  const uptimeSeconds = uptime();
  return {
    uptimeSeconds,
    residentMemoryBytes: rss,
    heapUsedBytes: heapUsed,
    // Microseconds of work over microseconds of life.
    cpuPercent: ((user + system) / (uptimeSeconds * 1e6)) * 100,
    nodeVersion: version,
  };
}
