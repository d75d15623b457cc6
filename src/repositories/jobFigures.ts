import type { Query } from "../database/database.ts";
import type { ConversionJobStatus } from "../database/generated/client.ts";

export interface JobFigures {
  readonly status: ConversionJobStatus;
  readonly count: number;
  /** How long ago the oldest of these jobs was created. */
  readonly oldestSeconds: number;
}

/** How many jobs there are in each status, for monitoring. Reads only an index, which is ordered by age. */
export function createJobFiguresRepository({ query }: { query: Query }) {
  return {
    byStatus: (): Promise<JobFigures[]> =>
      query<JobFigures>(
        `SELECT "status", count(*)::float8 AS "count", extract(epoch FROM now() - min("created_at"))::float8 AS "oldestSeconds"
           FROM "conversion_jobs" GROUP BY "status" ORDER BY "status"`,
      ),
  };
}
