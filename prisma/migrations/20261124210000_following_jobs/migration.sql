-- Claiming and finishing jobs is the hot path of the service, and a third of what it costs the database was spent on
-- finding out which projects a statement concerns.

-- As before, but looking only at the jobs that begin or end: a report of progress reads its rows once, and stops.
CREATE OR REPLACE FUNCTION follow_conversion_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  begun_ids uuid[];
  ended_ids uuid[];
BEGIN
  IF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT "project_id") INTO ended_ids FROM "old_rows" WHERE "completed_at" IS NULL;
  ELSE
    -- Each condition is of one image alone, so that "not as it was" is a look into a hash table of the few that meet it.
    SELECT array_agg(DISTINCT "project_id") INTO begun_ids FROM "new_rows"
     WHERE "completed_at" IS NULL AND "started_at" IS NOT NULL
       AND ("id", "project_id") NOT IN (
         SELECT "id", "project_id" FROM "old_rows" WHERE "completed_at" IS NULL AND "started_at" IS NOT NULL);
    SELECT array_agg(DISTINCT "project_id") INTO ended_ids FROM (
      SELECT "project_id" FROM "new_rows"
       WHERE "completed_at" IS NOT NULL AND ("id", "project_id", "status", "completed_at") NOT IN (
         SELECT "id", "project_id", "status", "completed_at" FROM "old_rows" WHERE "completed_at" IS NOT NULL)
       UNION ALL
      SELECT "project_id" FROM "old_rows"
       WHERE "completed_at" IS NOT NULL AND ("id", "project_id", "status", "completed_at") NOT IN (
         SELECT "id", "project_id", "status", "completed_at" FROM "new_rows" WHERE "completed_at" IS NOT NULL)
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

-- Once for a statement, which may change the projects of a hundred jobs, instead of once for each of them.
CREATE OR REPLACE FUNCTION note_project_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  changed_ids uuid[];
BEGIN
  SELECT array_agg("id") INTO changed_ids FROM "new_rows"
   WHERE ("id", "status") NOT IN (SELECT "id", "status" FROM "old_rows");
  IF changed_ids IS NULL THEN
    RETURN NULL;
  END IF;
  DELETE FROM "project_status_changes"
   WHERE "project_id" = ANY (changed_ids) AND "created_at" < now() - interval '30 days';
  INSERT INTO "project_status_changes" ("project_id", "status")
  SELECT "id", "status" FROM "new_rows" WHERE "id" = ANY (changed_ids) ORDER BY "id";
  RETURN NULL;
END
$$;

DROP TRIGGER "projects_note_status" ON "projects";
CREATE TRIGGER "projects_note_status" AFTER UPDATE ON "projects"
  REFERENCING OLD TABLE AS "old_rows" NEW TABLE AS "new_rows" FOR EACH STATEMENT EXECUTE FUNCTION note_project_status();

-- Locks the first `wanted` jobs that workers with these agent types can claim: the highest priority first, then the
-- oldest. Without the settings, the planner reads and sorts all that wait, however many: it knows neither how few
-- are wanted nor that nearly all of them can be claimed.
CREATE FUNCTION lock_claimable_conversion_jobs(agents text[], wanted int) RETURNS SETOF uuid
LANGUAGE plpgsql ROWS 100 SET search_path FROM CURRENT SET enable_sort = off SET enable_bitmapscan = off
AS $$
BEGIN
  RETURN QUERY SELECT "id" FROM "conversion_jobs"
   WHERE "status" = 'PENDING' AND "available_at" <= now() AND "agent_types" <@ agents
   ORDER BY "priority" DESC, "created_at", "id" LIMIT wanted
     FOR NO KEY UPDATE SKIP LOCKED;
END
$$;
