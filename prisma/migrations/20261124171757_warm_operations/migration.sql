-- What is asked for most, to be read into the caches at the next start. No trigger and no tag:
-- no answer depends on it.

-- CreateTable
CREATE TABLE "warm_operations" (
    "digest" TEXT NOT NULL,
    "query" TEXT NOT NULL,
    "variables" TEXT,
    "operation_name" TEXT,
    "user_id" UUID,
    "role" "user_role",
    "requests" DOUBLE PRECISION NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "warm_operations_pkey" PRIMARY KEY ("digest")
);

-- The service asks for much less; this bounds what it reads at its start, whoever wrote it.
ALTER TABLE "warm_operations"
  ADD CONSTRAINT "warm_operations_query_check" CHECK (octet_length("query") <= 65536),
  ADD CONSTRAINT "warm_operations_variables_check" CHECK (octet_length("variables") <= 65536),
  ADD CONSTRAINT "warm_operations_operation_name_check" CHECK (octet_length("operation_name") <= 65536);
