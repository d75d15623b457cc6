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
