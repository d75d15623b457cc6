-- Keys for programs, and the log of what administrators did.

-- CreateTable
CREATE TABLE "api_keys" (
    "id" UUID NOT NULL DEFAULT generate_uuid_v7(),
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "scopes" TEXT[],
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_entries" (
    "id" UUID NOT NULL DEFAULT generate_uuid_v7(),
    "action" TEXT NOT NULL,
    "actor_id" UUID,
    "credential" TEXT,
    "target" TEXT,
    "details" JSONB,
    "request_id" TEXT,
    "address" TEXT,
    "count" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_hash_key" ON "api_keys"("hash");

-- CreateIndex
CREATE INDEX "api_keys_created_at_id_idx" ON "api_keys"("created_at", "id");

-- CreateIndex
CREATE INDEX "api_keys_user_id_idx" ON "api_keys"("user_id");

-- CreateIndex
CREATE INDEX "audit_entries_created_at_id_idx" ON "audit_entries"("created_at", "id");

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Never a key in clear, whoever writes the table.
ALTER TABLE "api_keys"
  ADD CONSTRAINT "api_keys_name_check" CHECK (char_length("name") BETWEEN 1 AND 100),
  ADD CONSTRAINT "api_keys_hash_check" CHECK ("hash" ~ '^[A-Za-z0-9_-]{43}$'),
  ADD CONSTRAINT "api_keys_scopes_check" CHECK (array_position("scopes", NULL) IS NULL);
ALTER TABLE "audit_entries" ADD CONSTRAINT "audit_entries_count_check" CHECK ("count" > 0);

-- `ApiKey:<id>` and `ApiKey@hash=<hash>` for every row that comes, goes, or means something else now:
-- who is known by a key is kept in the caches. When it was used last is not.
CREATE FUNCTION invalidate_api_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched bigint;
  changed text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM record_cache_invalidation('ApiKey', 1001, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "new_rows",
        LATERAL (VALUES ('ApiKey:' || "id"), ('ApiKey@hash=' || "hash")) AS tags("tag");
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT count(*) INTO touched FROM "old_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "old_rows",
        LATERAL (VALUES ('ApiKey:' || "id"), ('ApiKey@hash=' || "hash")) AS tags("tag");
    END IF;
  ELSE
    WITH moved AS (
      (SELECT "id", "user_id", "name", "hash", "scopes", "expires_at", "revoked_at" FROM "old_rows"
       EXCEPT SELECT "id", "user_id", "name", "hash", "scopes", "expires_at", "revoked_at" FROM "new_rows")
      UNION ALL
      (SELECT "id", "user_id", "name", "hash", "scopes", "expires_at", "revoked_at" FROM "new_rows"
       EXCEPT SELECT "id", "user_id", "name", "hash", "scopes", "expires_at", "revoked_at" FROM "old_rows")
    )
    SELECT count(*), array_agg(DISTINCT "tag") INTO touched, changed FROM moved,
      LATERAL (VALUES ('ApiKey:' || "id"), ('ApiKey@hash=' || "hash")) AS tags("tag");
  END IF;
  PERFORM record_cache_invalidation('ApiKey', touched, changed);
  RETURN NULL;
END
$$;

CREATE TRIGGER "api_keys_invalidate_insert" AFTER INSERT ON "api_keys"
  REFERENCING NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_api_keys();
CREATE TRIGGER "api_keys_invalidate_update" AFTER UPDATE ON "api_keys"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_api_keys();
CREATE TRIGGER "api_keys_invalidate_delete" AFTER DELETE ON "api_keys"
  REFERENCING OLD TABLE AS "old_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_api_keys();
CREATE TRIGGER "api_keys_invalidate_truncate" AFTER TRUNCATE ON "api_keys"
  FOR EACH STATEMENT EXECUTE FUNCTION invalidate_api_keys();
