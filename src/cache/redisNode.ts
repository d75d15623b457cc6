import type { Redis } from "ioredis";
import type { Logger } from "pino";
import { backoffMs } from "./backoff.ts";
import { CacheError, RedisUnavailableError, type UnavailableReason } from "./errors.ts";

/** Which server answers, and which history of writes it holds. */
export interface RedisIdentity {
  /** Changes with every start of the server's process. */
  readonly runId: string;
  /** Changes when a replica is promoted: writes may have been lost. */
  readonly replicationId: string;
  readonly role: string;
  readonly version: string;
  readonly maxmemoryPolicy: string;
}

export type NodePhase = "connecting" | "ready" | "suspended" | "closed";

export interface RedisNodeOptions {
  /** Address without credentials, for messages. */
  readonly name: string;
  readonly commandTimeoutMs: number;
  /** Calls in a row that may fail before the breaker opens. */
  readonly failureThreshold: number;
  readonly log: Pick<Logger, "debug" | "info" | "warn">;
  readonly counters: Record<"sent" | "timedOut" | "suspensions" | "connections", number>;
  /** Lua texts to load before the node counts as ready. */
  scripts(): Iterable<string>;
  /** Called synchronously, after `phase` or `identity` has changed. */
  onChange(): void;
  /** The server says that the key lives elsewhere, or that its cluster is changing. */
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
 * - The gate is open in `ready` alone. A call that finds it shut costs a rejected promise with a
 *   ready-made error: no socket, no timer, no stack trace, no queue.
 * - `ready` is entered in the same tick in which `onChange` hears of the identity. So no call
 *   reaches a new incarnation of the server before the listeners know that it is new.
 * - The half-open probe is our own INFO, never a caller's request, and an open breaker on a live
 *   connection re-reads the identity too: a server may change its role without closing a socket.
 *
 * A breaker library (cockatiel) was the alternative. It lets a caller's request be the probe and
 * knows nothing of identities, so the gate above would have stood beside it.
 */
export function createRedisNode(redis: Redis, options: RedisNodeOptions) {
  const { name, commandTimeoutMs, log, counters } = options;

  let phase: NodePhase = "connecting";
  let identity: RedisIdentity | undefined;
  let refusal = new RedisUnavailableError("not-connected", `Redis ${name} is not connected.`);
  let failuresInARow = 0;
  let failedProbes = 0;
  let probeTimer: NodeJS.Timeout | undefined;
  /** Invalidates the answer of an INFO that belongs to an earlier connection. */
  let identification = 0;
  let isOutageLogged = false;

  redis.on("ready", () => {
    counters.connections++;
    void identify();
  });
  redis.on("close", () => leave("connecting", "not-connected", `The connection to Redis ${name} was lost.`));
  // Without a listener ioredis prints the error itself. The commands of a failed hand-shake hold
  // the password as an argument, so nothing but the text of an error is ever logged.
  redis.on("error", (error: Error) => logOutage(error.message));
  if (redis.status === "ready") void identify();

  function logOutage(reason: string) {
    if (phase === "closed") return;
    // One warning an outage: ioredis repeats the error with every attempt to reconnect.
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

  /** Opens the gate once the server has said who it is; tries again, ever more slowly, until then. */
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
        // A name or a Sentinel that pointed at a replica may point at the master by now.
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
   * Runs one operation, whose commands must all go through the client it is given.
   *
   * @param timeoutMs bounds the wait; the commands themselves cannot be taken back
   * @param recover takes over when the call has failed: a `catch` without a promise of its own
   * @throws RedisUnavailableError for every kind of outage; anything else is Redis' own answer
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
      // One turn later, in which a reply is read that came while this process was busy elsewhere: that
      // the answer is late would be our own fault then, and no reason to open the breaker.
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
        // A connection that broke is not counted: its "close" event shuts the gate, in this tick still.
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
    /** What a call would be rejected with now. */
    get refusal() {
      return refusal;
    },
    /** Shuts the gate and asks the server anew who it is. */
    reidentify() {
      if (phase === "closed" || redis.status !== "ready") return;
      leave("connecting", "not-connected", `Redis ${name} is being asked for its role.`);
      void identify();
    },
    /** Shuts the gate for good. The connection is the caller's to close. */
    shut() {
      identification++;
      clearTimeout(probeTimer);
      phase = "closed";
      refusal = new RedisUnavailableError("closed", `The connection to Redis ${name} was closed.`);
    },
  };
}

const PROBE_DELAY = { firstMs: 100, maxMs: 2_000 };

/** Redis answers, but cannot do its work. (Versions before 7 put a script's error behind the script's name.) */
const REFUSED =
  /(?:^|[\s-])(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|OOM|MISCONF|NOREPLICAS|NOAUTH|NOPERM|UNKILLABLE)(?: |$)/;
/** Of these, what does not foretell that the next call fails: with OOM reads go on, a moved slot is one of many. */
const PASSING = new Set(["OOM", "MISCONF", "NOREPLICAS", "NOPERM", "MOVED", "ASK", "TRYAGAIN"]);
const REDIRECTS = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY"]);

/** ioredis' own words for "nothing was written". */
const UNSENT = /^(?:Stream isn't writeable|Cluster isn't ready)/;

function outageOf(error: unknown, name: string): RedisUnavailableError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof RedisUnavailableError) return error;
  if (error instanceof CacheError || error instanceof TypeError || error instanceof RangeError)
    return undefined;
  // A server's answer carries the whole command, arguments included: values have no business in a log.
  const cause = new Error(error.message);
  cause.name = error.name;
  if (error.name === "ReplyError") {
    const serverCode = REFUSED.exec(error.message)?.[1];
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
  // Loaded beforehand, so that no call pays for NOSCRIPT; refused by an ACL they are loaded on use.
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
