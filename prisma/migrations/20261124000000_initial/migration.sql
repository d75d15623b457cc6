-- Substring search (a trusted extension: no superuser is needed, CREATE on the database is).
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- A UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 12 bits of the
-- fraction of that millisecond (method 3 of section 6.2), then 62 random bits. Keys that are
-- made later sort later, so the primary key's index grows at its right edge only.
CREATE FUNCTION generate_uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
  SELECT encode(
    substring(int8send(micros / 1000) FROM 3)
      || int2send((28672 + (micros % 1000) * 4096 / 1000)::int2)
      || substring(uuid_send(gen_random_uuid()) FROM 9),
    'hex')::uuid
  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8 AS micros) AS clock
$$;

-- CreateEnum
CREATE TYPE "user_role" AS ENUM ('USER', 'WORKER', 'ADMIN');

-- CreateEnum
CREATE TYPE "project_status" AS ENUM ('IMPORTED', 'ANALYZING', 'READY', 'CONVERTING', 'COMPLETED', 'FAILED');

-- CreateEnum
CREATE TYPE "conversion_job_status" AS ENUM ('PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED');

-- CreateTable
CREATE TABLE "users" (
    "id" UUID NOT NULL DEFAULT generate_uuid_v7(),
    "github_id" TEXT NOT NULL,
    "username" TEXT NOT NULL,
    "email" TEXT,
    "avatar_url" TEXT,
    "role" "user_role" NOT NULL DEFAULT 'USER',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "github_credentials" (
    "user_id" UUID NOT NULL,
    "ciphertext" BYTEA NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "github_credentials_pkey" PRIMARY KEY ("user_id")
);

-- CreateTable
CREATE TABLE "projects" (
    "id" UUID NOT NULL DEFAULT generate_uuid_v7(),
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "github_url" TEXT NOT NULL,
    "original_tech_stack" JSONB NOT NULL DEFAULT '{}',
    "target_tech_stack" JSONB,
    "status" "project_status" NOT NULL DEFAULT 'IMPORTED',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "projects_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "project_files" (
    "project_id" UUID NOT NULL,
    "path" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "language" TEXT,

    CONSTRAINT "project_files_pkey" PRIMARY KEY ("project_id","path")
);

-- CreateTable
CREATE TABLE "conversion_jobs" (
    "id" UUID NOT NULL DEFAULT generate_uuid_v7(),
    "project_id" UUID NOT NULL,
    "plan" JSONB NOT NULL,
    "status" "conversion_job_status" NOT NULL DEFAULT 'PENDING',
    "progress" SMALLINT NOT NULL DEFAULT 0,
    "current_task" TEXT,
    "results" JSONB NOT NULL DEFAULT '[]',
    "error_message" TEXT,
    "started_at" TIMESTAMPTZ(3),
    "completed_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "conversion_jobs_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "users_github_id_key" ON "users"("github_id");

-- CreateIndex
CREATE INDEX "users_created_at_id_idx" ON "users"("created_at", "id");

-- CreateIndex
CREATE INDEX "projects_created_at_id_idx" ON "projects"("created_at", "id");

-- CreateIndex
CREATE INDEX "projects_updated_at_id_idx" ON "projects"("updated_at", "id");

-- CreateIndex
CREATE INDEX "projects_user_id_created_at_id_idx" ON "projects"("user_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "projects_user_id_updated_at_id_idx" ON "projects"("user_id", "updated_at", "id");

-- CreateIndex
CREATE INDEX "projects_status_created_at_id_idx" ON "projects"("status", "created_at", "id");

-- CreateIndex
CREATE INDEX "projects_status_updated_at_id_idx" ON "projects"("status", "updated_at", "id");

-- CreateIndex
CREATE INDEX "conversion_jobs_created_at_id_idx" ON "conversion_jobs"("created_at", "id");

-- CreateIndex
CREATE INDEX "conversion_jobs_project_id_created_at_id_idx" ON "conversion_jobs"("project_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "conversion_jobs_project_id_status_created_at_id_idx" ON "conversion_jobs"("project_id", "status", "created_at", "id");

-- CreateIndex
CREATE INDEX "conversion_jobs_status_created_at_id_idx" ON "conversion_jobs"("status", "created_at", "id");

-- AddForeignKey
ALTER TABLE "github_credentials" ADD CONSTRAINT "github_credentials_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "projects" ADD CONSTRAINT "projects_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "project_files" ADD CONSTRAINT "project_files_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "conversion_jobs" ADD CONSTRAINT "conversion_jobs_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Limits of what a column may hold. The service checks the same and names the field; these
-- stand behind it for whoever writes past the service.
ALTER TABLE "users"
  ADD CONSTRAINT "users_github_id_check" CHECK ("github_id" ~ '^[0-9]{1,20}$'),
  ADD CONSTRAINT "users_username_check" CHECK (char_length("username") BETWEEN 1 AND 100),
  ADD CONSTRAINT "users_email_check" CHECK (char_length("email") BETWEEN 3 AND 320),
  ADD CONSTRAINT "users_avatar_url_check" CHECK (char_length("avatar_url") <= 2048);

ALTER TABLE "projects"
  ADD CONSTRAINT "projects_name_check" CHECK (char_length("name") BETWEEN 1 AND 200),
  ADD CONSTRAINT "projects_description_check" CHECK (char_length("description") <= 5000),
  ADD CONSTRAINT "projects_github_url_check" CHECK (char_length("github_url") BETWEEN 1 AND 2048),
  ADD CONSTRAINT "projects_original_tech_stack_check" CHECK (jsonb_typeof("original_tech_stack") = 'object'),
  ADD CONSTRAINT "projects_target_tech_stack_check" CHECK (jsonb_typeof("target_tech_stack") = 'object'),
  ADD CONSTRAINT "projects_version_check" CHECK ("version" >= 1);

ALTER TABLE "project_files"
  ADD CONSTRAINT "project_files_path_check" CHECK (char_length("path") BETWEEN 1 AND 1024 AND "path" !~ '(^/|(^|/)\.\.?(/|$))'),
  ADD CONSTRAINT "project_files_size_bytes_check" CHECK ("size_bytes" >= 0);

ALTER TABLE "conversion_jobs"
  ADD CONSTRAINT "conversion_jobs_progress_check" CHECK ("progress" BETWEEN 0 AND 100),
  ADD CONSTRAINT "conversion_jobs_plan_check" CHECK (jsonb_typeof("plan") = 'object'),
  ADD CONSTRAINT "conversion_jobs_results_check" CHECK (jsonb_typeof("results") = 'array'),
  ADD CONSTRAINT "conversion_jobs_version_check" CHECK ("version" >= 1),
  -- A job has an end exactly when its status is one that ends it.
  ADD CONSTRAINT "conversion_jobs_completed_at_check"
    CHECK (("status" IN ('COMPLETED', 'FAILED', 'CANCELLED')) = ("completed_at" IS NOT NULL)),
  ADD CONSTRAINT "conversion_jobs_started_at_check"
    CHECK ("status" NOT IN ('RUNNING', 'PAUSED', 'COMPLETED') OR "started_at" IS NOT NULL);

-- Paths are compared byte by byte, so that a page of them means the same under every locale.
ALTER TABLE "project_files" ALTER COLUMN "path" TYPE text COLLATE "C";

-- Substring search without regard to case, over names and addresses.
CREATE INDEX "projects_name_trigram_idx" ON "projects" USING gin ("name" gin_trgm_ops);
CREATE INDEX "projects_github_url_trigram_idx" ON "projects" USING gin ("github_url" gin_trgm_ops);

-- The unfinished jobs are few among many: their list has an index of its own.
CREATE INDEX "conversion_jobs_active_idx" ON "conversion_jobs" ("created_at", "id")
  WHERE "status" IN ('PENDING', 'RUNNING', 'PAUSED');

-- Clean-up asks for finished jobs, oldest end first.
CREATE INDEX "conversion_jobs_completed_at_idx" ON "conversion_jobs" ("completed_at", "id")
  WHERE "completed_at" IS NOT NULL;

-- Every change of a row moves updated_at and version, whoever makes it: the service, psql or
-- another program. So no writer can forget it, and none can set them to something else.
CREATE FUNCTION touch_row() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW."updated_at" := now();
  RETURN NEW;
END
$$;

CREATE FUNCTION touch_versioned_row() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW."updated_at" := now();
  NEW."version" := OLD."version" + 1;
  RETURN NEW;
END
$$;

CREATE TRIGGER "users_touch" BEFORE UPDATE ON "users"
  FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER "github_credentials_touch" BEFORE UPDATE ON "github_credentials"
  FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER "projects_touch" BEFORE UPDATE ON "projects"
  FOR EACH ROW EXECUTE FUNCTION touch_versioned_row();
CREATE TRIGGER "conversion_jobs_touch" BEFORE UPDATE ON "conversion_jobs"
  FOR EACH ROW EXECUTE FUNCTION touch_versioned_row();
