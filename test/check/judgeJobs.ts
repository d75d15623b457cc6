import type pg from "pg";

export interface JobFaults {
  /** Jobs that are not COMPLETED at the end, or COMPLETED without an event that says so. */
  readonly lost: number;
  /** Jobs with more than one completion in their events. */
  readonly doubled: number;
  /** Completions by a worker whose lease had ended, or with a fencing token that was not the last one. */
  readonly byLostLease: number;
  /** Jobs whose events are not numbered from 1 on without gaps, or whose claims skipped or reused a token. */
  readonly gaps: number;
  /** Projects that are not COMPLETED although all of their jobs are. */
  readonly wrongProjects: number;
}

export interface JobVerdict extends JobFaults {
  readonly finished: number;
  readonly leasesLost: number;
}

/** Judges the jobs only by their rows and their events. */
export async function judgeJobs(pool: pg.Pool): Promise<JobVerdict> {
  const { rows } = await pool.query<JobVerdict>(`
    WITH event AS (
      SELECT *, (data ->> 'fencingToken')::bigint AS token FROM conversion_job_events
    ), completion AS (
      SELECT * FROM event WHERE type = 'COMPLETED'
    ), numbering AS (
      SELECT job_id, count(*) AS total, max(sequence) AS last FROM event GROUP BY job_id
    ), claimed AS (
      SELECT job_id, array_agg(token ORDER BY sequence) AS tokens FROM event WHERE type = 'CLAIMED' GROUP BY job_id
    )
    SELECT
      (SELECT count(*)::int FROM conversion_jobs WHERE status = 'COMPLETED') AS finished,
      (SELECT count(*)::int FROM conversion_jobs AS job WHERE status <> 'COMPLETED'
          OR NOT EXISTS (SELECT FROM completion WHERE completion.job_id = job.id)) AS lost,
      (SELECT count(*)::int FROM (SELECT FROM completion GROUP BY job_id HAVING count(*) > 1) AS twice) AS doubled,
      (SELECT count(*)::int FROM completion JOIN conversion_jobs AS job ON job.id = completion.job_id
        WHERE completion.token <> job.fencing_token
           OR EXISTS (SELECT FROM event WHERE event.job_id = completion.job_id AND event.sequence < completion.sequence
                        AND (event.token > completion.token
                             OR (event.token = completion.token AND event.type IN ('EXPIRED', 'RELEASED'))))
           OR NOT EXISTS (SELECT FROM event WHERE event.job_id = completion.job_id AND event.type = 'CLAIMED'
                        AND event.token = completion.token AND event.data ->> 'workerId' = completion.data ->> 'workerId')
      ) AS "byLostLease",
      (SELECT count(*)::int FROM conversion_jobs AS job LEFT JOIN numbering ON numbering.job_id = job.id
              LEFT JOIN claimed ON claimed.job_id = job.id
        WHERE COALESCE(total, 0) <> event_sequence OR COALESCE(last, 0) <> event_sequence
           OR COALESCE(tokens, '{}') <> ARRAY(SELECT generate_series(1, fencing_token))) AS gaps,
      (SELECT count(*)::int FROM projects WHERE status <> 'COMPLETED'
          AND EXISTS (SELECT FROM conversion_jobs WHERE project_id = projects.id)
          AND NOT EXISTS (SELECT FROM conversion_jobs WHERE project_id = projects.id AND conversion_jobs.status <> 'COMPLETED')
      ) AS "wrongProjects",
      (SELECT count(*)::int FROM event WHERE type = 'EXPIRED') AS "leasesLost"`);
  return rows[0]!;
}
