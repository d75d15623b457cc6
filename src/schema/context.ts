import type { Viewer } from "../auth/viewer.ts";
import type { Dependencies } from "../coherence/dependencies.ts";
import type { Feeds } from "../jobs/feeds.ts";
import type { Jobs } from "../jobs/index.ts";
import type { Loaders } from "../loaders.ts";
import type { Access } from "../repositories/access.ts";
import type { Audit } from "../repositories/auditEntry.ts";
import type { Idempotency } from "../repositories/idempotency.ts";
import type { Repositories } from "../repositories/index.ts";
import type { SystemReports } from "./system.ts";

/** What every resolver is given: the request's own, and nothing global. */
export interface Context {
  readonly viewer: Viewer | null;
  /** Which rows there are for the viewer (src/schema/rules.ts). The loaders know; lists and writes are told. */
  readonly access: Access;
  readonly repositories: Repositories;
  readonly jobs: Jobs;
  readonly feeds: Feeds;
  readonly loaders: Loaders;
  /** Of everything that this request has read. */
  readonly dependencies: Dependencies;
  readonly system: SystemReports;
  readonly requestId: string;
  /** Where the request came from; null: not known. */
  readonly address: string | null;
  /** Writes administrative actions into the log. */
  readonly audit: Pick<Audit, "run">;
  /** Makes mutations repeatable that name a key. */
  readonly idempotency: Pick<Idempotency, "run">;
  /** The header `Idempotency-Key`. */
  readonly idempotencyKey: string | null;
  /** Aborts when whoever asked has gone away. */
  readonly signal: () => AbortSignal;
  /** What a browser that lost a stream sends of itself: the id of the last message that it got. */
  readonly lastEventId: string | null;
}
