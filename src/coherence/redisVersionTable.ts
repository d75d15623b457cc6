import * as z from "zod";
import {
  ACTIVATE,
  BEAT,
  BUMP,
  FILL,
  GET,
  MARK,
  OPEN,
  RELEASE,
  type RedisScript,
  SINCE,
  TRANSACTIONS,
} from "./scripts.ts";
import { type Epoch, VERSION_TABLE_DEFAULTS, type VersionTable } from "./versionTable.ts";

/** The part of a Redis client that the table needs. `run` rejects when no reply came in time. */
export interface ScriptRunner {
  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

export interface RedisVersionTableOptions {
  readonly redis: ScriptRunner;
  /** Separates this service's keys from those of other programs: 1 or more characters, no braces. */
  readonly namespace: string;
  readonly maxTags?: number;
  readonly maxChanges?: number;
  readonly maxLagMs?: number;
}

/**
 * The version table in Redis, shared by all instances. All its keys are in one hash slot. Every method
 * rejects when Redis cannot be reached. The call may then have taken effect or not; all methods can safely be
 * repeated.
 */
export function createRedisVersionTable(options: RedisVersionTableOptions): VersionTable {
  const { redis, namespace } = options;
  const { maxTags, maxChanges, maxLagMs } = { ...VERSION_TABLE_DEFAULTS, ...options };
  const key = (name: string) => `{${namespace}}:${name}`;
  const structures = ["meta", "versions", "pending", "transactions"].map(key);
  // The epoch is part of the key, so entries of an earlier epoch are never found, and expire. So is the
  // version of the entry format, because instances of different releases may work in one epoch.
  const entryKey = (epoch: Epoch, name: string) => key(`entry-2:${epoch}:${name}`);

  const call = async <Reply>(
    script: RedisScript,
    reply: z.ZodType<Reply>,
    args: readonly (string | number)[],
    entries: readonly string[] = [],
  ): Promise<Reply> => reply.parse(await redis.run(script, [...structures, ...entries], args.map(String)));

  return {
    isShared: true,

    open: async (epoch) => (await call(OPEN, bit, [epoch])) === 1,

    activate: async (epoch) => (await call(ACTIVATE, bit, [epoch])) === 1,

    async since(epoch, known) {
      const reply = await call(SINCE, sinceReply, [epoch, maxLagMs, known, maxChanges]);
      if (typeof reply === "string") return reply;
      const [sequence, pending, isComplete, flat = []] = reply;
      return {
        sequence,
        versions: isComplete === 1 ? pairs(flat) : undefined,
        pending: pending.filter((tag) => tag !== SENTINEL),
      };
    },

    async get(epoch, keys) {
      const reply = await call(
        GET,
        getReply,
        [epoch, maxLagMs],
        keys.map((name) => entryKey(epoch, name)),
      );
      if (typeof reply === "string") return reply;
      return reply.map((entry) => {
        if (entry === 0) return undefined;
        const [stamp, tags, value, ttlMs] = entry;
        return { stamp, tags: tags === "" ? [] : tags.split(BETWEEN_TAGS), value, ttlMs };
      });
    },

    fill: (epoch, entries) =>
      call(
        FILL,
        fillReply,
        [
          epoch,
          maxLagMs,
          ...entries.flatMap(({ stamp, tags, value, ttlMs }) => [
            stamp,
            Math.max(1, Math.round(ttlMs)),
            value,
            tags.join(BETWEEN_TAGS),
          ]),
        ],
        entries.map((entry) => entryKey(epoch, entry.key)),
      ),

    mark: (epoch, xid, tags) => call(MARK, z.enum(["marked", "lost"]), [epoch, xid, ...tags]),

    release: (epoch, xid) => call(RELEASE, z.enum(["released", "lost"]), [epoch, maxTags, xid]),

    bump: (epoch, tags) => call(BUMP, z.enum(["bumped", "lost"]), [epoch, maxTags, ...tags]),

    async transactions(epoch) {
      const reply = await call(TRANSACTIONS, transactionsReply, [epoch]);
      return reply === "lost" ? reply : reply.filter((xid) => xid !== SENTINEL);
    },

    beat: (epoch, instant) => call(BEAT, beatReply, [epoch, instant ?? ""]),
  };
}

/** The part of an ioredis client that is used here. */
export interface EvalClient {
  evalsha(sha1: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  eval(lua: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
}

/** Runs scripts by their digest. A script that the server does not know yet is sent as text. */
export function createScriptRunner(client: EvalClient): ScriptRunner {
  return {
    async run({ lua, sha1 }, keys, args) {
      try {
        return await client.evalsha(sha1, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        return client.eval(lua, keys.length, ...keys, ...args);
      }
    },
  };
}

/** PostgreSQL allows U+0000 in no text, so no tag of a row contains it. */
const BETWEEN_TAGS = "\0";

/** The hash field that holds the epoch. It cannot clash: no tag and no xid is empty. */
const SENTINEL = "";

const bit = z.union([z.literal(0), z.literal(1)]);
const refusal = z.enum(["lost", "quiescing", "lagging"]);
const text = z.array(z.string());
const sinceReply = z.union([
  refusal,
  z.literal("unchanged"),
  z.tuple([z.number(), text, bit, text.optional()]),
]);
const entryReply = z.tuple([z.number(), z.string(), z.string(), z.number()]);
const getReply = z.union([refusal, z.array(z.union([z.literal(0), entryReply]))]);
const fillReply = z.union([refusal, z.array(z.enum(["stored", "invalid"]))]);
const transactionsReply = z.union([z.literal("lost"), text]);
const beatReply = z.union([z.literal("lost"), z.number()]);

function pairs(flat: readonly string[]): [string, number][] {
  const list: [string, number][] = [];
  for (let index = 0; index < flat.length; index += 2) list.push([flat[index]!, Number(flat[index + 1])]);
  return list;
}
