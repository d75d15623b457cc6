import { anyOfTypeTag, rowTag } from "../coherence/tags.ts";
import type { DataAccess } from "../database/database.ts";
import type { TokenCipher } from "../database/encryption.ts";
import type { User, UserRole } from "../database/generated/client.ts";
import { AppError, notFound } from "../errors.ts";
import { type Access, TO_EVERYTHING, userWithin } from "./access.ts";
import type { List, PageArguments } from "./page.ts";
import type { ListSource } from "./pageStatement.ts";
import { createFinder, createReader, selectList } from "./reader.ts";
import { defined } from "./writing.ts";

export type UserRow = User;

export interface UserProfile {
  readonly username: string;
  readonly email?: string | null | undefined;
  readonly avatarUrl?: string | null | undefined;
}

export interface UserChanges {
  readonly username?: string | undefined;
  readonly email?: string | null | undefined;
  readonly avatarUrl?: string | null | undefined;
  readonly role?: UserRole | undefined;
}

export interface UserStatistics {
  readonly total: number;
  readonly byRole: readonly { readonly role: UserRole; readonly count: number }[];
  /** Users that own at least one project. */
  readonly withProjects: number;
}

const userColumns = selectList(
  {
    id: "id",
    githubId: "github_id",
    username: "username",
    email: "email",
    avatarUrl: "avatar_url",
    role: "role",
    createdAt: "created_at",
    updatedAt: "updated_at",
  },
  { times: ["createdAt", "updatedAt"] },
);

export type UserRepository = ReturnType<typeof createUserRepository>;

/** @param cipher encrypts GitHub tokens; without a cipher, tokens are not accepted */
export function createUserRepository(access: DataAccess, cipher: TokenCipher | undefined) {
  const { query, write } = access;
  const source: ListSource = {
    table: "users",
    columns: userColumns,
    key: { column: "id", type: "uuid" },
  };
  const reader = createReader<UserRow>(access, source);

  const findByGithubIds = createFinder<UserRow>(access, userColumns, {
    from: `"users" WHERE "github_id" = ANY($1::text[])`,
    key: "githubId",
  });

  /** All users that the requester may see, oldest first. */
  const list = (access: Access = TO_EVERYTHING): List => ({
    where: access.to === "everything" ? [] : [{ sql: `"id" = ?::uuid`, values: [access.userId] }],
    order: { column: "created_at", type: "timestamptz", direction: "ASC" },
    tags: [access.to === "everything" ? anyOfTypeTag("User") : rowTag("User", access.userId)],
  });

  async function statistics(access: Access = TO_EVERYTHING): Promise<UserStatistics> {
    const isAll = access.to === "everything";
    const rows = await query<{ role: UserRole; count: number; withProjects: number }>(
      `SELECT "role", count(*)::int AS "count",
              (SELECT count(*) FROM (SELECT DISTINCT "user_id" FROM "projects" ${isAll ? "" : `WHERE "user_id" = $1`}) AS "owners")::int AS "withProjects"
         FROM "users" ${isAll ? "" : `WHERE "id" = $1`} GROUP BY "role" ORDER BY "role"`,
      isAll ? [] : [access.userId],
    );
    return {
      total: rows.reduce((sum, { count }) => sum + count, 0),
      byRole: rows.map(({ role, count }) => ({ role, count })),
      withProjects: rows[0]?.withProjects ?? 0,
    };
  }

  /** @throws AppError `CONFLICT` when the GitHub id is taken */
  async function create(data: UserProfile & { githubId: string; role?: UserRole }): Promise<UserRow> {
    return write((tx) => tx.user.create({ data: defined(data) }));
  }

  /** Creates the user with this GitHub id, or updates the existing user's profile. Never changes the role. */
  async function upsertByGithubId(githubId: string, profile: UserProfile): Promise<UserRow> {
    const data = defined(profile);
    return write((tx) =>
      tx.user.upsert({ where: { githubId }, create: { githubId, ...data }, update: data }),
    );
  }

  /** @throws AppError `NOT_FOUND` */
  async function update(id: string, data: UserChanges, access: Access = TO_EVERYTHING): Promise<UserRow> {
    return write(async (tx) => {
      const where = { id: userWithin(access, id) };
      const [row] = await tx.user.updateManyAndReturn({ where, data: defined(data) });
      if (!row) throw notFound("User", id);
      return row;
    });
  }

  /**
   * Deletes the user with their projects and those projects' jobs.
   *
   * @throws AppError `NOT_FOUND`
   */
  async function remove(id: string, access: Access = TO_EVERYTHING): Promise<void> {
    await write(async (tx) => {
      const { count } = await tx.user.deleteMany({ where: { id: userWithin(access, id) } });
      if (count === 0) throw notFound("User", id);
    });
  }

  /**
   * Stores the user's GitHub access token, encrypted; null deletes it.
   *
   * @throws AppError `NOT_FOUND`, or `NOT_CONFIGURED` without an encryption key
   */
  async function setGithubToken(
    id: string,
    token: string | null,
    access: Access = TO_EVERYTHING,
  ): Promise<void> {
    if (token !== null && !cipher) {
      throw new AppError("NOT_CONFIGURED", "GitHub tokens are not accepted: ENCRYPTION_KEY is not set.");
    }
    await write(async (tx) => {
      const user = await tx.user.findUnique({
        where: { id: userWithin(access, id) },
        select: { id: true },
      });
      if (!user) throw notFound("User", id);
      if (token === null || !cipher) {
        await tx.githubCredential.deleteMany({ where: { userId: id } });
        return;
      }
      const ciphertext = Uint8Array.from(cipher.encrypt(token, id));
      await tx.githubCredential.upsert({
        where: { userId: id },
        create: { userId: id, ciphertext },
        update: { ciphertext },
      });
    });
  }

  /**
   * The user's GitHub access token in clear text. It is for calls to GitHub, never for an answer or a cache.
   *
   * @throws AppError `NOT_CONFIGURED` without an encryption key
   */
  async function getGithubToken(id: string): Promise<string | null> {
    const [row] = await query<{ ciphertext: Buffer }>(
      `SELECT "ciphertext" FROM "github_credentials" WHERE "user_id" = $1`,
      [id],
    );
    if (!row) return null;
    if (!cipher)
      throw new AppError("NOT_CONFIGURED", "GitHub tokens cannot be read: ENCRYPTION_KEY is not set.");
    return cipher.decrypt(row.ciphertext, id);
  }

  return {
    source,
    findById: reader.findById,
    findByIds: reader.findByIds,
    findByGithubIds,
    list,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (page?: PageArguments) => reader.findPage(list(), page),
    count: () => reader.countList(list()),
    statistics,
    create,
    upsertByGithubId,
    update,
    delete: remove,
    setGithubToken,
    getGithubToken,
  };
}
