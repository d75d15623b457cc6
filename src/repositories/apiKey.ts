import type { DataAccess } from "../database/database.ts";
import type { ApiKey } from "../database/generated/client.ts";
import { AppError, notFound } from "../errors.ts";
import type { List, PageArguments } from "./page.ts";
import { createFinder, createReader, selectList } from "./reader.ts";

export type ApiKeyRow = ApiKey;

export interface ApiKeyCreation {
  readonly userId: string;
  readonly name: string;
  readonly prefix: string;
  /** SHA-256 of the key, base64url. */
  readonly hash: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

export type ApiKeyRepository = ReturnType<typeof createApiKeyRepository>;

const USED = `UPDATE "api_keys" SET "last_used_at" = used."at"
  FROM unnest($1::uuid[], $2::timestamptz[]) AS used("id", "at")
  WHERE "api_keys"."id" = used."id" AND ("last_used_at" IS NULL OR "last_used_at" < used."at")
  RETURNING 1`;

const apiKeyColumns = selectList(
  {
    id: "id",
    userId: "user_id",
    name: "name",
    prefix: "prefix",
    hash: "hash",
    scopes: "scopes",
    expiresAt: "expires_at",
    revokedAt: "revoked_at",
    lastUsedAt: "last_used_at",
    createdAt: "created_at",
  },
  { times: ["expiresAt", "revokedAt", "lastUsedAt", "createdAt"] },
);

export function createApiKeyRepository(access: DataAccess) {
  const { query, write, writeStatements } = access;
  const reader = createReader<ApiKeyRow>(access, {
    table: "api_keys",
    columns: apiKeyColumns,
    key: { column: "id", type: "uuid" },
  });

  const findByHashes = createFinder<ApiKeyRow>(access, apiKeyColumns, {
    from: `"api_keys" WHERE "hash" = ANY($1::text[])`,
    key: "hash",
  });

  /**
   * All keys, or a user's, newest first. The rows are read anew each time, since they say when a key was last
   * used.
   */
  const list = (userId?: string): List => ({
    ...(userId !== undefined && { parent: { column: "user_id", id: userId } }),
    where: [],
    order: { column: "created_at", type: "timestamptz", direction: "DESC" },
    tags: [],
  });

  /** @throws AppError `NOT_FOUND` when there is no such user */
  async function create(data: ApiKeyCreation): Promise<ApiKeyRow> {
    return write(async (tx) => {
      const user = await tx.user.findUnique({ where: { id: data.userId }, select: { id: true } });
      if (!user) throw notFound("User", data.userId);
      return tx.apiKey.create({ data: { ...data, scopes: [...data.scopes] } });
    });
  }

  /**
   * Revokes the key. Once this is committed, no instance accepts the key. One that is revoked already stays
   * as it is.
   *
   * @throws AppError `NOT_FOUND`
   */
  async function revoke(id: string): Promise<ApiKeyRow> {
    return write(async (tx) => {
      const [row] = await tx.apiKey.updateManyAndReturn({
        where: { id, revokedAt: null },
        data: { revokedAt: new Date() },
      });
      if (row) return row;
      const existing = await tx.apiKey.findUnique({ where: { id } });
      if (!existing) throw notFound("ApiKey", id);
      return existing;
    });
  }

  /** The key with this visible prefix. @throws AppError `NOT_FOUND`, `CONFLICT` when several keys have it */
  async function findByPrefix(prefix: string): Promise<ApiKeyRow> {
    const rows = await query<ApiKeyRow>(`SELECT ${reader.columns} FROM "api_keys" WHERE "prefix" = $1`, [
      prefix,
    ]);
    if (rows.length > 1) throw new AppError("CONFLICT", `Several keys begin with "${prefix}": name an id.`);
    if (!rows[0]) throw notFound("ApiKey", prefix);
    return rows[0];
  }

  /** Records when keys were used. Not part of any mutation. */
  async function noteUses(uses: ReadonlyMap<string, Date>): Promise<void> {
    if (uses.size === 0) return;
    // In the order of the ids, so that two instances lock rows in the same order.
    const ids = [...uses.keys()].sort();
    await writeStatements((tx) => tx.queryLast(USED, [ids, ids.map((id) => uses.get(id)!)]), {
      keeps: "never",
    });
  }

  return {
    findById: reader.findById,
    findByHashes,
    findByPrefix,
    list,
    loadLists: reader.loadLists,
    cursorOf: reader.cursorOf,
    findMany: (userId?: string, page?: PageArguments) => reader.findPage(list(userId), page),
    create,
    revoke,
    noteUses,
  };
}
