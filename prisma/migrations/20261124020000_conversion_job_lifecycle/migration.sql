-- Conversion jobs are claimed by workers under a lease, and keep a log of what happened to them.

-- AlterTable
ALTER TABLE "conversion_jobs" ADD COLUMN     "agent_types" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "attempt" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "available_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "event_sequence" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "fencing_token" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "lease_expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "lease_seconds" INTEGER,
ADD COLUMN     "max_attempts" INTEGER NOT NULL DEFAULT 3,
ADD COLUMN     "priority" SMALLINT NOT NULL DEFAULT 0,
ADD COLUMN     "worker_id" TEXT;

-- CreateTable
CREATE TABLE "conversion_job_events" (
    "job_id" UUID NOT NULL,
    "sequence" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "conversion_job_events_pkey" PRIMARY KEY ("job_id","sequence")
);

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "scope" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "input_hash" TEXT NOT NULL,
    "answer" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("scope","key","ordinal")
);

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys"("created_at");

-- AddForeignKey
ALTER TABLE "conversion_job_events" ADD CONSTRAINT "conversion_job_events_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "conversion_jobs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "conversion_jobs"
  ADD CONSTRAINT "conversion_jobs_priority_check" CHECK ("priority" BETWEEN -1000 AND 1000),
  ADD CONSTRAINT "conversion_jobs_attempt_check" CHECK ("attempt" BETWEEN 1 AND "max_attempts"),
  ADD CONSTRAINT "conversion_jobs_fencing_token_check" CHECK ("fencing_token" >= 0),
  ADD CONSTRAINT "conversion_jobs_event_sequence_check" CHECK ("event_sequence" >= 0),
  ADD CONSTRAINT "conversion_jobs_worker_id_check" CHECK (char_length("worker_id") BETWEEN 1 AND 200),
  ADD CONSTRAINT "conversion_jobs_lease_seconds_check" CHECK ("lease_seconds" > 0),
  -- A lease is there as a whole or not at all, and ends with the run.
  ADD CONSTRAINT "conversion_jobs_lease_check" CHECK (
    ("worker_id" IS NULL) = ("lease_expires_at" IS NULL) AND ("worker_id" IS NULL) = ("lease_seconds" IS NULL)
    AND ("worker_id" IS NULL OR "status" IN ('RUNNING', 'PAUSED')));

ALTER TABLE "conversion_job_events"
  ADD CONSTRAINT "conversion_job_events_sequence_check" CHECK ("sequence" >= 1),
  ADD CONSTRAINT "conversion_job_events_type_check" CHECK ("type" ~ '^[A-Z_]{1,40}$'),
  ADD CONSTRAINT "conversion_job_events_data_check" CHECK (jsonb_typeof("data") = 'object');

ALTER TABLE "idempotency_keys"
  ADD CONSTRAINT "idempotency_keys_key_check" CHECK (char_length("key") BETWEEN 1 AND 300);

-- In the order in which jobs are claimed.
CREATE INDEX "conversion_jobs_claim_idx" ON "conversion_jobs" ("priority" DESC, "created_at", "id")
  WHERE "status" = 'PENDING';

-- The held ones, for whoever looks for leases that have expired. Not by the time of expiry: a
-- column that heartbeats change, in any index, would make each of them write to all indexes.
CREATE INDEX "conversion_jobs_worker_idx" ON "conversion_jobs" ("worker_id", "id") WHERE "worker_id" IS NOT NULL;

-- Room for heartbeats and progress on the row's own page, and the dead rows of a queue out of the way soon.
ALTER TABLE "conversion_jobs" SET (
  fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

-- What a plan's tasks ask for follows the plan, whoever writes it.
CREATE FUNCTION set_conversion_job_agent_types() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW."agent_types" := ARRAY(
    SELECT DISTINCT task ->> 'agentType' FROM jsonb_path_query(NEW."plan", '$.tasks[*]') AS task
     WHERE task ->> 'agentType' IS NOT NULL ORDER BY 1);
  RETURN NEW;
END
$$;

CREATE TRIGGER "conversion_jobs_agent_types" BEFORE INSERT OR UPDATE OF "plan" ON "conversion_jobs"
  FOR EACH ROW EXECUTE FUNCTION set_conversion_job_agent_types();

UPDATE "conversion_jobs" SET "plan" = "plan" WHERE "status" IN ('PENDING', 'RUNNING', 'PAUSED');

-- A heartbeat that says nothing new is no change of the job: its version is for people, who would
-- never get a change through between two of them.
DROP TRIGGER "conversion_jobs_touch" ON "conversion_jobs";
CREATE TRIGGER "conversion_jobs_touch" BEFORE UPDATE ON "conversion_jobs" FOR EACH ROW
  WHEN (NOT (
    OLD."lease_expires_at" < NEW."lease_expires_at"
    AND (OLD."event_sequence", OLD."status", OLD."worker_id", OLD."fencing_token", OLD."progress", OLD."current_task", OLD."plan", OLD."results")
      IS NOT DISTINCT FROM
        (NEW."event_sequence", NEW."status", NEW."worker_id", NEW."fencing_token", NEW."progress", NEW."current_task", NEW."plan", NEW."results")
  )) EXECUTE FUNCTION touch_versioned_row();

-- A project's status follows its jobs, in the transaction that changes them, whoever that is:
-- CONVERTING from the moment that one is begun until all have ended; then what the last one came to.
--
-- Two jobs of a project may end at the same moment, and neither would see the other's end. So who
-- ends jobs, or begins ended ones anew, locks the project first; the statement after that has a snapshot of its
-- own, in which whatever the lock was waited for is committed. FOR UPDATE, because a new job waits for that too (its
-- foreign key takes FOR KEY SHARE). Who merely claims or pauses a job needs no lock: the job has not ended before and has
-- not after, so nobody takes it for the last. Jobs are always locked before their projects.
--
-- plpgsql plans each statement once, perhaps for one row, and runs it for a hundred thousand too: none of
-- them joins the transition tables with anything that has no index.
CREATE FUNCTION last_conversion_status(project uuid) RETURNS project_status
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE((
    SELECT CASE "status" WHEN 'COMPLETED' THEN 'COMPLETED' WHEN 'FAILED' THEN 'FAILED' ELSE 'READY' END
      FROM "conversion_jobs" WHERE "project_id" = project AND "completed_at" IS NOT NULL AND "started_at" IS NOT NULL
     ORDER BY "completed_at" DESC, "id" DESC LIMIT 1), 'READY')::project_status
$$;

CREATE FUNCTION follow_conversion_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  begun_ids uuid[];
  ended_ids uuid[];
BEGIN
  IF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT "project_id") INTO ended_ids FROM "old_rows" WHERE "completed_at" IS NULL;
  ELSE
    SELECT array_agg(DISTINCT "project_id") FILTER (WHERE "is_new" AND "completed_at" IS NULL AND "started_at" IS NOT NULL),
           array_agg(DISTINCT "project_id") FILTER (WHERE "completed_at" IS NOT NULL)
      INTO begun_ids, ended_ids FROM (
        SELECT "id", "project_id", "status", "started_at", "completed_at", true AS "is_new" FROM (
          SELECT "id", "project_id", "status", "started_at", "completed_at" FROM "new_rows"
          EXCEPT SELECT "id", "project_id", "status", "started_at", "completed_at" FROM "old_rows") AS after_it
         UNION ALL
        SELECT "id", "project_id", "status", "started_at", "completed_at", false FROM (
          SELECT "id", "project_id", "status", "started_at", "completed_at" FROM "old_rows"
          EXCEPT SELECT "id", "project_id", "status", "started_at", "completed_at" FROM "new_rows") AS before_it
      ) AS moved;
  END IF;

  IF ended_ids IS NOT NULL THEN
    PERFORM FROM "projects" WHERE "id" = ANY (ended_ids) ORDER BY "id" FOR UPDATE;
  END IF;
  IF begun_ids IS NOT NULL THEN
    UPDATE "projects" SET "status" = 'CONVERTING' WHERE "id" = ANY (begun_ids) AND "status" <> 'CONVERTING';
  END IF;
  IF ended_ids IS NOT NULL THEN
    -- One that ends without having begun changes nothing, unless it was the last that was waited for.
    UPDATE "projects" SET "status" = last_conversion_status("id")
     WHERE "id" = ANY (ended_ids) AND "status" = 'CONVERTING' AND NOT EXISTS (
       SELECT FROM "conversion_jobs" WHERE "project_id" = "projects"."id" AND "status" IN ('PENDING', 'RUNNING', 'PAUSED'));
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER "conversion_jobs_follow_update" AFTER UPDATE ON "conversion_jobs"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION follow_conversion_jobs();
CREATE TRIGGER "conversion_jobs_follow_delete" AFTER DELETE ON "conversion_jobs"
  REFERENCING OLD TABLE AS "old_rows" FOR EACH STATEMENT EXECUTE FUNCTION follow_conversion_jobs();

-- A job's events are cached as a whole: what counts is the jobs that a statement touched, not the rows.
CREATE FUNCTION invalidate_conversion_job_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  changed text[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM record_cache_invalidation('ConversionJobEvent', 1001, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT 'ConversionJobEvent@jobId=' || "job_id") INTO changed FROM "new_rows";
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT 'ConversionJobEvent@jobId=' || "job_id") INTO changed FROM "old_rows";
  ELSE
    SELECT array_agg(DISTINCT 'ConversionJobEvent@jobId=' || "job_id") INTO changed
    FROM (SELECT "job_id" FROM "old_rows" UNION ALL SELECT "job_id" FROM "new_rows") AS images;
  END IF;
  PERFORM record_cache_invalidation('ConversionJobEvent', coalesce(cardinality(changed), 0), changed);
  RETURN NULL;
END
$$;

CREATE TRIGGER "conversion_job_events_invalidate_insert" AFTER INSERT ON "conversion_job_events"
  REFERENCING NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_job_events();
CREATE TRIGGER "conversion_job_events_invalidate_update" AFTER UPDATE ON "conversion_job_events"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_job_events();
CREATE TRIGGER "conversion_job_events_invalidate_delete" AFTER DELETE ON "conversion_job_events"
  REFERENCING OLD TABLE AS "old_rows" FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_job_events();
CREATE TRIGGER "conversion_job_events_invalidate_truncate" AFTER TRUNCATE ON "conversion_job_events"
  FOR EACH STATEMENT EXECUTE FUNCTION invalidate_conversion_job_events();
