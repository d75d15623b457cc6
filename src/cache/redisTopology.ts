import { Cluster, Redis, type RedisOptions } from "ioredis";
import { backoffMs } from "./backoff.ts";
import type { RedisConfig } from "./connection.ts";
import { RedisUnavailableError } from "./errors.ts";
import type { RedisNode, RedisNodeOptions } from "./redisNode.ts";
import type { RedisTarget } from "./redisUrl.ts";
import { SLOTS, slotOf } from "./slot.ts";

interface TopologyOptions {
  readonly config: RedisConfig;
  createNode(redis: Redis, name: string, hooks: Pick<RedisNodeOptions, "onChange" | "onRedirect">): RedisNode;
  onChange(): void;
}

const RECONNECT_DELAY = { firstMs: 10, maxMs: 2_000 };
const REFRESH_DELAY = { firstMs: 50, maxMs: 1_000 };

/** A single server, found by its address or through Sentinels. */
export function createSingleTopology(
  target: Exclude<RedisTarget, { kind: "cluster" }>,
  name: string,
  { config, createNode, onChange }: TopologyOptions,
) {
  let failedAttempts = 0;
  let restartTimer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const nextDelayMs = () => backoffMs(++failedAttempts, RECONNECT_DELAY);

  const redis = new Redis({
    ...commonOptions(target, config),
    ...addressOf(target, config),
    // ioredis resets its own count of attempts after every hand-shake, even if the server then proves to be
    // unusable.
    retryStrategy: nextDelayMs,
    enableOfflineQueue: false,
    replyMapping: "legacy",
  });
  const node = createNode(redis, name, {
    onChange() {
      if (node.phase === "ready") failedAttempts = 0;
      onChange();
    },
    onRedirect() {},
  });
  // When its connector fails, ioredis gives up instead of asking retryStrategy. With Sentinels that happens
  // on a disconnect while the master is being looked up.
  redis.on("end", () => {
    if (isClosed) return;
    restartTimer = setTimeout(() => connect(redis), nextDelayMs());
  });
  connect(redis);

  return {
    nodeFor: (_key: string): RedisNode | undefined => node,
    masters: (): readonly RedisNode[] => [node],
    /** Whether every key has a known server. */
    isCovered: () => true,
    refusal: () => node.refusal,
    async close(timeoutMs: number) {
      isClosed = true;
      clearTimeout(restartTimer);
      node.shut();
      await quit(redis, timeoutMs);
    },
  };
}

/**
 * A Redis Cluster. ioredis maintains the connections and the slot table, but this module routes the commands:
 * straight to the connection of the slot's master. ioredis would follow redirections by itself. So it could
 * run a command on a server that was promoted or restarted a moment ago, before its identity has been read.
 * It would also queue commands, and repeat ones that may have run already.
 */
export function createClusterTopology(
  target: Extract<RedisTarget, { kind: "cluster" }>,
  { config, createNode, onChange }: TopologyOptions,
) {
  const nodes = new Map<string, RedisNode>();
  let owners = new Set<string>();
  let isCovered = false;
  let failedRefreshes = 0;
  let refreshTimer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const unknown = new RedisUnavailableError(
    "not-connected",
    "The slots of the Redis Cluster are not known yet.",
  );

  const cluster = new Cluster([...target.endpoints], {
    redisOptions: { ...commonOptions(target, config), ...tlsOf(target, config) },
    clusterRetryStrategy: (attempt) => backoffMs(attempt, RECONNECT_DELAY),
    slotsRefreshTimeout: config.connectTimeoutMs,
    enableOfflineQueue: false,
    // Our own ready check is the INFO of each master. ioredis sends its check on a connection that is still
    // being established. Without an offline queue that fails, and then ioredis drops all connections.
    enableReadyCheck: false,
    lazyConnect: true,
  });
  cluster.on("+node", (redis: Redis) => {
    if (owners.has(addressKey(redis))) attach(redis);
  });
  cluster.on("-node", (redis: Redis) => {
    const key = addressKey(redis);
    const node = nodes.get(key);
    if (node?.redis !== redis) return;
    node.shut();
    nodes.delete(key);
    onChange();
    scheduleRefresh();
  });
  cluster.on("refresh", onSlots);
  // The nodes report both kinds of error themselves; without listeners ioredis would print them.
  cluster.on("error", () => {});
  cluster.on("node error", () => {});
  cluster.connect().catch(() => {});

  function attach(redis: Redis): RedisNode {
    const key = addressKey(redis);
    const node = createNode(redis, key, { onChange, onRedirect: scheduleRefresh });
    nodes.set(key, node);
    connect(redis);
    return node;
  }

  function onSlots() {
    const owned = cluster.slots.flatMap((keys) => (keys?.[0] === undefined ? [] : [keys[0]]));
    // In a new cluster, a node leaves itself out of its answer as long as it does not know its own address.
    isCovered = owned.length === SLOTS;
    const now = new Set(owned);
    for (const key of now) {
      if (owners.has(key)) continue;
      // A promoted replica, or a master that was a replica in between: its known identity may be outdated.
      nodes.get(key)?.reidentify();
    }
    owners = now;
    for (const key of now) findNode(key);
    onChange();
    if (!isCovered) scheduleRefresh();
  }

  function findNode(key: string): RedisNode | undefined {
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const redis = cluster.nodes("all").find((each) => addressKey(each) === key);
    return redis === undefined ? undefined : attach(redis);
  }

  /** Refreshes the slot table, with backoff, until the master of every slot is connected. */
  function scheduleRefresh() {
    if (isClosed || refreshTimer !== undefined) return;
    refreshTimer = setTimeout(
      () => {
        cluster.refreshSlotsCache(() => {
          refreshTimer = undefined;
          const isWhole = isCovered && [...owners].every((key) => nodes.get(key)?.phase === "ready");
          if (isWhole) failedRefreshes = 0;
          else scheduleRefresh();
        });
      },
      backoffMs(++failedRefreshes, REFRESH_DELAY),
    );
  }

  return {
    nodeFor(key: string): RedisNode | undefined {
      const owner = cluster.slots[slotOf(key)]?.[0];
      return owner === undefined ? undefined : findNode(owner);
    },
    masters: (): readonly RedisNode[] => [...owners].flatMap((key) => findNode(key) ?? []),
    isCovered: () => isCovered && [...owners].every((key) => findNode(key) !== undefined),
    refusal: () => unknown,
    async close(timeoutMs: number) {
      isClosed = true;
      clearTimeout(refreshTimer);
      for (const node of nodes.values()) node.shut();
      await quit(cluster, timeoutMs);
    },
  };
}

function commonOptions(target: RedisTarget, config: RedisConfig) {
  return {
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    db: target.db,
    connectionName: "stack-converter",
    lazyConnect: true,
    connectTimeout: config.connectTimeoutMs,
    // A frozen server keeps its sockets open. Silence for this long while an answer is due breaks the
    // connection, also during a hand-shake, and so ends the calls that wait on it.
    socketTimeout: 2 * config.commandTimeoutMs,
    disconnectTimeout: 100,
    // We retry ourselves, because ioredis repeats every command, even one that has run already.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: 500,
    // READONLY: the master has become a replica. A new connection asks the name or the Sentinels again.
    reconnectOnError: (error: Error) => /(?:^|[\s-])READONLY /.test(error.message),
  } satisfies RedisOptions;
}

function addressOf(target: Exclude<RedisTarget, { kind: "cluster" }>, config: RedisConfig): RedisOptions {
  switch (target.kind) {
    case "single":
      return { ...target.endpoint, ...tlsOf(target, config) };
    case "socket":
      return { path: target.path };
    case "sentinel":
      return {
        sentinels: [...target.endpoints],
        name: target.masterName,
        ...(target.sentinel.username === undefined ? {} : { sentinelUsername: target.sentinel.username }),
        ...(target.sentinel.password === undefined ? {} : { sentinelPassword: target.sentinel.password }),
        sentinelCommandTimeout: config.commandTimeoutMs,
        sentinelRetryStrategy: (attempt) => backoffMs(attempt, RECONNECT_DELAY),
        ...(target.isTls
          ? { tls: config.tls ?? {}, sentinelTLS: config.tls ?? {}, enableTLSForSentinelMode: true }
          : {}),
      };
  }
}

function tlsOf(target: RedisTarget, config: RedisConfig): Pick<RedisOptions, "tls"> {
  return target.isTls ? { tls: config.tls ?? {} } : {};
}

function addressKey(redis: Redis): string {
  return `${redis.options.host}:${redis.options.port}`;
}

/** Ignores the rejection, because the "error" and "close" events report every failure. */
function connect(redis: Redis): void {
  redis.connect().catch(() => {});
}

/**
 * Closes the connection. QUIT lets the commands before it finish; the time-out is for a server that does not
 * answer.
 */
async function quit(client: Redis | Cluster, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([client.quit().then(ignore, ignore), expired]);
  clearTimeout(timer);
  client.disconnect();
}

function ignore() {}
