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
  description: "What a user may do.",
  values: {
    USER: { description: "See and change what they own." },
    WORKER: { description: "Carry out conversion jobs." },
    ADMIN: { description: "Everything." },
  } as const,
});

export const User = builder.prismaObject("User", {
  description: "A person or a service that owns projects.",
  interfaces: [Node],
  fields: (t) => ({
    id: t.id({
      description: "`User:<uuid>`.",
      ...nodeIdOf("User"),
    }),
    githubId: t.exposeString("githubId", { description: "GitHub's numeric id of the account." }),
    username: t.exposeString("username", { description: "The account's name on GitHub." }),
    email: t.exposeString("email", {
      authScopes: { userReader: true },
      nullable: true,
      description: "Where to write to.",
    }),
    avatarUrl: t.exposeString("avatarUrl", { nullable: true, description: "A picture." }),
    role: t.expose("role", { type: UserRole, description: "What they may do." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When the user was added." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When the user last changed." }),
  }),
});

const UserConnection = connectionType<UserRow>("User", User, "users");

const RoleCount = builder.objectRef<UserStatistics["byRole"][number]>("UserRoleCount").implement({
  description: "How many users have a role.",
  fields: (t) => ({
    role: t.expose("role", { type: UserRole, description: "The role." }),
    count: t.exposeInt("count", { description: "How many have it." }),
  }),
});

const UserStatisticsType = builder.objectRef<UserStatistics>("UserStatistics").implement({
  description: "Figures over all users.",
  fields: (t) => ({
    total: t.exposeInt("total", { description: "How many there are." }),
    byRole: t.expose("byRole", {
      type: [RoleCount],
      description: "How many have each role; roles nobody has are left out.",
    }),
    withProjects: t.exposeInt("withProjects", { description: "How many own at least one project." }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.field({
    authScopes: { anyone: true },
    type: User,
    nullable: true,
    description: "Who sends this request; null for nobody in particular.",
    resolve: (_, __, { viewer, loaders }) => viewer && loaders.userById.load(viewer.userId),
  }),
  user: t.field({
    authScopes: { userReader: true },
    type: User,
    nullable: true,
    description: "A user by `id` or by `githubId`, whichever is given; null when there is none.",
    args: {
      id: t.arg.id({ description: "The user's id." }),
      githubId: t.arg.string({ description: "GitHub's numeric id of the account." }),
    },
    resolve: async (_, { id, githubId }, { access, loaders }) => {
      if ((id == null) === (githubId == null)) {
        throw validationFailed([{ path: ["id"], message: "expected either id or githubId" }]);
      }
      if (id != null) return loaders.userById.load(userWithin(access, parseIdOf("User", id, ["id"])));
      const wanted = validGithubId(githubId ?? "");
      if (access.to === "everything") return loaders.userByGithubId.load(wanted);
      // Whether it is somebody else's is not looked up.
      const self = await loaders.userById.load(access.userId);
      return self?.githubId === wanted ? self : null;
    },
  }),
  users: t.field({
    authScopes: { userReader: true },
    type: UserConnection,
    description:
      "All users that there are for whoever asks, oldest first: for everybody but administrators, themselves.",
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
    description: "Figures over the users that there are for whoever asks.",
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
  description: "A user after a change.",
  fields: (t) => ({
    user: t.field({
      type: User,
      description: "The user as it is now.",
      resolve: (payload, _, context) => answered(payload, payload.user, "User", context),
    }),
  }),
});

const DeleteUserPayload = builder.objectRef<{ id: string }>("DeleteUserPayload").implement({
  description: "What was deleted.",
  fields: (t) => ({
    deletedId: t.id({ description: "The deleted user's id.", resolve: ({ id }) => toNodeId("User", id) }),
  }),
});

const UpsertUserInput = builder.inputType("UpsertUserInput", {
  description: "A user as GitHub knows them.",
  fields: (t) => ({
    githubId: t.string({
      required: true,
      description: "GitHub's numeric id of the account: up to 20 digits.",
    }),
    username: t.string({ required: true, description: "The account's name, up to 100 characters." }),
    email: t.string({ description: "Where to write to. Left out: unchanged; null: none." }),
    avatarUrl: t.string({ description: "An http(s) address of a picture. Left out: unchanged; null: none." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const UpdateUserInput = builder.inputType("UpdateUserInput", {
  description: "What to change of a user. What is left out stays as it is.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The user's id." }),
    username: t.string({ description: "The account's name, up to 100 characters." }),
    email: t.string({ description: "Where to write to; null for none." }),
    avatarUrl: t.string({ description: "An http(s) address of a picture; null for none." }),
    role: t.field({ type: UserRole, description: "What they may do. For administrators." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const DeleteUserInput = builder.inputType("DeleteUserInput", {
  description: "Which user to delete.",
  fields: (t) => ({
    id: t.id({ required: true, description: "The user's id." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

const SetGithubTokenInput = builder.inputType("SetGithubTokenInput", {
  description: "A user's GitHub access token.",
  fields: (t) => ({
    userId: t.id({ required: true, description: "The user's id." }),
    token: t.string({ description: "The token, up to 1,024 characters; null forgets the one that is kept." }),
    idempotencyKey: idempotencyKeyField(t),
  }),
});

builder.mutationFields((t) => ({
  upsertUser: t.field({
    authScopes: { userAdministrator: true },
    type: UserPayload,
    description: "Adds the user with this GitHub id, or updates the one there is.",
    args: { input: t.arg({ type: UpsertUserInput, required: true, description: "The user." }) },
    resolve: async (_, { input }, { repositories }) => {
      const { githubId, ...profileOf } = validInput(upsertUserSchema, input);
      return { user: await repositories.users.upsertByGithubId(githubId, profileOf) };
    },
  }),
  updateUser: t.field({
    authScopes: { userEditor: true },
    type: UserPayload,
    description: "Changes a user.",
    args: { input: t.arg({ type: UpdateUserInput, required: true, description: "What to change." }) },
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
    description: "Deletes a user with their projects and those projects' jobs.",
    args: { input: t.arg({ type: DeleteUserInput, required: true, description: "Which one." }) },
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
      "Keeps a user's GitHub access token for the service's own use, encrypted. No field ever gives it out again.",
    args: { input: t.arg({ type: SetGithubTokenInput, required: true, description: "The token." }) },
    resolve: async (_, { input }, { access, repositories, loaders }) => {
      const id = parseIdOf("User", input.userId, ["input", "userId"]);
      await repositories.users.setGithubToken(id, validInput(githubTokenSchema, input).token ?? null, access);
      const user = await loaders.userById.load(id);
      // The user may be gone by now; the token was kept all the same, and went with them.
      if (!user) throw notFound("User", id);
      return { user };
    },
  }),
}));
