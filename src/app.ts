import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { authenticationOf, ensureLocalUser, localTokenOf } from "./auth/configured.ts";
import { createAuthenticator, type Identify, identityOf } from "./auth/identity.ts";
import { createTokenVerifier } from "./auth/jwt.ts";
import { createKeyUses } from "./auth/keyUses.ts";
import { createRefusals } from "./auth/refusals.ts";
import type { Viewer } from "./auth/viewer.ts";
import { createRedisConnection } from "./cache/connection.ts";
import { createCacheManager } from "./cache/manager.ts";
import { createCoherence } from "./coherence/coherence.ts";
import type { Config } from "./config.ts";
import { createCancellation } from "./database/cancellation.ts";
import { createDatabase, type WriteTransaction } from "./database/database.ts";
import { startEmbeddedDatabase } from "./database/embedded.ts";
import { createTokenCipher } from "./database/encryption.ts";
import { withDatabaseErrors } from "./database/errors.ts";
import { createGroupCommit } from "./database/groupCommit.ts";
import { listenUntilAborted } from "./database/listener.ts";
import { createMaintenance } from "./database/maintenance/maintenance.ts";
import { createScheduledMaintenance } from "./database/maintenance/schedule.ts";
import { applyMigrations } from "./database/migrations.ts";
import { createPoolReport } from "./database/poolReport.ts";
import { createReplica, createReplicaRouting, warnOfLoss } from "./database/replica.ts";
import { retryUntilAnswered } from "./database/startup.ts";
import { createFeeds } from "./jobs/feeds.ts";
import { createJobs } from "./jobs/index.ts";
import { startTracing, type Tracing } from "./observation/tracing.ts";
import { createAudit } from "./repositories/auditEntry.ts";
import { createIdempotency } from "./repositories/idempotency.ts";
import { createRepositories } from "./repositories/index.ts";
import { prunableRows } from "./repositories/pruning.ts";
import type { SystemReports } from "./schema/system.ts";
import { createCacheInvalidation } from "./server/cacheInvalidation.ts";
import { createCacheReport } from "./server/cacheReport.ts";
import { createClientAddress } from "./server/clientAddress.ts";
import { loadDocuments } from "./server/documents.ts";
import { createHealth } from "./server/health.ts";
import { createHttpServer } from "./server/http.ts";
import { createHttpStatistics } from "./server/httpStatistics.ts";
import { createInternalOperation } from "./server/internalOperation.ts";
import { createMonitoring } from "./server/monitoring.ts";
import { createOperationStatistics } from "./server/operationStatistics.ts";
import { processStatistics } from "./server/processStatistics.ts";
import { createRateLimiter } from "./server/rateLimiter.ts";
import { createReplay } from "./server/replay.ts";
import { createSampler } from "./server/sampler.ts";
import { createStreams } from "./server/streams.ts";
import { createRedisBucket } from "./server/tokenBucket.ts";
import { createWarming } from "./server/warming.ts";
import { createGraphqlServer } from "./server/yoga.ts";

export type App = Awaited<ReturnType<typeof createApp>>;

/** For programs that embed the service. */
export interface AppOverrides {
  /**
   * Identifies a request's sender by its `Authorization` header, null without one. It resolves to null for an
   * anonymous sender. Replaces the authentication that is configured.
   */
  readonly identify?: (authorization: string | null) => Promise<Viewer | null>;
  /** The text of `/metrics`, where this process is one of several behind one scrape target: the figures of all. */
  readonly metricsOfAll?: () => Promise<string>;
  /** A tracer that runs already. Replaces the configured one, and is closed with the service. */
  readonly tracing?: Tracing;
}

/**
 * Puts the service together, bottom to top: database, repositories, GraphQL, HTTP. Nothing listens until
 * `listen`. `close` closes what was opened here, in reverse order, and so does a failure before it is thrown.
 *
 * @throws ConfigError when nothing authenticates users, unless the database is embedded outside of production
 * @throws MigrationError when the database's migration history and ours disagree
 * @throws AppError `SERVICE_UNAVAILABLE` when the database does not answer within DB_STARTUP_TIMEOUT, and any
 *   other error that keeps it from being reached
 */
export async function createApp(config: Config, log: Logger, overrides: AppOverrides = {}) {
  const releasers: (() => Promise<unknown>)[] = [];
  try {
    return await compose(config, log, releasers, overrides);
  } catch (error) {
    await release(releasers, log);
    throw error;
  }
}

async function compose(
  config: Config,
  log: Logger,
  releasers: (() => Promise<unknown>)[],
  overrides: AppOverrides,
) {
  const tracing = overrides.tracing ?? (config.tracing && (await startTracing(config.tracing)));
  if (tracing) releasers.push(() => tracing.close());
  // First, so that a mistake in them is reported before a database is started.
  const auth = overrides.identify ? undefined : await authenticationOf(config);
  const documents = await loadDocuments(config.trustedDocuments);
  const embedded = config.database.url
    ? undefined
    : await startEmbeddedDatabase({ dataDirectory: config.database.dataDirectory, log });
  if (embedded) releasers.push(() => embedded.stop());
  const connectionString = config.database.url ?? embedded!.connectionString;

  await retryUntilAnswered(
    () => applyMigrations({ connectionString, log, connectTimeoutMs: config.database.connectionTimeoutMs }),
    { timeoutMs: embedded ? 0 : config.database.startupTimeoutMs, log },
  );

  // The embedded database runs one statement at a time, to its end, so it cannot cancel any.
  const cancellation = embedded ? undefined : createCancellation();
  const routing = config.database.replicaUrls.length === 0 ? undefined : createReplicaRouting();
  const database = createDatabase(config.database, connectionString, log, {
    cancellation,
    tracing,
    replicas: routing,
  });
  releasers.push(() => database.close());
  const replicas =
    routing &&
    config.database.replicaUrls.map((url) => createReplica({ url, config: config.database, routing, log }));
  for (const replica of replicas ?? []) releasers.push(() => replica.close());
  if (replicas) void warnOfLoss(database.query, log);

  const redis = config.redis && createRedisConnection(config.redis, log);
  if (redis) releasers.push(() => redis.close());
  const cache = redis && createCacheManager({ connection: redis, namespace: CACHE_NAMESPACE, log });

  const coherence = createCoherence<WriteTransaction>({
    connectionString,
    redis,
    namespace: COHERENCE_NAMESPACE,
    transaction: database.prismaTransaction,
    isEnabled: config.cache.isEnabled,
    maxBytes: config.cache.maxBytes,
    isFreezing: config.environment !== "production",
    replicas,
    log,
  });
  releasers.push(() => coherence.close());
  coherence.start({
    listen: embedded
      ? undefined
      : (options, signal) => listenUntilAborted({ connectionString, ...options }, signal),
  });

  const idempotency = createIdempotency();
  const audit = createAudit();
  const writeAlone = withDatabaseErrors(coherence.writeThrough(database.statementTransaction));
  const repositories = createRepositories(
    {
      ...database.reading,
      // `coherence.write` itself queries PostgreSQL; its failures mean the same to a client. `audited` is
      // outermost: a repeated call does nothing, so it is not logged again either.
      write: audit.audited(idempotency.keyed(withDatabaseErrors(coherence.write))),
      writeStatements: audit.audited(idempotency.keyed(createGroupCommit(writeAlone))),
      isRepeatable: idempotency.isRepeatable,
    },
    { cipher: config.encryptionKey === undefined ? undefined : createTokenCipher(config.encryptionKey) },
  );
  const jobs = createJobs({
    repositories,
    notifications: embedded ? undefined : { connectionString },
    auditRetentionDays: config.auditRetentionDays,
    log,
  });
  releasers.push(() => jobs.close());
  const maintenance = createMaintenance({
    connectionString,
    isEmbedded: embedded !== undefined,
    isReindexEnabled: config.maintenance.isReindexEnabled,
    pruning: prunableRows(repositories, {
      auditDays: config.auditRetentionDays,
      progressDays: config.maintenance.progressRetentionDays,
      warmCount: config.cache.warmCount,
    }),
  });
  const scheduledMaintenance = createScheduledMaintenance({
    schedule: config.maintenance.schedule,
    maintenance,
    auditEntries: repositories.auditEntries,
    log,
  });
  releasers.push(() => scheduledMaintenance.close());
  const feeds = createFeeds(repositories, coherence.store);
  const keyUses = createKeyUses({ apiKeys: repositories.apiKeys, log });
  releasers.push(() => keyUses.close());
  const refusals = createRefusals({ record: repositories.auditEntries.record, log });
  releasers.push(() => refusals.close());
  const localToken =
    embedded && auth?.isLocal ? await localTokenOf(await ensureLocalUser(repositories), auth) : undefined;
  const identify: Identify = overrides.identify
    ? async (authorization) => identityOf(await overrides.identify!(authorization))
    : createAuthenticator({
        verify: createTokenVerifier(auth!),
        repositories,
        store: coherence.store,
        ttlMs: config.cache.ttlMs,
        onKeyUse: keyUses.note,
      });

  const health = createHealth({ database, repositories, cache, store: coherence.store });
  const isCacheExplained = config.environment === "development";
  const run = createInternalOperation((request, context) => graphql.fetch(request, context));
  const sampler = createSampler({
    rate: config.cache.sampleRate,
    store: coherence.store,
    run,
    invalidate: coherence.invalidate,
    log,
  });
  releasers.push(() => sampler.close());
  const rateLimiter = createRateLimiter({
    limits: config.rateLimit,
    shared: redis && createRedisBucket(redis, CACHE_NAMESPACE),
  });
  const clients = createClientAddress(config.http.trustedProxies);
  const replay = createReplay({
    rateLimiter,
    documents,
    clients,
    store: coherence.store,
    maxBytes: Math.ceil(config.cache.maxBytes / 8),
    isExplained: isCacheExplained,
    sampler,
    onKeyUse: keyUses.note,
  });
  const warming = createWarming({
    count: config.cache.warmCount,
    file: config.cache.warmFile,
    run,
    requests: replay,
    documents,
    remembered: repositories.warmOperations,
    untilServing: coherence.untilServing,
    log,
  });
  releasers.push(() => warming.close());
  const report = createCacheReport({
    coherence,
    ttlMs: config.cache.ttlMs,
    replay,
    sampler,
    manager: cache,
  });

  const pool = createPoolReport(database);
  const operationStatistics = createOperationStatistics();
  const httpStatistics = createHttpStatistics();
  const subscriptions = () => ({ open: streams.count(), max: streams.max });

  const system: SystemReports = {
    health: health.read,
    cacheStatistics: report.read,
    cache: {
      invalidate: createCacheInvalidation({ invalidate: coherence.invalidate, manager: cache }),
      warm: warming.run,
      resetStatistics: report.reset,
    },
    // Its writes are not part of a mutation's answer, so no idempotency key covers them.
    performMaintenance: (run) => idempotency.outside(() => maintenance.perform(run)),
    statistics: () => ({
      pool,
      process: processStatistics(),
      subscriptions: subscriptions(),
    }),
  };

  const streams = createStreams({
    max: config.http.maxSubscriptions,
    maxPerViewer: config.http.maxSubscriptionsPerViewer,
  });
  releasers.push(() => streams.close());

  const graphql = createGraphqlServer(
    {
      repositories,
      jobs,
      idempotency,
      audit,
      feeds,
      store: coherence.store,
      ttlMs: config.cache.ttlMs,
      system,
      log,
      cancellation,
      tracing,
      identify,
      refusals,
    },
    {
      streams,
      localToken,
      isGraphiqlEnabled: config.http.isGraphiqlEnabled,
      isIntrospectionEnabled: config.http.isIntrospectionEnabled,
      limits: config.limits,
      corsOrigins: config.http.corsOrigins,
      rateLimiter,
      documents,
      isCacheExplained,
      sampler,
      statistics: operationStatistics,
      tracing,
    },
  );
  const { metrics, probes, metricsServer } = createMonitoring({
    http: httpStatistics,
    replay,
    direct: graphql.direct,
    operations: operationStatistics,
    subscriptions,
    rateLimiter,
    database,
    cacheStatistics: report.read,
    redis,
    jobFigures: repositories.jobFigures.byStatus,
    health,
    settings: config.metrics,
    metricsOfAll: overrides.metricsOfAll,
    identify,
    log,
  });
  releasers.push(() => metricsServer.close());
  const http = createHttpServer({
    graphql,
    replay,
    probes,
    statistics: httpStatistics,
    tracing,
    limits: config.http,
    clients,
    log,
  });
  releasers.push(() => http.close(config.http.shutdownTimeoutMs));
  // Runs before `http.close` waits for requests: some of them wait for jobs.
  releasers.push(async () => jobs.stopWaiting());
  // Load balancers poll the readiness probe. Until they have seen it fail, requests are still answered.
  releasers.push(async () => {
    if (hasSuccessor) return http.handOver();
    probes.drain();
    http.retire();
    // Without a delay, the port is closed in this turn of the event loop.
    if (http.isListening() && config.http.shutdownDelayMs > 0) await sleep(config.http.shutdownDelayMs);
  });
  warming.start();

  let hasSuccessor = false;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= release(releasers, log);
    return closing;
  };
  return {
    repositories,
    jobs,
    database,
    /** For callers that change rows through the repositories on an administrator's behalf. */
    audit,
    maintenance,
    /** For other data that the platform keeps in Redis; undefined without REDIS_URL. */
    cache,
    /** Resolves when the embedded database ends, expected or not; undefined without one. */
    embeddedExited: embedded?.exited,
    embeddedPid: embedded?.pid,
    /** The local administrator's token, if the database is embedded and no authentication is configured. */
    localToken,
    /** Answers a request without a socket: for tests, and for embedding in another server. */
    fetch: (input: string | URL | Request, init?: RequestInit) =>
      graphql.fetch(new Request(input, init), { exchange: { requestId: randomUUID() } }),
    listen: async (port = config.http.port, host = config.http.host) => {
      const metricsPort = await metricsServer.listen();
      jobs.start();
      scheduledMaintenance.start();
      return { ...(await http.listen(port, host)), metricsPort };
    },
    /** Ends expired leases in time. `listen` starts this too; call it if requests come by `fetch` alone. */
    startUpkeep: jobs.start,
    /** The metrics of this process. */
    metricFamilies: metrics.families,
    /** Stops taking requests, lets running ones finish, closes what was opened. Repeated calls share one promise. */
    close,
    /** Like `close`, where a successor has the port: readiness stays up, and connections are handed over. */
    closeForSuccessor: (): Promise<void> => {
      hasSuccessor = closing === undefined;
      return close();
    },
  };
}

/** Closes in reverse order of opening. One that fails is logged and does not keep the others open. */
async function release(releasers: (() => Promise<unknown>)[], log: Logger): Promise<void> {
  for (const releaser of releasers.splice(0).reverse()) {
    await releaser().catch((error: unknown) => log.warn({ err: error }, "something did not close cleanly"));
  }
}

/** Prefix of every key of the cache manager and of the shared rate-limit buckets. */
const CACHE_NAMESPACE = "stack-converter";
/** Prefix of every key of the version table and of the answers that it validates. */
const COHERENCE_NAMESPACE = "stack-converter-coherence";
