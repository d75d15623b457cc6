-- Owners list the jobs of all their projects, and anybody's job was a change of everybody's lists: now
-- `ConversionJob@ownerId=<id>` tells them apart. Whose a job is stands in its project's row. A job that goes with its project
-- has no owner any more when it goes; then `Project@userId=<id>`, on which such lists depend as well, tells of it.

CREATE OR REPLACE FUNCTION invalidate_conversion_jobs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  touched bigint;
  changed text[];
  places uuid[];
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM record_cache_invalidation('ConversionJob', 1001, NULL);
    RETURN NULL;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      SELECT array_agg('ConversionJob:' || "id"), array_agg(DISTINCT "project_id") INTO changed, places FROM "new_rows";
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT count(*) INTO touched FROM "old_rows";
    IF touched <= 1000 THEN
      SELECT array_agg('ConversionJob:' || "id"), array_agg(DISTINCT "project_id") INTO changed, places FROM "old_rows";
    END IF;
  ELSE
    SELECT count(*) INTO touched FROM "new_rows";
    IF touched <= 1000 THEN
      SELECT array_agg(DISTINCT "tag") INTO changed FROM (
        SELECT 'ConversionJob:' || "id" FROM "old_rows"
        UNION ALL SELECT 'ConversionJob:' || "id" FROM "new_rows"
      ) AS tags("tag");
      SELECT array_agg(DISTINCT "project_id") INTO places FROM (
        (SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "old_rows"
         EXCEPT SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "new_rows")
        UNION ALL
        (SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "new_rows"
         EXCEPT SELECT "id", "project_id", "status", "created_at", "started_at", "completed_at" FROM "old_rows")
      ) AS moved;
    END IF;
  END IF;
  IF places IS NOT NULL THEN
    SELECT changed || 'ConversionJob#'::text || array_agg("tag") INTO changed FROM (
      SELECT 'ConversionJob@projectId=' || "id" FROM unnest(places) AS place("id")
      UNION ALL
      SELECT DISTINCT 'ConversionJob@ownerId=' || "user_id" FROM "projects" WHERE "id" = ANY(places)
    ) AS tags("tag");
  END IF;
  PERFORM record_cache_invalidation('ConversionJob', touched, changed);
  RETURN NULL;
END
$$;

-- Who writes a job while its project gets another owner may see the old one, and would tell nobody else. So such a change waits until
-- nobody is writing jobs, and who comes meanwhile waits for it. The service itself never makes one.
CREATE FUNCTION wait_for_conversion_job_writers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  LOCK TABLE "conversion_jobs" IN SHARE ROW EXCLUSIVE MODE;
  RETURN NULL;
END
$$;

CREATE TRIGGER "projects_owner_change" BEFORE UPDATE OF "user_id" ON "projects"
  FOR EACH STATEMENT EXECUTE FUNCTION wait_for_conversion_job_writers();
