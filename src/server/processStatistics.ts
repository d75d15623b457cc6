import { cpuUsage, memoryUsage, uptime, version } from "node:process";
import type { ProcessStatistics } from "../schema/system.ts";

/** What Node.js says of this process. */
export function processStatistics(): ProcessStatistics {
  const { rss, heapUsed } = memoryUsage();
  const { user, system } = cpuUsage();
  const uptimeSeconds = uptime();
  return {
    uptimeSeconds,
    residentMemoryBytes: rss,
    heapUsedBytes: heapUsed,
    // Microseconds of CPU time over microseconds of uptime.
    cpuPercent: ((user + system) / (uptimeSeconds * 1e6)) * 100,
    nodeVersion: version,
  };
}
