-- `available_at` is rounded to milliseconds, and may be half of one ahead of the transaction that has set it to now(): a claim that follows
-- at once would not find the job.
CREATE OR REPLACE FUNCTION lock_claimable_conversion_jobs(agents text[], wanted int) RETURNS SETOF uuid
LANGUAGE plpgsql ROWS 100 SET search_path FROM CURRENT SET enable_sort = off SET enable_bitmapscan = off
AS $$
BEGIN
  RETURN QUERY SELECT "id" FROM "conversion_jobs"
   WHERE "status" = 'PENDING' AND "available_at" <= now() + interval '1 millisecond' AND "agent_types" <@ agents
   ORDER BY "priority" DESC, "created_at", "id" LIMIT wanted
     FOR NO KEY UPDATE SKIP LOCKED;
END
$$;
