import { z } from "zod";
import type { Viewer } from "../auth/viewer.ts";
import { isTag } from "../coherence/tags.ts";
import { builder, type SchemaTypes } from "./builder.ts";
import { validInput } from "./input.ts";

/** One operation that is asked for, as in a request's body. */
export interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly operationName?: string | undefined;
}

export interface WarmResult {
  /** Their answers are kept now. */
  readonly warmed: number;
  /** Their answers are right, and for one request alone, or the cache does not serve at the moment. */
  readonly notKept: number;
  /** No queries, or answered with errors. */
  readonly failed: number;
}

export interface InvalidateResult {
  readonly tags: number;
  readonly keys: number;
  /** False: keys may be left, because Redis could not be reached. */
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
/** Each `*` multiplies what Redis may have to compare with a key. */
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
      // Said below, for both reasons.
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

/** None of these writes a row, so there is nothing with which an answer could be stored. */
export const repeatableAnywayField = (t: PothosSchemaTypes.InputFieldBuilder<SchemaTypes, "InputObject">) =>
  t.string({
    description:
      "Taken as by every mutation. This one can be sent again without it: it only does the same once more.",
  });

const InvalidateCacheInput = builder.inputType("InvalidateCacheInput", {
  description: "What is to be read anew: tags, a pattern, or both.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    tags: t.stringList({
      description: `What answers depend on, up to ${MAX_TAGS}: \`Project:<id>\`, \`Project@userId=<id>\`, \`Project#\` (any list or figure), \`Project!\` (all of it). Whatever was kept with one of them is void, in all instances.`,
    }),
    pattern: t.string({
      description:
        "Keys of the cache manager's in Redis, as a glob: `*` `?` `[a-c]`, and `\\` before what stands for itself.",
    }),
  }),
});

const InvalidateCachePayload = builder.objectRef<InvalidateResult>("InvalidateCachePayload").implement({
  description: "What was invalidated.",
  fields: (t) => ({
    tags: t.exposeInt("tags", { description: "Tags of which nothing older is served any more." }),
    keys: t.expose("keys", { type: "SafeInt", description: "Keys that were deleted in Redis." }),
    isComplete: t.exposeBoolean("isComplete", {
      description: "False: Redis could not be reached, and keys may be left.",
    }),
  }),
});

const WarmOperationInput = builder.inputType("WarmOperationInput", {
  description: "A query to run.",
  fields: (t) => ({
    query: t.string({ required: true, description: "The document, byte for byte as it will be asked for." }),
    variables: t.string({ description: "Its variables: a JSON object, as text." }),
    operationName: t.string({ description: "Which of its operations." }),
  }),
});

const WarmCacheInput = builder.inputType("WarmCacheInput", {
  description: "What to read before it is asked for.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    operations: t.field({
      type: [WarmOperationInput],
      required: true,
      description: `Up to ${MAX_OPERATIONS} queries.`,
    }),
  }),
});

const WarmCachePayload = builder.objectRef<WarmResult>("WarmCachePayload").implement({
  description: "What became of the queries.",
  fields: (t) => ({
    warmed: t.exposeInt("warmed", { description: "Those whose answers are kept now." }),
    notKept: t.exposeInt("notKept", {
      description: "Those whose answers are for one request alone, or which the cache cannot keep now.",
    }),
    failed: t.exposeInt("failed", {
      description: "Those that are no queries or were answered with errors.",
    }),
  }),
});

const CacheFiguresType = builder.enumType("CacheFigures", {
  description: "Figures that are counted together.",
  values: {
    ANSWERS: { value: "answers", description: "Those of all layers, and of the relay." },
    MANAGER: { value: "manager", description: "Those of the cache manager's keys in Redis." },
    REPLAY: { value: "replay", description: "Those of replayed requests." },
    SAMPLER: { value: "sampler", description: "`samples` and `violations`." },
  } as const,
});

const ResetCacheStatisticsInput = builder.inputType("ResetCacheStatisticsInput", {
  description: "Which figures to count anew.",
  fields: (t) => ({
    idempotencyKey: repeatableAnywayField(t),
    figures: t.field({ type: [CacheFiguresType], description: "Which; left out: all." }),
  }),
});

const ResetCacheStatisticsPayload = builder
  .objectRef<{ readonly figures: readonly CacheFigures[] }>("ResetCacheStatisticsPayload")
  .implement({
    description: "What is counted anew.",
    fields: (t) => ({
      figures: t.field({
        type: [CacheFiguresType],
        description: "Which figures.",
        resolve: ({ figures }) => [...figures],
      }),
    }),
  });

builder.mutationFields((t) => ({
  invalidateCache: t.field({
    authScopes: { administrator: true },
    type: InvalidateCachePayload,
    description: "For administrators: voids what is kept, in all instances, before it answers.",
    args: { input: t.arg({ type: InvalidateCacheInput, required: true, description: "What." }) },
    resolve: (_, { input }, { system }) => system.cache.invalidate(validInput(invalidateSchema, input)),
  }),
  warmCache: t.field({
    authScopes: { administrator: true },
    type: WarmCachePayload,
    description:
      "For administrators: runs queries now, as the one who asks. Rows, lists and figures are warm for everybody then, the answers as a whole for the one who asks.",
    args: { input: t.arg({ type: WarmCacheInput, required: true, description: "What to run." }) },
    resolve: (_, { input }, { viewer, system }) =>
      // Safe: nobody but administrators gets here.
      system.cache.warm(validInput(warmSchema, input).operations, viewer!),
  }),
  resetCacheStatistics: t.field({
    authScopes: { administrator: true },
    type: ResetCacheStatisticsPayload,
    description: "For administrators: counts the figures of the instance that answers from 0 again.",
    args: { input: t.arg({ type: ResetCacheStatisticsInput, required: true, description: "Which." }) },
    resolve: (_, { input }, { system }) => {
      const figures = input.figures == null ? RESETTABLE : [...new Set(input.figures)];
      system.cache.resetStatistics(figures);
      return { figures };
    },
  }),
}));
