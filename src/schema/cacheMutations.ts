import { z } from "zod";
import type { Viewer } from "../auth/viewer.ts";
import { isTag } from "../coherence/tags.ts";
import { builder, type SchemaTypes } from "./builder.ts";
import { validInput } from "./input.ts";

/** One operation, in the form of a request's body. */
export interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly operationName?: string | undefined;
}

export interface WarmResult {
  /** Operations whose answers are cached now. */
  readonly warmed: number;
  /**
   * Operations whose answers are correct but not cached: they are for one request alone, or the cache is not
   * serving at the moment.
   */
  readonly notKept: number;
  /** Operations that are no queries, or that were answered with errors. */
  readonly failed: number;
}

export interface InvalidateResult {
  readonly tags: number;
  readonly keys: number;
  /** False when Redis could not be reached, so that some keys may be left. */
  readonly isComplete: boolean;
}

const RESETTABLE = ["answers", "manager", "replay", "sampler"] as const;
export type CacheFigures = (typeof RESETTABLE)[number];

/** What administrators can do to the cache. */
export interface CacheAdministration {
  readonly invalidate: (what: {
    readonly tags: readonly string[];
    readonly pattern: string | undefined;
  }) => Promise<InvalidateResult>;
  readonly warm: (operations: readonly Operation[], viewer: Viewer) => Promise<WarmResult>;
  readonly resetStatistics: (figures: readonly CacheFigures[]) => void;
}

const MAX_TAGS = 1_000;
const MAX_OPERATIONS = 100;
const MAX_QUERY_LENGTH = 16_384;
/** Each `*` multiplies the comparisons that Redis may need to match one key. */
const MAX_STARS = 5;

const invalidateSchema = z
  .object({
    tags: z
      .array(
        z
          .string()
          .max(200)
          .refine(
            isTag,
            "expected `Type:<id>`, `Type@column=<value>`, `Type#` or `Type!` of a type with rows",
          ),
      )
      .max(MAX_TAGS)
      .nullish()
      .transform((tags) => [...new Set(tags)]),
    pattern: z
      .string()
      .min(1)
      .max(256)
      .refine(
        (pattern) => pattern.split("*").length - 1 <= MAX_STARS,
        `expected at most ${MAX_STARS} asterisks`,
      )
      .nullish()
      .transform((pattern) => pattern ?? undefined),
  })
  .refine(({ tags, pattern }) => tags.length > 0 || pattern !== undefined, "expected tags or a pattern");

const variablesSchema = z
  .string()
  .max(MAX_QUERY_LENGTH)
  .nullish()
  .transform((text, context) => {
    if (text == null) return undefined;
    try {
      const result = z.record(z.string(), z.unknown()).safeParse(JSON.parse(text));
      if (result.success) return result.data;
    } catch {
      // Reported below, like JSON that is not an object.
    }
    context.addIssue({ code: "custom", message: "expected a JSON object" });
    return z.NEVER;
  });

const warmSchema = z.object({
  operations: z
    .array(
      z.object({
        query: z.string().min(1).max(MAX_QUERY_LENGTH),
        variables: variablesSchema,
        operationName: z
          .string()
          .max(200)
          .nullish()
          .transform((name) => name ?? undefined),
      }),
    )
    .min(1)
    .max(MAX_OPERATIONS),
});

/**
 * These mutations write no row of their own, so there is no transaction that could store their answer under a
 * key.
 */
export const repeatableAnywayField = (t: PothosSchemaTypes.InputFieldBuilder<SchemaTypes, "InputObject">) =>
  t.string({
    description:
      "Accepted for consistency with the other mutations. This mutation is safe to send again without a key: it only does the same once more.",
  });

const InvalidateCacheInput = builder.inputType("InvalidateCacheInput", {
  description: "What to discard from the cache: tags, a pattern, or both.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    tags: t.stringList({
      description: `Tags that cached answers depend on, up to ${MAX_TAGS}: \`Project:<id>\` (one row), \`Project@userId=<id>\` (the projects of one user), \`Project#\` (lists and statistics of all projects) or \`Project!\` (everything about projects). All instances discard every cached answer that has one of these tags.`,
    }),
    pattern: t.string({
      description: `A glob of up to 256 characters. The cache manager's keys in Redis that match it are deleted. \`*\`, \`?\` and \`[a-c]\` have their usual meaning, and \`\\\` makes the next character literal. At most ${MAX_STARS} asterisks are allowed.`,
    }),
  }),
});

const InvalidateCachePayload = builder.objectRef<InvalidateResult>("InvalidateCachePayload").implement({
  description: "The result of an invalidation.",
  fields: (t) => ({
    tags: t.exposeInt("tags", {
      description:
        "The number of tags that were invalidated. No older answer with one of them is served any more.",
    }),
    keys: t.expose("keys", {
      type: "SafeInt",
      description: "The number of keys that were deleted from Redis.",
    }),
    isComplete: t.exposeBoolean("isComplete", {
      description:
        "Whether all matching keys were deleted. False when Redis could not be reached, so that some may be left.",
    }),
  }),
});

const WarmOperationInput = builder.inputType("WarmOperationInput", {
  description: "A query to run, so that its answer is cached.",
  fields: (t) => ({
    query: t.string({
      required: true,
      description: "The GraphQL document, byte for byte as clients will send it.",
    }),
    variables: t.string({ description: "The variables: a JSON object, encoded as text." }),
    operationName: t.string({
      description: "Which operation of the document to run. Needed only if it has several.",
    }),
  }),
});

const WarmCacheInput = builder.inputType("WarmCacheInput", {
  description: "The queries to run before clients send them.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    operations: t.field({
      type: [WarmOperationInput],
      required: true,
      description: `The queries: 1 to ${MAX_OPERATIONS}.`,
    }),
  }),
});

const WarmCachePayload = builder.objectRef<WarmResult>("WarmCachePayload").implement({
  description: "How many of the queries had which outcome.",
  fields: (t) => ({
    warmed: t.exposeInt("warmed", { description: "The number of queries whose answers are cached now." }),
    notKept: t.exposeInt("notKept", {
      description:
        "The number of queries whose answers are correct but not cached: they are for one request alone, or the cache is not serving at the moment.",
    }),
    failed: t.exposeInt("failed", {
      description: "The number of operations that are no queries, or that were answered with errors.",
    }),
  }),
});

const CacheFiguresType = builder.enumType("CacheFigures", {
  description: "A group of cache statistics that are reset together.",
  values: {
    ANSWERS: {
      value: "answers",
      description: "The counters of all layers, of the replicas and of the relay.",
    },
    MANAGER: { value: "manager", description: "The counters of the cache manager's keys in Redis." },
    REPLAY: { value: "replay", description: "The counters of replayed requests." },
    SAMPLER: { value: "sampler", description: "The counters `samples` and `violations`." },
  } as const,
});

const ResetCacheStatisticsInput = builder.inputType("ResetCacheStatisticsInput", {
  description: "Which cache statistics to reset.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    figures: t.field({
      type: [CacheFiguresType],
      description: "The groups to reset. If left out, all of them are reset.",
    }),
  }),
});

const ResetCacheStatisticsPayload = builder
  .objectRef<{ readonly figures: readonly CacheFigures[] }>("ResetCacheStatisticsPayload")
  .implement({
    description: "The cache statistics that were reset.",
    fields: (t) => ({
      figures: t.field({
        type: [CacheFiguresType],
        description: "The groups that were reset.",
        resolve: ({ figures }) => [...figures],
      }),
    }),
  });

builder.mutationFields((t) => ({
  invalidateCache: t.field({
    authScopes: { administrator: true },
    type: InvalidateCachePayload,
    description:
      "Discards cached answers in all instances, and deletes keys from Redis, before it answers. Administrators only.",
    args: { input: t.arg({ type: InvalidateCacheInput, required: true, description: "What to discard." }) },
    resolve: (_, { input }, { system }) => system.cache.invalidate(validInput(invalidateSchema, input)),
  }),
  warmCache: t.field({
    authScopes: { administrator: true },
    type: WarmCachePayload,
    description:
      "Runs queries now, as the viewer, so that their answers are cached. Afterwards rows, lists and statistics are warm for everybody, and whole responses for the viewer. Administrators only.",
    args: { input: t.arg({ type: WarmCacheInput, required: true, description: "The queries to run." }) },
    resolve: (_, { input }, { viewer, system }) =>
      // Safe: nobody but administrators gets here.
      system.cache.warm(validInput(warmSchema, input).operations, viewer!),
  }),
  resetCacheStatistics: t.field({
    authScopes: { administrator: true },
    type: ResetCacheStatisticsPayload,
    description: "Sets cache statistics of the instance that answers back to 0. Administrators only.",
    args: {
      input: t.arg({
        type: ResetCacheStatisticsInput,
        required: true,
        description: "Which statistics to reset.",
      }),
    },
    resolve: (_, { input }, { system }) => {
      const figures = input.figures == null ? RESETTABLE : [...new Set(input.figures)];
      system.cache.resetStatistics(figures);
      return { figures };
    },
  }),
}));
