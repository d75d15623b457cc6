import type { RedisFacts } from "../../cache/inspection.ts";
import { size } from "../wording.ts";
import { clockFinding, error, type Finding, ok, warning } from "./finding.ts";

const MIN_VERSION = [6, 2] as const;

/** Judges the facts about each Redis node. Pure. */
export function redisFindings(facts: readonly RedisFacts[]): Finding[] {
  return facts.flatMap((node) => [
    versionFinding(node),
    clockFinding("redis clock", node),
    memoryFinding(node),
    ...(node.isSaveFailing
      ? [
          error(
            "redis persistence",
            `${node.node} cannot save its data`,
            "by its default it refuses every write then, and nothing is cached",
            "make room on its disk, or turn persistence off: nothing that the service keeps there needs it",
          ),
        ]
      : [ok("redis persistence", "no save has failed; the service needs none")]),
  ]);
}

function versionFinding({ version }: RedisFacts): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1])
    ? ok("redis version", `Redis ${version}`)
    : warning(
        "redis version",
        `Redis ${version} is older than what the service is tested with`,
        "commands may be missing",
        "move to Redis 7",
      );
}

function memoryFinding({ maxmemoryBytes, maxmemoryPolicy, usedBytes, evictedKeys }: RedisFacts): Finding {
  const limit = maxmemoryBytes === 0 ? "no limit" : `of ${size(maxmemoryBytes)}`;
  const what = `${size(usedBytes)} used, ${limit}, maxmemory-policy ${maxmemoryPolicy}, ${evictedKeys} evicted`;
  const action = "CONFIG SET maxmemory-policy volatile-lru (and in redis.conf)";
  if (maxmemoryBytes > 0 && maxmemoryPolicy === "noeviction")
    return error(
      "redis memory",
      what,
      "when the memory is full it refuses writes, so that every write of the service waits and the cache turns itself off",
      action,
    );
  if (maxmemoryPolicy.startsWith("allkeys"))
    return warning(
      "redis memory",
      what,
      "it may evict the version table, which has no time to live: the cache is emptied each time",
      action,
    );
  return ok("redis memory", what);
}
