-- The outbox is for what is still to be told. A transaction that takes its own tags out again before it commits
-- leaves a dead row for each statement, and every later one has to step over them until a vacuum: at a thousand
-- writes a second, by more than all their other work. So a transaction that says it will drain
-- (`SET LOCAL stack_converter.drains = 'on'`, database/database.ts) keeps its tags in a setting of its own
-- instead, which ends with it and is taken back with a savepoint. Every other writer's go to the table.
--
-- Saying so is a promise, like the rights on the tables: who breaks it on purpose changes rows behind the caches.
CREATE OR REPLACE FUNCTION record_cache_invalidation(type text, touched bigint, tags text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  kept text;
BEGIN
  IF touched = 0 THEN
    RETURN;
  ELSIF touched > 1000 THEN
    tags := ARRAY[type || '!'];
  END IF;
  IF current_setting('stack_converter.drains', true) = 'on' THEN
    kept := current_setting('stack_converter.tags', true);
    -- Each statement copies what the earlier ones have kept: after so many bytes, a row is cheaper.
    IF kept IS NULL OR length(kept) < 65536 THEN
      PERFORM set_config('stack_converter.tags',
        concat_ws(E'\n', nullif(kept, ''), array_to_string(tags, E'\n')), true);
      RETURN;
    END IF;
  END IF;
  INSERT INTO "cache_invalidations" ("tags") VALUES (tags);
END
$$;

CREATE OR REPLACE FUNCTION drain_cache_invalidations(OUT "xid" text, OUT "tags" text[], OUT "epoch" text, OUT "epochState" text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
  kept text[];
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
  IF "xid" IS NULL THEN
    RETURN;
  END IF;
  kept := string_to_array(nullif(current_setting('stack_converter.tags', true), ''), E'\n');
  -- What changes from here on is not drained any more.
  PERFORM set_config('stack_converter.tags', '', true), set_config('stack_converter.drains', 'off', true);
  WITH drained AS (
    DELETE FROM "cache_invalidations" AS entry WHERE entry."xid" = pg_current_xact_id() RETURNING entry."tags"
  )
  SELECT array_agg(DISTINCT tag) INTO "tags" FROM (
    SELECT tag FROM unnest(kept) AS tag UNION ALL SELECT tag FROM drained, unnest(drained."tags") AS tag
  ) AS every;
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

-- What is in it is relayed within moments: its dead rows are worth a vacuum as soon as there is one.
ALTER TABLE "cache_invalidations" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
