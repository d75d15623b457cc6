/**
 * Specifies who may do what. All operations are about Ada's rows: her user, her project and its job.
 *
 * stranger  not authenticated
 * owner     Ada, a USER
 * other     Bob, another USER
 * holder    a WORKER that holds the job's lease
 * worker    a WORKER that holds the lease of a job of Bob's
 * admin     an ADMIN
 *
 * yes       the rows are in the answer, or the mutation is done
 * none      the answer is as if Ada's rows did not exist
 * a code    the operation fails with it: UNAUTHENTICATED is written "who?" and FORBIDDEN "no"
 *
 * scopes    what an administrator's API key needs, unless it has the scope `admin`; "-": no scope
 *
 * The test fails if a field of the schema is missing here, and if a field here is missing in the schema.
 */
export const ROOT_FIELDS = `
field                               stranger  owner  other      holder  worker      admin  scopes
Query.activeConversionJobs          who?      yes    none       yes     none        yes    projects:read
Query.apiKeys                       who?      no     no         no      no          yes    admin
Query.auditEntries                  who?      no     no         no      no          yes    admin
Query.cacheStatistics               who?      no     no         no      no          yes    admin
Query.conversionJob                 who?      yes    none       yes     none        yes    projects:read
Query.conversionJobs                who?      yes    none       yes     none        yes    projects:read
Query.conversionJobStatistics       who?      yes    none       no      no          yes    projects:read
Query.health                        yes       yes    yes        yes     yes         yes    -
Query.node                          who?      yes    none       yes     none        yes    projects:read
Query.nodes                         who?      yes    none       yes     none        yes    projects:read
Query.poolStatistics                who?      no     no         no      no          yes    admin
Query.project                       who?      yes    none       yes     none        yes    projects:read
Query.projects                      who?      yes    none       yes     none        yes    projects:read
Query.projectStatistics             who?      yes    none       no      no          yes    projects:read
Query.searchProjects                who?      yes    none       yes     none        yes    projects:read
Query.statistics                    who?      no     no         no      no          yes    admin
Query.user                          who?      yes    none       none    none        yes    users:read
Query.users                         who?      yes    none       none    none        yes    users:read
Query.userStatistics                who?      yes    yes        yes     yes         yes    users:read
Query.viewer                        none      yes    yes        yes     yes         yes    -
Mutation.addProjectFiles            who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.cancelConversionJob        who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.claimConversionJobs        who?      no     no         yes     yes         yes    jobs:work
Mutation.cleanUpConversionJobs      who?      no     no         no      no          yes    admin
Mutation.completeConversionJobs     who?      no     no         yes     LEASE_LOST  yes    jobs:work
Mutation.createApiKey               who?      no     no         no      no          yes    admin
Mutation.createConversionJob        who?      yes    CONFLICT   no      no          yes    projects:write
Mutation.deleteConversionJob        who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.deleteProject              who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.deleteUser                 who?      yes    NOT_FOUND  no      no          yes    users:write
Mutation.failConversionJobs         who?      no     no         yes     LEASE_LOST  yes    jobs:work
Mutation.importProject              who?      yes    no         no      no          yes    projects:write
Mutation.importProjects             who?      yes    no         no      no          yes    projects:write
Mutation.invalidateCache            who?      no     no         no      no          yes    admin
Mutation.pauseConversionJob         who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.performMaintenance         who?      no     no         no      no          yes    admin
Mutation.releaseConversionJobs      who?      no     no         yes     LEASE_LOST  yes    jobs:work
Mutation.reportProgress             who?      no     no         yes     LEASE_LOST  yes    jobs:work
Mutation.reportTaskResult           who?      no     no         yes     LEASE_LOST  yes    jobs:work
Mutation.reprioritizeConversionJob  who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.resetCacheStatistics       who?      no     no         no      no          yes    admin
Mutation.resumeConversionJob        who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.retryConversionJob         who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.revokeApiKey               who?      no     no         no      no          yes    admin
Mutation.setGithubToken             who?      yes    NOT_FOUND  no      no          yes    users:write
Mutation.setTargetTechStack         who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.updateConversionJob        who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.updateProject              who?      yes    NOT_FOUND  no      no          yes    projects:write
Mutation.updateUser                 who?      yes    NOT_FOUND  no      no          yes    users:write
Mutation.upsertUser                 who?      no     no         no      no          yes    users:write
Mutation.warmCache                  who?      no     no         no      no          yes    admin
Subscription.conversionJobEvents    who?      yes    NOT_FOUND  yes     NOT_FOUND   yes    projects:read
Subscription.projectActivity        who?      yes    NOT_FOUND  no      no          yes    projects:read
`;

/** The fields of all other types. Viewers who may see the parent may see them, except for EXCEPTIONS. */
export const FIELDS: Readonly<Record<string, string>> = {
  ApiKey: "createdAt expiresAt id lastUsedAt name prefix revokedAt scopes user",
  ApiKeyConnection: "edges nodes pageInfo totalCount",
  ApiKeyEdge: "cursor node",
  AuditEntry: "action actor actorId address count createdAt credential details id requestId target",
  AuditEntryConnection: "edges nodes pageInfo totalCount",
  AuditEntryEdge: "cursor node",
  CacheAdvice: "action advisedSeconds currentSeconds reason setting",
  CacheEpoch: "ageMs name state",
  CacheKind:
    "bypasses bytes entries errors evictions expirations fills hitRate invalidations joinedHits kind localHits misses rejectedFills sharedHits uncacheable",
  CacheLayer:
    "bypasses bytes entries errors evictions expirations fills hitRate invalidations joinedHits kinds layer localHits misses rejectedFills sharedHits uncacheable",
  CacheManagerPrefix:
    "bytesRead bytesWritten errors hitRate hits latencyP50Ms latencyP95Ms latencyP99Ms misses prefix writes",
  CacheManagerStatistics: "prefixes since total",
  CacheManagerTotal:
    "bytesRead bytesWritten errors hitRate hits latencyP50Ms latencyP95Ms latencyP99Ms misses writes",
  CacheRelay: "lagMaxMs lagP50Ms lagP99Ms lastReportAgeMs",
  CacheReplay: "bytes hits misses requests",
  CacheReplica: "errors isDown lagBytes lagMs name reads rejected share skipped",
  CacheStatistics:
    "advice bypasses bytes entries epochChanges errors evictions expirations fills hitRate invalidations joinedHits layers localHits manager misses rejectedFills relay relayedChanges replay replicas samples sharedHits since status uncacheable validations violations watchers",
  CacheStatus: "epoch isServing obstacle pendingTransactions",
  ClaimConversionJobsPayload: "claims",
  CleanUpConversionJobsPayload: "deletedCount thinnedEventCount",
  ComponentHealth: "latencyMs message name status",
  ConversionJob:
    "agentTypes attempt availableAt completedAt createdAt currentTask errorMessage events id lastEventSequence leaseExpiresAt maxAttempts plan priority progress project results startedAt status updatedAt version workerId",
  ConversionJobClaim: "conversionJob fencingToken leaseExpiresAt",
  ConversionJobConnection: "edges nodes pageInfo totalCount",
  ConversionJobEdge: "cursor node",
  ConversionJobError: "allowed code from message",
  ConversionJobEvent:
    "attempt createdAt currentTask jobId message priority progress sequence status taskId taskStatus type workerId",
  ConversionJobEventConnection: "edges nodes pageInfo totalCount",
  ConversionJobEventEdge: "cursor node",
  ConversionJobNews: "cursor events job",
  ConversionJobPayload: "conversionJob",
  ConversionJobResult: "conversionJob directive error id",
  ConversionJobResultsPayload: "results",
  ConversionJobStatistics: "averageDurationSeconds byStatus successRate total",
  ConversionJobStatusCount: "count status",
  ConversionPlan: "complexity feasible tasks warnings",
  ConversionTask:
    "agentType dependencies description estimatedDuration id inputFiles outputFiles priority status type",
  CreateApiKeyPayload: "apiKey secret",
  DeleteConversionJobPayload: "deletedId",
  DeleteProjectPayload: "deletedId",
  DeleteUserPayload: "deletedId",
  DatabaseErrorCount: "count sqlstateClass",
  Durations: "count meanMs p50Ms p95Ms p99Ms",
  FileChange: "kind path summary",
  Health: "components status",
  ImportProjectsPayload: "projects",
  IndexMaintenance: "action bytesAfter bytesBefore index problem reason seconds table",
  InvalidateCachePayload: "isComplete keys tags",
  PageInfo: "endCursor hasNextPage hasPreviousPage startCursor",
  PoolAdvice: "action kind reason subject",
  PoolStatistics:
    "acquireWait advice errors idle idleErrors max min peakInUse peakWaiting queryTime slowQueries slowQueryCount total waiting",
  PerformMaintenancePayload: "indexes isDryRun notes pruned reclaimedBytes seconds startedAt tables",
  ProcessStatistics: "cpuPercent heapUsedBytes nodeVersion residentMemoryBytes uptimeSeconds",
  Project:
    "conversionJobs createdAt description fileStructure githubUrl id name originalTechStack owner status targetTechStack updatedAt version",
  ProjectConnection: "edges nodes pageInfo totalCount",
  ProjectEdge: "cursor node",
  ProjectFile: "language path sizeBytes",
  ProjectFileConnection: "edges nodes pageInfo totalCount",
  ProjectFileEdge: "cursor node",
  ProjectNews: "cursor jobEvents project statusChanges",
  ProjectPayload: "project",
  ProjectStatistics: "byStatus total",
  ProjectStatusChange: "createdAt status",
  ProjectStatusCount: "count status",
  PrunedRows: "problem rows seconds table what",
  ReportTaskResultPayload: "conversionJob directive",
  ResetCacheStatisticsPayload: "figures",
  RevokeApiKeyPayload: "apiKey",
  ServiceStatistics: "pool process subscriptions",
  SlowQuery: "count id lastAt maxMs meanMs plan text",
  SubscriptionStatistics: "max open",
  TableMaintenance: "action bytesAfter bytesBefore deadRows problem reason seconds table",
  TaskResult: "attempt error fileChanges output status taskId",
  TechStack: "additional buildTool database deployment framework language packageManager runtime",
  User: "avatarUrl createdAt email githubId id projects role updatedAt username",
  UserConnection: "edges nodes pageInfo totalCount",
  UserEdge: "cursor node",
  UserPayload: "user",
  UserRoleCount: "count role",
  UserStatistics: "byRole total withProjects",
  WarmCachePayload: "failed notKept warmed",
};

/** Fields that these viewers may not see although they may see the parent ("no"). Administrators may. */
export const EXCEPTIONS: Readonly<Record<string, readonly ("owner" | "holder")[]>> = {
  "Health.components": ["owner", "holder"],
  "Project.owner": ["holder"],
};

/** The field needs one of these scopes of an administrator's API key, whichever scope gave it the parent. */
export const FIELD_SCOPES: Readonly<Record<string, readonly string[]>> = {
  "ConversionJob.events": ["projects:read", "jobs:work"],
  "ConversionJob.plan": ["projects:read", "jobs:work"],
  "ConversionJob.results": ["projects:read", "jobs:work"],
  "Health.components": ["admin"],
  "Project.conversionJobs": ["projects:read"],
  "Project.fileStructure": ["projects:read", "jobs:work"],
  "Project.owner": ["projects:read"],
  "User.email": ["users:read"],
  "User.projects": ["projects:read"],
};
