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
  description: "A permission of an API key. It never allows more than the role of the key's user does.",
  values: {
    ADMIN: { value: "admin", description: "Everything that the user's role allows." },
    JOBS_WORK: { value: "jobs:work", description: "Claim conversion jobs and report on them." },
    PROJECTS_READ: { value: "projects:read", description: "Read projects, their files, jobs and activity." },
    PROJECTS_WRITE: {
      value: "projects:write",
      description: "Change projects and their jobs. Reading them is not included.",
    },
    USERS_READ: { value: "users:read", description: "Read users." },
    USERS_WRITE: { value: "users:write", description: "Add and change users." },
  } as const,
});

const ApiKey = builder.objectRef<ApiKeyRow>("ApiKey").implement({
  description:
    "A credential with which a program authenticates as a user. Its secret is shown only once, when the key is created.",
  // Nothing tells the cache that `lastUsedAt` has changed, so answers with API keys are not cached.
  extensions: cacheControl({ maxAge: 0 }),
  fields: (t) => ({
    id: t.id({
      description: "The API key's id: `ApiKey:<uuid>`.",
      resolve: ({ id }) => toNodeId("ApiKey", id),
    }),
    name: t.exposeString("name", { description: "What the key is for." }),
    prefix: t.exposeString("prefix", {
      description: "The first 12 characters of the key's secret, to recognize the key by.",
    }),
    user: t.field({
      type: User,
      nullable: true,
      description: "The user that a program with this key acts as. Null if the user has just been deleted.",
      resolve: ({ userId }, _, { loaders }) => loaders.userById.load(userId),
    }),
    scopes: t.field({
      type: [ApiKeyScopeType],
      description: "What the key may do, within what the user's role allows.",
      resolve: ({ scopes }) => API_KEY_SCOPES.filter((scope) => scopes.includes(scope)),
    }),
    expiresAt: t.expose("expiresAt", {
      type: "DateTime",
      nullable: true,
      description: "When the key expires; null if it never does.",
    }),
    revokedAt: t.expose("revokedAt", {
      type: "DateTime",
      nullable: true,
      description: "When the key was revoked; null if it was not.",
    }),
    lastUsedAt: t.expose("lastUsedAt", {
      type: "DateTime",
      nullable: true,
      description:
        "When the key was last used. It is updated up to a minute late. Null if the key has not been used.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the key was created." }),
  }),
});

const ApiKeyConnection = connectionType<ApiKeyRow>("ApiKey", ApiKey, "API keys");

builder.queryField("apiKeys", (t) =>
  t.field({
    authScopes: { administrator: true },
    type: ApiKeyConnection,
    description: "All API keys, or those of one user, newest first. Administrators only.",
    extensions: cacheControl({ maxAge: 0 }),
    args: { userId: t.arg.id({ description: "Returns only this user's keys." }), ...pageArguments() },
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
  description: "The API key to create.",
  fields: (t) => ({
    userId: t.id({ required: true, description: "The user that a program with this key acts as." }),
    name: t.string({
      required: true,
      description: `What the key is for: 1 to ${MAX_NAME_LENGTH} characters.`,
    }),
    scopes: t.field({
      type: [ApiKeyScopeType],
      required: true,
      description: "What the key may do, within what the user's role allows: at least one scope.",
    }),
    expiresAt: t.field({
      type: "DateTime",
      description:
        "When the key expires, which must be in the future. If left out, it is valid until it is revoked.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const RevokeApiKeyInput = builder.inputType("RevokeApiKeyInput", {
  description: "The API key to revoke.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The API key's id." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const CreateApiKeyPayload = builder
  .objectRef<{ apiKey: ApiKeyRow; secret: string | null }>("CreateApiKeyPayload")
  .implement({
    description: "The API key that was created.",
    fields: (t) => ({
      apiKey: t.expose("apiKey", { type: ApiKey, description: "The API key, without its secret." }),
      secret: t.exposeString("secret", {
        nullable: true,
        description:
          "The key's secret, which programs send as a bearer token. It is shown only once: null if the mutation was repeated with its idempotency key.",
      }),
    }),
  });

const RevokeApiKeyPayload = builder.objectRef<{ apiKey: ApiKeyRow }>("RevokeApiKeyPayload").implement({
  description: "The API key that was revoked.",
  fields: (t) => ({ apiKey: t.expose("apiKey", { type: ApiKey, description: "The API key as it is now." }) }),
});

builder.mutationFields((t) => ({
  createApiKey: t.field({
    authScopes: { administrator: true },
    type: CreateApiKeyPayload,
    description: "Creates an API key for a user. Administrators only.",
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: "The key to create." }) },
    resolve: async (_, { input }, { repositories }) => {
      const userId = parseIdOf("User", input.userId, ["input", "userId"]);
      const { secret, hash, prefix } = generateApiKey();
      const data = validInput(createSchema, input);
      const apiKey = await repositories.apiKeys.create({ ...data, userId, hash, prefix });
      // A repeated call gets the row of the first call, whose secret is stored nowhere.
      return { apiKey, secret: apiKey.hash === hash ? secret : null };
    },
  }),
  revokeApiKey: t.field({
    authScopes: { administrator: true },
    type: RevokeApiKeyPayload,
    description:
      "Revokes an API key. Once this is answered, no instance accepts the key, and streams that were opened with it end. Administrators only.",
    args: { input: t.arg({ type: RevokeApiKeyInput, required: true, description: "The key to revoke." }) },
    resolve: async (_, { input }, { repositories }) => {
      return { apiKey: await repositories.apiKeys.revoke(parseIdOf("ApiKey", input.id, ["input", "id"])) };
    },
  }),
}));
