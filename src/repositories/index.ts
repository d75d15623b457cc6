import type { DataAccess } from "../database/database.ts";
import type { TokenCipher } from "../database/encryption.ts";
import { createApiKeyRepository } from "./apiKey.ts";
import { createAuditEntryRepository } from "./auditEntry.ts";
import { createComposedAnswers } from "./composedAnswer.ts";
import { createConversionJobRepository } from "./conversionJob.ts";
import { createIdempotencyKeyRepository } from "./idempotency.ts";
import { createJobControlRepository } from "./jobControl.ts";
import { createJobEventRepository } from "./jobEvent.ts";
import { createJobFiguresRepository } from "./jobFigures.ts";
import { createJobLeaseRepository } from "./jobLease.ts";
import { createJobResultRepository } from "./jobResult.ts";
import { createProjectRepository } from "./project.ts";
import { createProjectActivityRepository } from "./projectActivity.ts";
import { createProjectFileRepository } from "./projectFile.ts";
import { createUserRepository } from "./user.ts";
import { createWarmOperationRepository } from "./warmOperation.ts";

export type Repositories = ReturnType<typeof createRepositories>;

export interface ComponentHealth {
  readonly name: string;
  readonly isHealthy: boolean;
  readonly latencyMs: number;
  /** Why the component is not healthy, in words that reveal nothing internal. */
  readonly message: string | null;
}

/** The only place with SQL: everything that is read from or written to the entities' tables. */
export function createRepositories(access: DataAccess, options: { cipher?: TokenCipher | undefined } = {}) {
  const users = createUserRepository(access, options.cipher);
  const apiKeys = createApiKeyRepository(access);
  const auditEntries = createAuditEntryRepository(access);
  const projects = createProjectRepository(access);
  const projectActivity = createProjectActivityRepository(access);
  const projectFiles = createProjectFileRepository(access);
  const conversionJobs = createConversionJobRepository(access);
  const jobEvents = createJobEventRepository(access);
  const jobFigures = createJobFiguresRepository(access);
  const jobLeases = createJobLeaseRepository(access);
  const jobResults = createJobResultRepository(access);
  const jobControl = createJobControlRepository(access);
  const composedAnswers = createComposedAnswers(access, {
    User: users.source,
    Project: projects.source,
    ConversionJob: conversionJobs.source,
  });
  const warmOperations = createWarmOperationRepository(access);
  const idempotencyKeys = createIdempotencyKeyRepository(access);

  /** Reads one row through each repository, which shows that its table exists and can be read. */
  function healthCheck(): Promise<ComponentHealth[]> {
    return Promise.all([
      checkHealth("users", () => users.findMany({ first: 1 })),
      checkHealth("projects", () => projects.findMany({}, { first: 1 })),
      checkHealth("conversionJobs", () => conversionJobs.findMany({}, { first: 1 })),
    ]);
  }

  return {
    users,
    apiKeys,
    auditEntries,
    projects,
    projectActivity,
    projectFiles,
    conversionJobs,
    jobEvents,
    jobFigures,
    jobLeases,
    jobResults,
    jobControl,
    composedAnswers,
    warmOperations,
    idempotencyKeys,
    healthCheck,
  };
}

/**
 * The state that the last read from the replica found. Reads discover failures by themselves, so nothing here
 * waits for a replica.
 */
export function replicaHealth(
  { isDown, lagBytes = 0 }: { readonly isDown: boolean; readonly lagBytes?: number | undefined },
  index: number,
): ComponentHealth {
  const lag = lagBytes > 0 ? `is ${lagBytes} bytes behind` : null;
  return {
    name: `replica ${index + 1}`,
    isHealthy: !isDown,
    latencyMs: 0,
    message: isDown ? "does not answer" : lag,
  };
}

/** Times one probe. Never throws: a failed probe is an answer too. */
export async function checkHealth(
  name: string,
  probe: () => Promise<unknown>,
  failure = "does not answer",
): Promise<ComponentHealth> {
  const startedAt = performance.now();
  const latencyMs = () => Math.round((performance.now() - startedAt) * 1_000) / 1_000;
  try {
    await probe();
    return { name, isHealthy: true, latencyMs: latencyMs(), message: null };
  } catch {
    return { name, isHealthy: false, latencyMs: latencyMs(), message: failure };
  }
}
