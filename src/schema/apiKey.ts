import { z } from "zod";
import { generateApiKey } from "../auth/apiKey.ts";
import { API_KEY_SCOPES } from "../auth/viewer.ts";
import type { ApiKeyRow } from "../repositories/apiKey.ts";
import { builder } from "./builder.ts";
import { cacheControl } from "./cacheControl.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import { idempotencyKeyField } from "./idempotency.ts";
import { validInput } from "./input.ts";
import { parseIdOf, toNodeId } from "./nodeId.ts";
import { User } from "./user.ts";

const MAX_NAME_LENGTH = 100;

const ApiKeyScopeType = builder.enumType("ApiKeyScope", {
  description: "What an API key may do of all that its user's role allows.",
  values: {
    ADMIN: { value: "admin", description: "All of it." },
    JOBS_WORK: { value: "jobs:work", description: "Claim conversion jobs and report on them." },
    PROJECTS_READ: { value: "projects:read", description: "Read projects, their files, jobs and activity." },
    PROJECTS_WRITE: { value: "projects:write", description: "Change projects and their jobs." },
    USERS_READ: { value: "users:read", description: "Read users." },
    USERS_WRITE: { value: "users:write", description: "Add and change users." },
  } as const,
});

const ApiKey = builder.objectRef<ApiKeyRow>("ApiKey").implement({
  description:
    "With which a program says that it is a user. The key itself is shown when it is created, and never again.",
  // When it was used last is told by nobody, so nothing of it is kept.
  extensions: cacheControl({ maxAge: 0 }),
  fields: (t) => ({
    id: t.id({ description: "`ApiKey:<uuid>`.", resolve: ({ id }) => toNodeId("ApiKey", id) }),
    name: t.exposeString("name", { description: "What it is for." }),
    prefix: t.exposeString("prefix", { description: "The beginning of the key, to know it by." }),
    user: t.field({
      type: User,
      nullable: true,
      description: "Whose requests its bearer's are; null when they were deleted just now.",
      resolve: ({ userId }, _, { loaders }) => loaders.userById.load(userId),
    }),
    scopes: t.field({
      type: [ApiKeyScopeType],
      description: "What it may do of all that the user's role allows.",
      resolve: ({ scopes }) => API_KEY_SCOPES.filter((scope) => scopes.includes(scope)),
    }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      nullable: true,
      description: "When it ends; null: never.",
    }),
    revokedAt: t.expose("revokedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was revoked.",
    }),
    lastUsedAt: t.expose("lastUsedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was used last, known a minute later; null: not yet.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was created." }),
  }),
});

const ApiKeyConnection = connectionType<ApiKeyRow>("ApiKey", ApiKey, "API keys");

builder.queryField("apiKeys", (t) =>
  t.field({
    authScopes: { administrator: true },
    type: ApiKeyConnection,
    description: "All API keys, or a user's, the newest first. For administrators.",
    extensions: cacheControl({ maxAge: 0 }),
    args: { userId: t.arg.id({ description: "Only this user's." }), ...pageArguments() },
    resolve: (_, { userId, ...page }, { loaders, repositories: { apiKeys } }, info) => {
      const list = apiKeys.list(userId == null ? undefined : parseIdOf("User", userId, ["userId"]));
      return new Connection({ loader: loaders.apiKeys, list, page, cursorOf: apiKeys.cursorOf, info });
    },
  }),
);

const createSchema = z.object({
  name: z.string().trim().min(1).max(MAX_NAME_LENGTH),
  scopes: z
    .array(z.enum(API_KEY_SCOPES))
    .min(1)
    .transform((scopes) => [...new Set(scopes)]),
  expiresAt: z
    .date()
    .refine((date) => date.getTime() > Date.now(), "expected a time in the future")
    .nullish()
    .transform((date) => date ?? null),
});

const CreateApiKeyInput = builder.inputType("CreateApiKeyInput", {
  description: "An API key to create.",
  fields: (t) => ({
    userId: t.id({ required: true, description: "Whose requests its bearer's will be." }),
    name: t.string({ required: true, description: `What it is for, up to ${MAX_NAME_LENGTH} characters.` }),
    scopes: t.field({
      type: [ApiKeyScopeType],
      required: true,
      description: "What it may do of all that the user's role allows; at least one.",
    }),
    expiresAt: t.field({ type: "DateTime", description: "When it ends. Left out: when it is revoked." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const RevokeApiKeyInput = builder.inputType("RevokeApiKeyInput", {
  description: "Which API key to revoke.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The key's id." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const CreateApiKeyPayload = builder
  .objectRef<{ apiKey: ApiKeyRow; secret: string | null }>("CreateApiKeyPayload")
  .implement({
    description: "A new API key.",
    fields: (t) => ({
      apiKey: t.expose("apiKey", { type: ApiKey, description: "What is kept of it." }),
      secret: t.exposeString("secret", {
        nullable: true,
        description:
          "The key itself, as a bearer sends it. Told once: null when the mutation was repeated by its idempotency key.",
      }),
    }),
  });

const RevokeApiKeyPayload = builder.objectRef<{ apiKey: ApiKeyRow }>("RevokeApiKeyPayload").implement({
  description: "A revoked API key.",
  fields: (t) => ({ apiKey: t.expose("apiKey", { type: ApiKey, description: "The key as it is now." }) }),
});

builder.mutationFields((t) => ({
  createApiKey: t.field({
    authScopes: { administrator: true },
    type: CreateApiKeyPayload,
    description: "Creates an API key for a user. For administrators.",
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: "The key." }) },
    resolve: async (_, { input }, { repositories }) => {
      const userId = parseIdOf("User", input.userId, ["input", "userId"]);
      const { secret, hash, prefix } = generateApiKey();
      const data = validInput(createSchema, input);
      const apiKey = await repositories.apiKeys.create({ ...data, userId, hash, prefix });
      // A repeated call is given the first one's row, whose secret nobody has any more.
      return { apiKey, secret: apiKey.hash === hash ? secret : null };
    },
  }),
  revokeApiKey: t.field({
    authScopes: { administrator: true },
    type: RevokeApiKeyPayload,
    description:
      "Revokes an API key: once this is answered, no instance accepts it, and streams that it has opened end. For administrators.",
    args: { input: t.arg({ type: RevokeApiKeyInput, required: true, description: "Which one." }) },
    resolve: async (_, { input }, { repositories }) => {
      return { apiKey: await repositories.apiKeys.revoke(parseIdOf("ApiKey", input.id, ["input", "id"])) };
    },
  }),
}));
