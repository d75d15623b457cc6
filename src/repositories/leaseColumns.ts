/** Contains each of the lease's columns once, for SET. */
export const NO_LEASE = `"worker_id" = NULL, "worker_user_id" = NULL, "lease_seconds" = NULL, "lease_expires_at" = NULL`;

/**
 * A report renews the lease, for SET. Not from `now()`, when the transaction began: one that waited for another
 * report would take back what that one has renewed.
 */
export const RENEWED_LEASE = `"lease_expires_at" = clock_timestamp() + make_interval(secs => "job"."lease_seconds")`;
