import { z } from "zod";
import { notFound, validationFailed } from "../errors.ts";
import { EVERYTHING } from "../loaders.ts";
import { userWithin } from "../repositories/access.ts";
import type { UserRow, UserStatistics } from "../repositories/user.ts";
import { builder } from "./builder.ts";
import { Connection, connectionType, pageArguments } from "./connection.ts";
import { answered, idempotencyKeyField } from "./idempotency.ts";
import { validInput } from "./input.ts";
import { Node, nodeIdOf } from "./node.ts";
import { parseIdOf, toNodeId } from "./nodeId.ts";
import { demand } from "./rules.ts";

export const UserRole = builder.enumType("UserRole", {
  description: "The role of a user, which decides what the user may do.",
  values: {
    USER: { description: "The user can see and change what they own." },
    WORKER: { description: "The user can carry out conversion jobs." },
    ADMIN: { description: "The user can do everything." },
  } as const,
});

export const User = builder.prismaObject("User", {
  description: "A person or a service that owns projects.",
  interfaces: [Node],
  fields: (t) => ({
    id: t.id({
      description: "The user's id: `User:<uuid>`.",
      ...nodeIdOf("User"),
    }),
    githubId: t.exposeString("githubId", { description: "The numeric id of the user's GitHub account." }),
    username: t.exposeString("username", { description: "The name of the user's GitHub account." }),
    email: t.exposeString("email", {
      authScopes: { userReader: true },
      nullable: true,
      description: "The user's email address; null if none is known.",
    }),
    avatarUrl: t.exposeString("avatarUrl", {
      nullable: true,
      description: "The URL of a picture of the user; null if none is known.",
    }),
    role: t.expose("role", { type: UserRole, description: "The user's role." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the user was added." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When the user was last changed." }),
  }),
});

const UserConnection = connectionType<UserRow>("User", User, "users");

const RoleCount = builder.objectRef<UserStatistics["byRole"][number]>("UserRoleCount").implement({
  description: "The number of users with one role.",
  fields: (t) => ({
    role: t.expose("role", { type: UserRole, description: "The role." }),
    count: t.exposeInt("count", { description: "The number of users with this role." }),
  }),
});

const UserStatisticsType = builder.objectRef<UserStatistics>("UserStatistics").implement({
  description: "Statistics about users.",
  fields: (t) => ({
    total: t.exposeInt("total", { description: "The number of users." }),
    byRole: t.expose("byRole", {
      type: [RoleCount],
      description: "The number of users by role. A role that no user has is left out.",
    }),
    withProjects: t.exposeInt("withProjects", {
      description: "The number of users who own at least one project.",
    }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.field({
    authScopes: { anyone: true },
    type: User,
    nullable: true,
    description: "The user who sends this request. Null if the request is not authenticated.",
    resolve: (_, __, { viewer, loaders }) => viewer && loaders.userById.load(viewer.userId),
  }),
  user: t.field({
    authScopes: { userReader: true },
    type: User,
    nullable: true,
    description:
      "The user with this `id` or this `githubId`; exactly one of them must be given. Null if the user does not exist or the viewer cannot see them.",
    args: {
      id: t.arg.id({ description: "The user's id." }),
      githubId: t.arg.string({ description: "The numeric id of the user's GitHub account." }),
    },
    resolve: async (_, { id, githubId }, { access, loaders }) => {
      if ((id == null) === (githubId == null)) {
        throw validationFailed([{ path: ["id"], message: "expected either id or githubId" }]);
      }
      if (id != null) return loaders.userById.load(userWithin(access, parseIdOf("User", id, ["id"])));
      const wanted = validGithubId(githubId ?? "");
      if (access.to === "everything") return loaders.userByGithubId.load(wanted);
      // Only the viewer's own GitHub id is compared: whether another user has this one is not looked up.
      const self = await loaders.userById.load(access.userId);
      return self?.githubId === wanted ? self : null;
    },
  }),
  users: t.field({
    authScopes: { userReader: true },
    type: UserConnection,
    description:
      "All users that the viewer can see, oldest first. Administrators see all users, others only themselves.",
    args: pageArguments(),
    resolve: (_, page, { access, loaders, repositories: { users } }, info) =>
      new Connection({
        loader: loaders.users,
        list: users.list(access),
        page,
        cursorOf: users.cursorOf,
        info,
      }),
  }),
  userStatistics: t.field({
    authScopes: { userReader: true },
    type: UserStatisticsType,
    description: "Statistics about the users that the viewer can see.",
    resolve: (_, __, { loaders }) => loaders.userStatistics.load(EVERYTHING),
  }),
}));

const GITHUB_ID = /^[0-9]{1,20}$/;

function validGithubId(githubId: string): string {
  if (GITHUB_ID.test(githubId)) return githubId;
  throw validationFailed([{ path: ["githubId"], message: "expected GitHub's numeric id, up to 20 digits" }]);
}

const profile = {
  username: z.string().trim().min(1).max(100),
  email: z.email().max(320).nullish(),
  avatarUrl: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .nullish(),
};
const upsertUserSchema = z.object({
  githubId: z.string().regex(GITHUB_ID, "expected GitHub's numeric id, up to 20 digits"),
  ...profile,
});
const updateUserSchema = z.object({
  ...profile,
  username: profile.username.nullish().transform((name) => name ?? undefined),
  role: z
    .enum(["USER", "WORKER", "ADMIN"])
    .nullish()
    .transform((role) => role ?? undefined),
});
const githubTokenSchema = z.object({ token: z.string().min(1).max(1_024).nullish() });

const UserPayload = builder.objectRef<{ user: UserRow }>("UserPayload").implement({
  description: "A user after a mutation.",
  fields: (t) => ({
    user: t.field({
      type: User,
      description: "The user as they are now.",
      resolve: (payload, _, context) => answered(payload, payload.user, "User", context),
    }),
  }),
});

const DeleteUserPayload = builder.objectRef<{ id: string }>("DeleteUserPayload").implement({
  description: "The user that was deleted.",
  fields: (t) => ({
    deletedId: t.id({
      description: "The id of the deleted user.",
      resolve: ({ id }) => toNodeId("User", id),
    }),
  }),
});

const UpsertUserInput = builder.inputType("UpsertUserInput", {
  description: "A user, as GitHub describes them.",
  fields: (t) => ({
    githubId: t.string({
      required: true,
      description: "The numeric id of the user's GitHub account: 1 to 20 digits.",
    }),
    username: t.string({
      required: true,
      description: "The name of the user's GitHub account: 1 to 100 characters.",
    }),
    email: t.string({
      description: "The user's email address. If left out, it stays as it is; null removes it.",
    }),
    avatarUrl: t.string({
      description:
        "The http(s) URL of a picture of the user. If left out, it stays as it is; null removes it.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const UpdateUserInput = builder.inputType("UpdateUserInput", {
  description: "Changes to a user. What is left out stays as it is.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The user's id." }),
    username: t.string({ description: "The name of the user's GitHub account: 1 to 100 characters." }),
    email: t.string({ description: "The user's email address; null removes it." }),
    avatarUrl: t.string({ description: "The http(s) URL of a picture of the user; null removes it." }),
    role: t.field({ type: UserRole, description: "The user's role. Only administrators may change it." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DeleteUserInput = builder.inputType("DeleteUserInput", {
  description: "The user to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The user's id." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const SetGithubTokenInput = builder.inputType("SetGithubTokenInput", {
  description: "The GitHub access token of a user.",
  fields: (t) => ({
    userId: t.id({ required: true, description: "The user's id." }),
    token: t.string({
      description:
        "The token: 1 to 1,024 characters. If it is null or left out, the stored token is deleted.",
    }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

builder.mutationFields((t) => ({
  upsertUser: t.field({
    authScopes: { userAdministrator: true },
    type: UserPayload,
    description:
      "Adds a user with this GitHub id, or updates the existing one. The role of an existing user does not change. Administrators only.",
    args: {
      input: t.arg({ type: UpsertUserInput, required: true, description: "The user to add or update." }),
    },
    resolve: async (_, { input }, { repositories }) => {
      const { githubId, ...profileOf } = validInput(upsertUserSchema, input);
      return { user: await repositories.users.upsertByGithubId(githubId, profileOf) };
    },
  }),
  updateUser: t.field({
    authScopes: { userEditor: true },
    type: UserPayload,
    description: "Changes a user. Administrators can change all users, users only themselves.",
    args: { input: t.arg({ type: UpdateUserInput, required: true, description: "The changes." }) },
    resolve: async (_, { input }, { access, repositories, viewer }) => {
      const id = parseIdOf("User", input.id, ["input", "id"]);
      const changes = validInput(updateUserSchema, input);
      if (changes.role !== undefined) demand("userAdministrator", viewer);
      return { user: await repositories.users.update(id, changes, access) };
    },
  }),
  deleteUser: t.field({
    authScopes: { userEditor: true },
    type: DeleteUserPayload,
    description:
      "Deletes a user with their projects and those projects' jobs. Administrators can delete all users, users only themselves.",
    args: { input: t.arg({ type: DeleteUserInput, required: true, description: "The user to delete." }) },
    resolve: async (_, { input }, { access, repositories }) => {
      const id = parseIdOf("User", input.id, ["input", "id"]);
      await repositories.users.delete(id, access);
      return { id };
    },
  }),
  setGithubToken: t.field({
    authScopes: { userEditor: true },
    type: UserPayload,
    description:
      "Stores a user's GitHub access token, encrypted, for the service's own use. No field ever returns it.",
    args: { input: t.arg({ type: SetGithubTokenInput, required: true, description: "The token." }) },
    resolve: async (_, { input }, { access, repositories, loaders }) => {
      const id = parseIdOf("User", input.userId, ["input", "userId"]);
      await repositories.users.setGithubToken(id, validInput(githubTokenSchema, input).token ?? null, access);
      const user = await loaders.userById.load(id);
      // The user may have been deleted since. The token was stored, and then deleted with the user.
      if (!user) throw notFound("User", id);
      return { user };
    },
  }),
}));
