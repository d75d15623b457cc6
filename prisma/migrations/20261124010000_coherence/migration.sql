-- What has changed, for the caches: the tags of every change, written by triggers, so that no
-- writer can forget them. The service takes its own rows out again before it commits; what stays
-- was written by somebody else (psql, another program, a migration) and is relayed.

-- CreateTable
CREATE TABLE "cache_invalidations" (
    "id" BIGSERIAL NOT NULL,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    "tags" TEXT[] NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "cache_invalidations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "cache_invalidations_xid_idx" ON "cache_invalidations"("xid");

-- Which epoch of the version table counts. One row.
-- CreateTable
CREATE TABLE "cache_epoch" (
    "id" BOOLEAN NOT NULL DEFAULT true,
    "name" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "server" TEXT NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "cache_epoch_pkey" PRIMARY KEY ("id")
);

ALTER TABLE "cache_epoch"
  ADD CONSTRAINT "cache_epoch_id_check" CHECK ("id"),
  ADD CONSTRAINT "cache_epoch_name_check" CHECK ("name" ~ '^[0-9]+\.'),
  ADD CONSTRAINT "cache_epoch_state_check" CHECK ("state" IN ('live', 'retiring', 'retired', 'quiescing'));

INSERT INTO "cache_epoch" ("name", "state", "server") VALUES ('0.none', 'retired', '');

-- Every function below runs with its owner's rights and this migration's search path: whoever
-- may write a table must be able to, with no right to the outbox and any search path.

-- A statement that touched more rows than this invalidates the whole type.
CREATE FUNCTION record_cache_invalidation(type text, touched bigint, tags text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  IF touched > 1000 THEN
    INSERT INTO "cache_invalidations" ("tags") VALUES (ARRAY[type || '!']);
  ELSIF touched > 0 THEN
    INSERT INTO "cache_invalidations" ("tags") VALUES (tags);
  END IF;
END
$$;

-- `User:<id>` for every row; `User@githubId=<v>` and `User#` when rows come, go, or move.
CREATE FUNCTION invalidate_users() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched bigint;
  changed text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM record_cache_invalidation('User', 1001, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "new_rows",
        LATERAL (VALUES ('User:' || "id"), ('User@githubId=' || "github_id"), ('User#')) AS tags("tag");
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT count(*) INTO touched FROM "old_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "old_rows",
        LATERAL (VALUES ('User:' || "id"), ('User@githubId=' || "github_id"), ('User#')) AS tags("tag");
    END IF;
  ELSE
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      WITH moved AS (
        (SELECT "id", "github_id", "username", "role", "created_at" FROM "old_rows"
         EXCEPT SELECT "id", "github_id", "username", "role", "created_at" FROM "new_rows")
        UNION ALL
        (SELECT "id", "github_id", "username", "role", "created_at" FROM "new_rows"
         EXCEPT SELECT "id", "github_id", "username", "role", "created_at" FROM "old_rows")
      ), looked_up AS (
        (SELECT "id", "github_id" FROM "old_rows" EXCEPT SELECT "id", "github_id" FROM "new_rows")
        UNION ALL
        (SELECT "id", "github_id" FROM "new_rows" EXCEPT SELECT "id", "github_id" FROM "old_rows")
      )
      SELECT array_agg(DISTINCT "tag") INTO changed FROM (
        SELECT 'User:' || "id" FROM "old_rows"
        UNION ALL SELECT 'User:' || "id" FROM "new_rows"
        UNION ALL SELECT 'User@githubId=' || "github_id" FROM looked_up
        UNION ALL SELECT 'User#' FROM moved
      ) AS tags("tag");
    END IF;
  END IF;
  PERFORM record_cache_invalidation('User', touched, changed);
  RETURN NULL;
END
$$;

-- Every change of a project moves `updated_at`, by which projects are listed: it moves in its collections.
CREATE FUNCTION invalidate_projects() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched bigint;
  changed text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM record_cache_invalidation('Project', 1001, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "new_rows",
        LATERAL (VALUES ('Project:' || "id"), ('Project@userId=' || "user_id"), ('Project#')) AS tags("tag");
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT count(*) INTO touched FROM "old_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "old_rows",
        LATERAL (VALUES ('Project:' || "id"), ('Project@userId=' || "user_id"), ('Project#')) AS tags("tag");
    END IF;
  ELSE
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed
      FROM (SELECT "id", "user_id" FROM "old_rows" UNION ALL SELECT "id", "user_id" FROM "new_rows") AS images,
        LATERAL (VALUES ('Project:' || "id"), ('Project@userId=' || "user_id"), ('Project#')) AS tags("tag");
    END IF;
  END IF;
  PERFORM record_cache_invalidation('Project', touched, changed);
  RETURN NULL;
END
$$;

-- A job's progress, task and results change often and are part of no list's order or filter:
-- such an update invalidates `ConversionJob:<id>` alone.
CREATE FUNCTION invalidate_conversion_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched bigint;
  changed text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM record_cache_invalidation('ConversionJob', 1001, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "new_rows", LATERAL (VALUES
        ('ConversionJob:' || "id"), ('ConversionJob@projectId=' || "project_id"), ('ConversionJob#')) AS tags("tag");
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT count(*) INTO touched FROM "old_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM "old_rows", LATERAL (VALUES
        ('ConversionJob:' || "id"), ('ConversionJob@projectId=' || "project_id"), ('ConversionJob#')) AS tags("tag");
    END IF;
  ELSE
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      WITH moved AS (
        (SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "old_rows"
         EXCEPT SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "new_rows")
        UNION ALL
        (SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "new_rows"
         EXCEPT SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "old_rows")
      )
      SELECT array_agg(DISTINCT "tag") INTO changed FROM (
        SELECT 'ConversionJob:' || "id" FROM "old_rows"
        UNION ALL SELECT 'ConversionJob:' || "id" FROM "new_rows"
        UNION ALL SELECT 'ConversionJob@projectId=' || "project_id" FROM moved
        UNION ALL SELECT 'ConversionJob#' FROM moved
      ) AS tags("tag");
    END IF;
  END IF;
  PERFORM record_cache_invalidation('ConversionJob', touched, changed);
  RETURN NULL;
END
$$;

-- A project's files are cached as a whole, and written by the hundred thousand: what counts is
-- the projects that a statement touched, not the rows.
CREATE FUNCTION invalidate_project_files() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  changed text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM record_cache_invalidation('ProjectFile', 1001, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT 'ProjectFile@projectId=' || "project_id") INTO changed FROM "new_rows";
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT 'ProjectFile@projectId=' || "project_id") INTO changed FROM "old_rows";
  ELSE
    SELECT array_agg(DISTINCT 'ProjectFile@projectId=' || "project_id") INTO changed
    FROM (SELECT "project_id" FROM "old_rows" UNION ALL SELECT "project_id" FROM "new_rows") AS images;
  END IF;
  PERFORM record_cache_invalidation('ProjectFile', coalesce(cardinality(changed), 0), changed);
  RETURN NULL;
END
$$;

CREATE TRIGGER "users_invalidate_insert" AFTER INSERT ON "users"
  REFERENCING NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_users();
CREATE TRIGGER "users_invalidate_update" AFTER UPDATE ON "users"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_users();
CREATE TRIGGER "users_invalidate_delete" AFTER DELETE ON "users"
  REFERENCING OLD TABLE AS "old_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_users();
CREATE TRIGGER "users_invalidate_truncate" AFTER TRUNCATE ON "users"
  FOR EACH STATEMENT EXECUTE FUNCTION invalidate_users();

CREATE TRIGGER "projects_invalidate_insert" AFTER INSERT ON "projects"
  REFERENCING NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_projects();
CREATE TRIGGER "projects_invalidate_update" AFTER UPDATE ON "projects"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_projects();
CREATE TRIGGER "projects_invalidate_delete" AFTER DELETE ON "projects"
  REFERENCING OLD TABLE AS "old_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_projects();
CREATE TRIGGER "projects_invalidate_truncate" AFTER TRUNCATE ON "projects"
  FOR EACH STATEMENT EXECUTE FUNCTION invalidate_projects();

CREATE TRIGGER "conversion_jobs_invalidate_insert" AFTER INSERT ON "conversion_jobs"
  REFERENCING NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_jobs();
CREATE TRIGGER "conversion_jobs_invalidate_update" AFTER UPDATE ON "conversion_jobs"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_jobs();
CREATE TRIGGER "conversion_jobs_invalidate_delete" AFTER DELETE ON "conversion_jobs"
  REFERENCING OLD TABLE AS "old_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_jobs();
CREATE TRIGGER "conversion_jobs_invalidate_truncate" AFTER TRUNCATE ON "conversion_jobs"
  FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_jobs();

CREATE TRIGGER "project_files_invalidate_insert" AFTER INSERT ON "project_files"
  REFERENCING NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_project_files();
CREATE TRIGGER "project_files_invalidate_update" AFTER UPDATE ON "project_files"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_project_files();
CREATE TRIGGER "project_files_invalidate_delete" AFTER DELETE ON "project_files"
  REFERENCING OLD TABLE AS "old_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_project_files();
CREATE TRIGGER "project_files_invalidate_truncate" AFTER TRUNCATE ON "project_files"
  FOR EACH STATEMENT EXECUTE FUNCTION invalidate_project_files();

-- NOTIFY takes a lock at commit that all of the cluster's notifying transactions share. So it is
-- decided at commit, when it is known whether the rows are still there to be relayed: the
-- service's own transactions take theirs out, and say so while this trigger fires.
CREATE FUNCTION notify_cache_invalidation() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF current_setting('stack_converter.is_draining', true) IS DISTINCT FROM 'on' THEN
    NOTIFY cache_invalidations;
  END IF;
  RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER "cache_invalidations_notify" AFTER INSERT ON "cache_invalidations"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION notify_cache_invalidation();

-- The last statement of a transaction of the service. Fires what is deferred, for it may write;
-- takes out the tags of everything the transaction has changed (null: nothing); and then, when
-- the transaction's id is certain to exist, reads the epoch in which they are to be marked. A new
-- epoch waits for the transactions that had an id when it began, so one that was named the old epoch
-- cannot commit behind its back.
CREATE FUNCTION drain_cache_invalidations(OUT "xid" text, OUT "tags" text[], OUT "epoch" text, OUT "epochState" text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'The epoch must be read as it is now, which needs READ COMMITTED, got %',
      current_setting('transaction_isolation') USING ERRCODE = 'feature_not_supported';
  END IF;
  PERFORM set_config('stack_converter.is_draining', 'on', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM set_config('stack_converter.is_draining', 'off', true);

  "xid" := pg_current_xact_id_if_assigned()::text;
  WITH drained AS (
    DELETE FROM "cache_invalidations" AS entry
    WHERE entry."xid" = pg_current_xact_id_if_assigned()
    RETURNING entry."tags"
  )
  SELECT array_agg(DISTINCT tag) INTO "tags" FROM drained, unnest(drained."tags") AS tag;
  IF "tags" IS NOT NULL THEN
    SELECT "name", "state" INTO "epoch", "epochState" FROM "cache_epoch";
  END IF;
END
$$;
