import { hash } from "node:crypto";
import type { ConnectionOptions } from "node:tls";
import type { Redis } from "ioredis";
import type { Logger } from "pino";
import { backoffMs } from "./backoff.ts";
import { CacheError, RedisUnavailableError } from "./errors.ts";
import { createRedisNode, type RedisIdentity, type RedisNode, type RedisNodeOptions } from "./redisNode.ts";
import { createClusterTopology, createSingleTopology } from "./redisTopology.ts";
import { describeTarget, parseRedisUrl } from "./redisUrl.ts";

export interface RedisConfig {
  readonly url: string;
  /** How often a call that failed with its connection is sent again, 0 to 10. */
  readonly maxRetries: number;
  readonly connectTimeoutMs: number;
  /** The maximum duration of a call, retries included. */
  readonly commandTimeoutMs: number;
  /** For `rediss:` URLs: a custom certificate authority, a client certificate. */
  readonly tls?: ConnectionOptions;
}

export interface RedisState {
  /**
   * In a cluster: the phase of the worst master, or "connecting" while any slot has no master. Calls for
   * other slots work all the same.
   */
  readonly phase: "connecting" | "ready" | "suspended" | "closed";
  /**
   * Known once connected, and kept during an outage. In a cluster each field holds the sorted values of all
   * masters, joined by commas.
   */
  readonly identity: RedisIdentity | undefined;
}

export interface CallOptions {
  /**
   * Whether the call may be executed twice. If not, it is only retried when it is certain that it was never
   * executed.
   */
  readonly isIdempotent: boolean;
}

export type ScriptArgument = string | number | Buffer;

export interface ScriptDefinition<Keys extends readonly string[], Reply> extends CallOptions {
  /** Names for the script's KEYS, in their order. In a cluster the keys must share a hash tag. */
  readonly keys: Keys;
  readonly lua: string;
  /** Turns Redis' reply into the result. With `returnsBuffers`, strings in the reply are Buffers. */
  parse(reply: unknown): Reply;
  readonly returnsBuffers?: true;
}

export type RedisConnection = ReturnType<typeof createRedisConnection>;

/** After this many failures in a row, the breaker opens for a server that is connected. */
const FAILURE_THRESHOLD = 5;
const RETRY_DELAY = { firstMs: 20, maxMs: 100 };

/**
 * Connects to a single Redis, a Sentinel group's master or a Cluster, in the background, and keeps trying
 * until it succeeds. No call waits for a connection: without one it fails at once.
 *
 * @throws CacheError REDIS_URL_INVALID
 */
export function createRedisConnection(config: RedisConfig, log: Pick<Logger, "debug" | "info" | "warn">) {
  const target = parseRedisUrl(config.url);
  const listeners = new Set<(state: RedisState) => void>();
  const scripts = new Map<string, string>();
  const counters = { sent: 0, refused: 0, retried: 0, timedOut: 0, suspensions: 0, connections: 0 };
  let lastState = "";
  let isClosed = false;

  const createNode = (redis: Redis, name: string, hooks: Pick<RedisNodeOptions, "onChange" | "onRedirect">) =>
    createRedisNode(redis, {
      name,
      commandTimeoutMs: config.commandTimeoutMs,
      failureThreshold: FAILURE_THRESHOLD,
      log,
      counters,
      scripts: () => scripts.values(),
      ...hooks,
    });
  const topologyOptions = { config, createNode, onChange: notify };
  const topology =
    target.kind === "cluster"
      ? createClusterTopology(target, topologyOptions)
      : createSingleTopology(target, describeTarget(target), topologyOptions);

  function notify() {
    const state = currentState();
    const text = JSON.stringify(state);
    if (text === lastState) return;
    lastState = text;
    for (const listener of [...listeners]) {
      try {
        listener(state);
      } catch (error) {
        log.warn({ err: error }, "A listener for the state of Redis failed");
      }
    }
  }

  function currentState(): RedisState {
    const nodes = topology.masters();
    const phases = nodes.map((node) => node.phase);
    const phase = isClosed
      ? "closed"
      : !topology.isCovered() || phases.includes("connecting")
        ? "connecting"
        : phases.includes("suspended")
          ? "suspended"
          : "ready";
    return { phase, identity: joinIdentities(nodes) };
  }

  function call<T>(
    route: () => RedisNode | undefined,
    operation: (redis: Redis) => Promise<T>,
    { isIdempotent }: CallOptions,
  ): Promise<T> {
    const node = route();
    if (node === undefined || node.phase !== "ready") {
      counters.refused++;
      return Promise.reject(node?.refusal ?? topology.refusal());
    }
    const deadline = performance.now() + config.commandTimeoutMs;
    return node.send(operation, config.commandTimeoutMs, config.maxRetries === 0 ? undefined : retry);

    async function retry(failure: unknown): Promise<T> {
      // The waits are short, 30 to 60 ms for two. They give a dropped connection time to be re-established,
      // or a cluster's new slot table time to arrive. Only calls that were under way wait at all; calls that
      // find the gate shut fail before they get here.
      for (let attempt = 1; ; attempt++) {
        if (!(failure instanceof RedisUnavailableError) || failure.reason === "timeout") throw failure;
        if (failure.mayHaveRun && !isIdempotent) throw failure;
        // Full memory or a missing permission will not have changed after such a short wait.
        if (failure.serverCode !== undefined && !PASSES_SOON.has(failure.serverCode)) throw failure;
        if (attempt > config.maxRetries) throw failure;
        await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, RETRY_DELAY)));
        const again = route();
        const remainingMs = Math.ceil(deadline - performance.now());
        if (remainingMs <= 0) throw failure;
        if (again === undefined || again.phase !== "ready") continue;
        counters.retried++;
        try {
          return await again.send(operation, remainingMs);
        } catch (error) {
          failure = error;
        }
      }
    }
  }

  return {
    /** Where Redis is, without credentials. */
    target: describeTarget(target),
    isCluster: target.kind === "cluster",

    get state(): RedisState {
      return currentState();
    },

    /** Whether a call for this key would be sent now. Costs nothing, and guarantees nothing. */
    isAvailable(key: string): boolean {
      return topology.nodeFor(key)?.phase === "ready";
    },

    /**
     * Calls the listener after every change of the phase or the identity, in the same tick and before any
     * call reaches the server of the new identity. The listener may make calls itself.
     *
     * @returns a function that removes the listener
     */
    onStateChange(listener: (state: RedisState) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** Resolves to true as soon as the phase is "ready", or to false after the time-out or `close`. */
    waitUntilReady(timeoutMs: number): Promise<boolean> {
      return new Promise((resolve) => {
        const check = () => {
          const { phase } = currentState();
          if (phase !== "ready" && phase !== "closed") return;
          finish(phase === "ready");
        };
        const finish = (isReady: boolean) => {
          clearTimeout(timer);
          listeners.delete(check);
          resolve(isReady);
        };
        const timer = setTimeout(() => finish(false), timeoutMs);
        listeners.add(check);
        check();
      });
    },

    /**
     * Runs commands on the server that holds `key`. In a cluster the client is connected to that one server,
     * so the server must hold every key of the operation (same hash tag, or grouped with `nodeFor`).
     *
     * @throws RedisUnavailableError for every kind of outage; any other error is Redis' own answer
     */
    run<T>(key: string, operation: (redis: Redis) => Promise<T>, options: CallOptions): Promise<T> {
      return call(() => topology.nodeFor(key), operation, options);
    },

    /** Runs commands on one given server, for operations without a key: SCAN, INFO. Throws as `run` does. */
    runOn<T>(node: RedisNode, operation: (redis: Redis) => Promise<T>, options: CallOptions): Promise<T> {
      return call(() => node, operation, options);
    },

    /** The server that holds the key, connected or not. Undefined while a cluster's slots are unknown. */
    nodeFor: topology.nodeFor,

    /** Every master; each holds a part of the keys. Empty while a cluster's slots are unknown. */
    masters: topology.masters,

    /**
     * Defines a Lua script and returns it as a function. A call uses EVALSHA, and EVAL if the server does not
     * know the script. The script is loaded on every new connection before the first call, so the second
     * round trip is rare.
     *
     * @throws CacheError SCRIPT_INVALID when another script has the name, or the script has no key
     */
    defineScript<const Keys extends readonly string[], Reply>(
      name: string,
      definition: ScriptDefinition<Keys, Reply>,
    ) {
      const { keys: keyNames, lua, parse, returnsBuffers, isIdempotent } = definition;
      if (scripts.has(name)) throw new CacheError("SCRIPT_INVALID", `There are two scripts named "${name}".`);
      if (keyNames.length === 0) throw new CacheError("SCRIPT_INVALID", `Script "${name}" has no key.`);
      scripts.set(name, lua);
      for (const node of topology.masters()) {
        // Only saves a round trip: otherwise the first call finds the script missing and sends its text.
        node.send((redis) => redis.script("LOAD", lua)).catch(() => {});
      }
      const sha = hash("sha1", lua, "hex");

      return async (
        keys: { readonly [Name in keyof Keys]: string },
        ...args: ScriptArgument[]
      ): Promise<Reply> => {
        const operation = async (redis: Redis): Promise<unknown> => {
          try {
            return returnsBuffers
              ? await redis.callBuffer("EVALSHA", sha, keys.length, ...keys, ...args)
              : await redis.evalsha(sha, keys.length, ...keys, ...args);
          } catch (error) {
            // NOSCRIPT: the script was not executed, so sending it again is safe, idempotent or not.
            if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
            return returnsBuffers
              ? redis.callBuffer("EVAL", lua, keys.length, ...keys, ...args)
              : redis.eval(lua, keys.length, ...keys, ...args);
          }
        };
        // Never undefined: a script has at least one key, and the tuple type requires all of them.
        const route = () => topology.nodeFor(keys[0]!);
        return parse(await call(route, operation, { isIdempotent }));
      };
    },

    /** Counts since the start. Calls counted as `refused` never touched a socket. */
    statistics: () => ({ ...counters }),

    /** Waits for running calls to end, for at most one command time-out, and disconnects. */
    async close(): Promise<void> {
      if (isClosed) return;
      isClosed = true;
      await topology.close(config.commandTimeoutMs);
      notify();
      listeners.clear();
    },
  };
}

/** Refusals that may pass by themselves in the short time before a retry. */
const PASSES_SOON = new Set(["READONLY", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK"]);

function joinIdentities(nodes: readonly RedisNode[]): RedisIdentity | undefined {
  const identities = nodes.flatMap((node) => (node.identity ? [node.identity] : []));
  if (identities.length === 0 || identities.length < nodes.length) return undefined;
  const join = (field: keyof RedisIdentity) =>
    [...new Set(identities.map((each) => each[field]))].sort().join(",");
  return {
    runId: join("runId"),
    replicationId: join("replicationId"),
    role: join("role"),
    version: join("version"),
    maxmemoryPolicy: join("maxmemoryPolicy"),
  };
}
