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

/** The context of one request, which every resolver gets. Resolvers use nothing global. */
export interface Context {
  readonly viewer: Viewer | null;
  /**
   * Which rows the viewer can see and change (src/schema/rules.ts). The loaders already apply it; lists and
   * writes take it as an argument.
   */
  readonly access: Access;
  readonly repositories: Repositories;
  readonly jobs: Jobs;
  readonly feeds: Feeds;
  readonly loaders: Loaders;
  /** Collects the tags of everything that this request has read. */
  readonly dependencies: Dependencies;
  readonly system: SystemReports;
  readonly requestId: string;
  /** The network address that the request came from; null when it is not known. */
  readonly address: string | null;
  /** Writes administrative actions into the audit log. */
  readonly audit: Pick<Audit, "run">;
  /** Makes mutations that carry an idempotency key repeatable. */
  readonly idempotency: Pick<Idempotency, "run">;
  /** The header `Idempotency-Key`; null when it was not sent. */
  readonly idempotencyKey: string | null;
  /** Aborts when the client has disconnected. */
  readonly signal: () => AbortSignal;
  /** The header `Last-Event-ID`: a browser that reconnects sends the id of the last message that it got. */
  readonly lastEventId: string | null;
}
