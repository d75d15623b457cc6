-- Whose worker holds a job's lease: a worker may see and report on the jobs that its user holds, and
-- the name that it gives itself proves nothing.

-- AlterTable
ALTER TABLE "conversion_jobs" ADD COLUMN     "worker_user_id" UUID;

-- A holder without a lease is none. There may be a lease without one: from before this migration, and of programs
-- that have the service within them.
ALTER TABLE "conversion_jobs"
  ADD CONSTRAINT "conversion_jobs_worker_user_id_check" CHECK ("worker_user_id" IS NULL OR "worker_id" IS NOT NULL);

-- Only those that are held: few of all jobs.
CREATE INDEX "conversion_jobs_worker_user_id_idx" ON "conversion_jobs"("worker_user_id", "created_at", "id")
  WHERE "worker_user_id" IS NOT NULL;
