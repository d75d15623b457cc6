-- A transaction of the service may have seen what somebody else has committed and no relay has told yet:
-- an INSERT by psql, which an upsert then found. Whoever is told that the upsert is done must not be
-- answered with less than it has seen. So a writer also marks the tags of all that was committed by
-- others before its last statement; the rows stay for the relay. They are few and short-lived. Of
-- a backlog that is longer than a thousand, the types are marked instead.
CREATE OR REPLACE FUNCTION drain_cache_invalidations(OUT "xid" text, OUT "tags" text[], OUT "epoch" text, OUT "epochState" text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  others text[];
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
  IF "tags" IS NULL THEN
    RETURN;
  END IF;

  SELECT array_agg(DISTINCT tag) INTO others
  FROM (SELECT entry."tags" FROM "cache_invalidations" AS entry LIMIT 1001) AS entry, unnest(entry."tags") AS tag;
  IF cardinality(others) > 1000 THEN
    others := ARRAY(SELECT DISTINCT substring(tag FROM '^[^:@#!]+') || '!'
      FROM "cache_invalidations" AS entry, unnest(entry."tags") AS tag);
  END IF;
  "tags" := "tags" || COALESCE(others, '{}');

  SELECT "name", "state" INTO "epoch", "epochState" FROM "cache_epoch";
END
$$;
