-- A project's activity can be followed: its jobs' events, and its own status.
--
-- The events of many jobs have no common order in which they become visible, so a follower's place
-- is a snapshot: it was told what is visible in it. Each row says which transaction it came with.

-- AlterTable
ALTER TABLE "conversion_job_events" ADD COLUMN     "xid" xid8 NOT NULL DEFAULT pg_current_xact_id();

-- CreateTable
CREATE TABLE "project_status_changes" (
    "id" BIGSERIAL NOT NULL,
    "project_id" UUID NOT NULL,
    "status" "project_status" NOT NULL,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "project_status_changes_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "project_status_changes_project_id_id_idx" ON "project_status_changes"("project_id", "id");

-- AddForeignKey
ALTER TABLE "project_status_changes" ADD CONSTRAINT "project_status_changes_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Whoever changes a status, it is noted. Nobody was away for a month and wants to know each of them.
CREATE FUNCTION note_project_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
BEGIN
  DELETE FROM "project_status_changes"
   WHERE "project_id" = NEW."id" AND "created_at" < now() - interval '30 days';
  INSERT INTO "project_status_changes" ("project_id", "status") VALUES (NEW."id", NEW."status");
  RETURN NULL;
END
$$;

CREATE TRIGGER "projects_note_status" AFTER UPDATE OF "status" ON "projects"
  FOR EACH ROW WHEN (OLD."status" IS DISTINCT FROM NEW."status") EXECUTE FUNCTION note_project_status();
