import type { Redis } from "ioredis";
import type { Logger } from "pino";
import { backoffMs } from "./backoff.ts";
import { CacheError, RedisUnavailableError, type UnavailableReason } from "./errors.ts";

/** Identifies the server that answers, and the history of writes that it holds. */
export interface RedisIdentity {
  /** Changes with every start of the server's process. */
  readonly runId: string;
  /** Changes when a replica is promoted, in which case writes may have been lost. */
  readonly replicationId: string;
  readonly role: string;
  readonly version: string;
  readonly maxmemoryPolicy: string;
}

export type NodePhase = "connecting" | "ready" | "suspended" | "closed";

export interface RedisNodeOptions {
  /** The address without credentials, for messages. */
  readonly name: string;
  readonly commandTimeoutMs: number;
  /** The breaker opens at this many failed calls in a row. */
  readonly failureThreshold: number;
  readonly log: Pick<Logger, "debug" | "info" | "warn">;
  readonly counters: Record<"sent" | "timedOut" | "suspensions" | "connections", number>;
  /** Lua texts to load before the node counts as ready. */
  scripts(): Iterable<string>;
  /** Called synchronously, after `phase` or `identity` has changed. */
  onChange(): void;
  /** Called when the server says that another one holds the key, or that its cluster is changing. */
  onRedirect(): void;
}

export type RedisNode = ReturnType<typeof createRedisNode>;

/**
 * One server behind one ioredis connection, with a gate in front of it.
 *
 *   connecting ──INFO read──▶ ready ──N failures in a row──▶ suspended
 *       ▲                       │                                │
 *       └──connection lost──────┴────────────◀───────────────────┤
 *                               ▲                                │
 *                               └────────INFO read again─────────┘
 *
 * - The gate is open only in `ready`. A call that finds it shut costs a rejected promise with a ready-made
 *   error: no socket, no timer, no stack trace, no queue.
 * - The node enters `ready` in the same tick in which it reports the identity to `onChange`. So no call
 *   reaches a new incarnation of the server before the listeners know that it is new.
 * - The half-open probe is our own INFO, never a caller's request. While the breaker is open on a live
 *   connection, the probe re-reads the identity too, because a server may change its role without closing a
 *   socket.
 *
 * The alternative was a breaker library (cockatiel). It uses a caller's request as the probe and knows
 * nothing of identities, so it would have needed this gate beside it.
 */
export function createRedisNode(redis: Redis, options: RedisNodeOptions) {
  const { name, commandTimeoutMs, log, counters } = options;

  let phase: NodePhase = "connecting";
  let identity: RedisIdentity | undefined;
  let refusal = new RedisUnavailableError("not-connected", `Redis ${name} is not connected.`);
  let failuresInARow = 0;
  let failedProbes = 0;
  let probeTimer: NodeJS.Timeout | undefined;
  /** The number of the latest INFO. The answer to an earlier one is ignored. */
  let identification = 0;
  let isOutageLogged = false;

  redis.on("ready", () => {
    counters.connections++;
    void identify();
  });
  redis.on("close", () => leave("connecting", "not-connected", `The connection to Redis ${name} was lost.`));
  // Without a listener ioredis prints the error itself. The commands of a failed hand-shake contain the
  // password as an argument, so only the text of an error is ever logged.
  redis.on("error", (error: Error) => logOutage(error.message));
  if (redis.status === "ready") void identify();

  function logOutage(reason: string) {
    if (phase === "closed") return;
    // One warning per outage: ioredis repeats the error with every attempt to reconnect.
    log[isOutageLogged ? "debug" : "warn"]({ redis: name, reason }, "Redis is unavailable");
    isOutageLogged = true;
  }

  function leave(next: "connecting" | "suspended", reason: UnavailableReason, message: string) {
    identification++;
    clearTimeout(probeTimer);
    if (phase === "closed") return;
    const before = phase;
    phase = next;
    refusal = new RedisUnavailableError(reason, message);
    if (before === "ready") logOutage(message);
    if (before !== next) options.onChange();
  }

  /** Reads the server's identity, then opens the gate. Retries with backoff until that succeeds. */
  async function identify(): Promise<void> {
    clearTimeout(probeTimer);
    const mine = ++identification;
    try {
      const found = await withTimeout(readIdentity(redis, options.scripts()), commandTimeoutMs);
      if (mine !== identification || phase === "closed") return;
      if (found.role !== "master") {
        throw new RedisUnavailableError("refused", `Redis ${name} is a ${found.role}, not the master.`);
      }
      identity = found;
      phase = "ready";
      failuresInARow = 0;
      failedProbes = 0;
      isOutageLogged = false;
      log.info({ redis: name, ...found }, "Redis is ready");
      options.onChange();
    } catch (error) {
      if (mine !== identification || phase === "closed") return;
      logOutage(error instanceof Error ? error.message : String(error));
      if (error instanceof RedisUnavailableError && error.reason === "refused") {
        // Reconnects: a host name or a Sentinel that pointed at a replica may point at the master by now.
        redis.disconnect(true);
        return;
      }
      probeTimer = setTimeout(() => void identify(), backoffMs(++failedProbes, PROBE_DELAY));
    }
  }

  function onFailure() {
    if (phase !== "ready") return;
    if (++failuresInARow < options.failureThreshold) return;
    counters.suspensions++;
    leave("suspended", "suspended", `Redis ${name} failed ${failuresInARow} calls in a row.`);
    probeTimer = setTimeout(() => void identify(), backoffMs(++failedProbes, PROBE_DELAY));
  }

  /**
   * Runs one operation, whose commands must all go through the client that it is given.
   *
   * @param timeoutMs bounds the wait; the commands themselves cannot be withdrawn
   * @param recover handles an outage other than a time-out: a `catch` without a promise of its own
   * @throws RedisUnavailableError for every kind of outage; any other error is Redis' own answer
   */
  function send<T>(
    operation: (redis: Redis) => Promise<T>,
    timeoutMs = commandTimeoutMs,
    recover?: (failure: RedisUnavailableError) => Promise<T>,
  ): Promise<T> {
    if (phase !== "ready") return Promise.reject(refusal);
    counters.sent++;
    return new Promise<T>((resolve, reject) => {
      let isSettled = false;
      const expire = () => {
        if (isSettled) return;
        isSettled = true;
        counters.timedOut++;
        const failure = new RedisUnavailableError(
          "timeout",
          `Redis ${name} did not answer in ${timeoutMs} ms.`,
        );
        onFailure();
        reject(failure);
      };
      // The time-out takes effect one turn of the event loop later, so that a reply that came while this
      // process was busy is still read. Its lateness would be our own fault, and no reason to open the
      // breaker.
      const timer = setTimeout(() => setImmediate(expire), timeoutMs);
      const fail = (error: unknown) => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        const failure = outageOf(error, name);
        if (failure === undefined) {
          failuresInARow = 0;
          reject(error);
          return;
        }
        const { serverCode } = failure;
        // A broken connection does not count: its "close" event shuts the gate, still in this tick.
        if (serverCode !== undefined && !PASSING.has(serverCode)) onFailure();
        if (serverCode !== undefined && REDIRECTS.has(serverCode)) options.onRedirect();
        if (recover === undefined) reject(failure);
        else resolve(recover(failure));
      };
      try {
        operation(redis).then((value) => {
          if (isSettled) return;
          isSettled = true;
          clearTimeout(timer);
          failuresInARow = 0;
          resolve(value);
        }, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  return {
    name,
    redis,
    send,
    get phase() {
      return phase;
    },
    get identity() {
      return identity;
    },
    /** The error with which a call would be rejected now. */
    get refusal() {
      return refusal;
    },
    /** Shuts the gate and reads the server's identity again. */
    reidentify() {
      if (phase === "closed" || redis.status !== "ready") return;
      leave("connecting", "not-connected", `Redis ${name} is being asked for its role.`);
      void identify();
    },
    /** Shuts the gate for good. The caller must close the connection. */
    shut() {
      identification++;
      clearTimeout(probeTimer);
      phase = "closed";
      refusal = new RedisUnavailableError("closed", `The connection to Redis ${name} was closed.`);
    },
  };
}

const PROBE_DELAY = { firstMs: 100, maxMs: 2_000 };

/**
 * Errors by which Redis says that it cannot serve now. (Before version 7, a script's error follows the
 * script's name.)
 */
const REFUSED =
  /(?:^|[\s-])(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|OOM|MISCONF|NOREPLICAS|NOAUTH|NOPERM|UNKILLABLE)(?: |$)/;
/** What Redis 7.0 and older say, without the code NOPERM, when an ACL refuses a command within a script. */
const REFUSED_IN_SCRIPT = /The user executing the script can't /;
/**
 * Those that do not suggest that the next call will fail too: with OOM reads still work, and a moved slot is
 * one of many.
 */
const PASSING = new Set(["OOM", "MISCONF", "NOREPLICAS", "NOPERM", "MOVED", "ASK", "TRYAGAIN"]);
const REDIRECTS = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY"]);

/** ioredis' messages for the case that nothing was written to the socket. */
const UNSENT = /^(?:Stream isn't writeable|Cluster isn't ready)/;

function outageOf(error: unknown, name: string): RedisUnavailableError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof RedisUnavailableError) return error;
  if (error instanceof CacheError || error instanceof TypeError || error instanceof RangeError)
    return undefined;
  // ioredis' error holds the whole command with its arguments, and values must not get into a log.
  const cause = new Error(error.message);
  cause.name = error.name;
  if (error.name === "ReplyError") {
    const serverCode =
      REFUSED.exec(error.message)?.[1] ?? (REFUSED_IN_SCRIPT.test(error.message) ? "NOPERM" : undefined);
    if (serverCode === undefined) return undefined;
    return new RedisUnavailableError("refused", `Redis ${name} refused: ${error.message}`, {
      cause,
      serverCode,
    });
  }
  return UNSENT.test(error.message)
    ? new RedisUnavailableError("not-connected", `Redis ${name} is not connected.`, { cause })
    : new RedisUnavailableError("connection-lost", `The connection to Redis ${name} broke.`, { cause });
}

async function readIdentity(redis: Redis, scripts: Iterable<string>): Promise<RedisIdentity> {
  const pipeline = redis.pipeline().info("server").info("replication").info("memory");
  // Scripts are loaded in advance, so that no call pays for a NOSCRIPT. If an ACL refuses that, they are
  // loaded on use.
  for (const lua of scripts) pipeline.script("LOAD", lua);
  const results = (await pipeline.exec()) ?? [];
  const fields = new Map<string, string>();
  for (const [error, text] of results.slice(0, 3)) {
    if (error) throw new Error(error.message);
    for (const line of String(text).split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
  }
  const field = (key: string) => fields.get(key) ?? "unknown";
  return {
    runId: field("run_id"),
    replicationId: field("master_replid"),
    role: field("role"),
    version: field("redis_version"),
    maxmemoryPolicy: field("maxmemory_policy"),
  };
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}
