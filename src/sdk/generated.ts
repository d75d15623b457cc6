// Written by `npm run codegen` from schema.graphql and src/sdk/operations. Do not edit.
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A time in UTC with milliseconds, as RFC 3339 writes it: `2026-03-01T12:00:00.000Z`. */
  DateTime: { input: string; output: string; }
  /** A whole number from −(2⁵³ − 1) to 2⁵³ − 1: what a JSON number holds exactly. */
  SafeInt: { input: number; output: number; }
};

/** Some of a project's files. Files that are known already are overwritten. */
export type AddProjectFilesInput = {
  /** Up to 5000 files. */
  readonly files: ReadonlyArray<ProjectFileInput>;
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Whether these are the last: the project is READY then, and ANALYZING until then. */
  readonly isLast: Scalars['Boolean']['input'];
  /** The project's id. */
  readonly projectId: Scalars['ID']['input'];
};

/** What an API key may do of all that its user's role allows. */
export type ApiKeyScope =
  /** All of it. */
  | 'ADMIN'
  /** Claim conversion jobs and report on them. */
  | 'JOBS_WORK'
  /** Read projects, their files, jobs and activity. */
  | 'PROJECTS_READ'
  /** Change projects and their jobs. */
  | 'PROJECTS_WRITE'
  /** Read users. */
  | 'USERS_READ'
  /** Add and change users. */
  | 'USERS_WRITE';

/** What to do. */
export type CacheAdviceAction =
  /** Nothing: it is as it should be. */
  | 'KEEP'
  /** Give the cache more memory: `CACHE_MAX_BYTES`. */
  | 'MEMORY'
  /** Give it a longer time. */
  | 'RAISE';

/** Whose answers are kept. */
export type CacheControlScope =
  /** Those of viewers who have said who they are. */
  | 'PRIVATE'
  /** Everybody's. */
  | 'PUBLIC';

/** Where the epoch is in its life. */
export type CacheEpochState =
  /** Answers may be served from it. */
  | 'LIVE'
  /** It is about to begin. */
  | 'QUIESCING'
  /** It has ended. */
  | 'RETIRED'
  /** It has ended, and some may not have heard of it yet. */
  | 'RETIRING';

/** Figures that are counted together. */
export type CacheFigures =
  /** Those of all layers, and of the relay. */
  | 'ANSWERS'
  /** Those of the cache manager's keys in Redis. */
  | 'MANAGER'
  /** Those of replayed requests. */
  | 'REPLAY'
  /** `samples` and `violations`. */
  | 'SAMPLER';

/** A layer of the cache. */
export type CacheLayerName =
  /** Pages and totals of lists. */
  | 'COLLECTIONS'
  /** Rows. */
  | 'ENTITIES'
  /** Whole answers of queries. */
  | 'RESPONSES'
  /** Figures over rows. */
  | 'STATISTICS';

/** Why nothing is served from the cache. Answers come from the database meanwhile. */
export type CacheObstacle =
  /** No instance has reported changes by others than the service for a second. */
  | 'LAGGING'
  /** Redis or PostgreSQL was restarted or could not be reached; the cache is about to begin anew. */
  | 'LOST'
  /** PostgreSQL has not been heard of for a second. */
  | 'NO_LEASE'
  /** It is turned off (`CACHE_ENABLED`). */
  | 'OFF'
  /** It begins anew, and waits for transactions that began before to end. */
  | 'QUIESCING'
  /** Redis does not answer. */
  | 'UNREACHABLE';

/** Which job to call off. */
export type CancelConversionJobInput = {
  /** Only if the job still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Who asks for work, and for which. */
export type ClaimConversionJobsInput = {
  /** What the worker can do. It gets jobs whose plans ask for nothing else. */
  readonly agentTypes: ReadonlyArray<Scalars['String']['input']>;
  /** How many jobs at most: 1 to 100. */
  readonly count?: Scalars['Int']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 3,600: after so long without a report of progress the jobs are lost. */
  readonly leaseSeconds?: Scalars['Int']['input'];
  /** When there is nothing to do, wait for it so long: 0 to 30. */
  readonly waitSeconds?: Scalars['Float']['input'];
  /** The worker's own name, up to 200 characters. */
  readonly workerId: Scalars['String']['input'];
};

/** Which finished jobs to delete. */
export type CleanUpConversionJobsInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Those that ended more than this many days ago: 1 to 36,500. */
  readonly olderThanDays: Scalars['Int']['input'];
  /** Of progress events that are older than this many days, only the last of each minute is kept; other events all are. */
  readonly thinProgressOlderThanDays?: Scalars['Int']['input'];
};

/** Jobs that the worker has finished. */
export type CompleteConversionJobsInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 100 jobs, each once. One that cannot be changed does not keep the others. */
  readonly jobs: ReadonlyArray<HeldConversionJobInput>;
  /** The worker's own name, up to 200 characters: the one that it claims with. */
  readonly workerId: Scalars['String']['input'];
};

/** What can happen to a conversion job. */
export type ConversionJobEventType =
  /** Its worker failed, and another attempt follows. */
  | 'ATTEMPT_FAILED'
  /** Its owner called it off. */
  | 'CANCELLED'
  /** A worker took it. */
  | 'CLAIMED'
  /** It succeeded. */
  | 'COMPLETED'
  /** It was asked for. */
  | 'CREATED'
  /** Its worker was not heard of in time, and has lost it. */
  | 'EXPIRED'
  /** It failed for good. */
  | 'FAILED'
  /** Its owner stopped it. */
  | 'PAUSED'
  /** Its plan was replaced. */
  | 'PLAN_CHANGED'
  /** Its worker has come further, or begun another task. */
  | 'PROGRESS'
  /** Its worker gave it back unfinished. */
  | 'RELEASED'
  /** It got another priority. */
  | 'REPRIORITIZED'
  /** Its owner let it go on. */
  | 'RESUMED'
  /** Its owner asked for more attempts. */
  | 'RETRIED'
  /** Its worker has finished one of the plan's tasks. */
  | 'TASK_RESULT';

/** Why a job failed. */
export type ConversionJobFailureInput = {
  /** For people: 1 to 10,000 characters. */
  readonly errorMessage: Scalars['String']['input'];
  /** As its claim gave it. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Whether another attempt could succeed. */
  readonly isRetryable?: Scalars['Boolean']['input'];
};

/** The order of a list of conversion jobs. Those that are equal in it are sorted by id. */
export type ConversionJobOrder = {
  /** What to sort by. */
  readonly by: ConversionJobSortKey;
  /** Which end comes first. */
  readonly direction: SortDirection;
};

/** How far a job has come. Without either field it is a heartbeat. */
export type ConversionJobProgressInput = {
  /** What the worker is doing; null for nothing in particular. */
  readonly currentTask?: InputMaybe<Scalars['String']['input']>;
  /** As its claim gave it. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Percent, 0 to 100. Less than before within an attempt leaves it as it is. */
  readonly progress?: InputMaybe<Scalars['Int']['input']>;
};

/** What conversion jobs can be sorted by. */
export type ConversionJobSortKey =
  /** When they were asked for. */
  | 'CREATED_AT';

/** How far a conversion job has come. */
export type ConversionJobStatus =
  /** Somebody called it off. */
  | 'CANCELLED'
  /** It succeeded. */
  | 'COMPLETED'
  /** It failed; `errorMessage` says why. */
  | 'FAILED'
  /** It was begun and waits to be resumed, with its worker or without. */
  | 'PAUSED'
  /** It waits for a worker; after `availableAt` one may claim it. */
  | 'PENDING'
  /** A worker holds its lease and is at it. */
  | 'RUNNING';

/** How a project shall be converted. */
export type ConversionPlanInput = {
  /** How hard it is. */
  readonly complexity?: PlanComplexity;
  /** Whether the planner thinks that it can succeed. */
  readonly feasible?: Scalars['Boolean']['input'];
  /** 1 to 500 steps. */
  readonly tasks: ReadonlyArray<ConversionTaskInput>;
  /** What the planner is worried about; up to 100. */
  readonly warnings?: ReadonlyArray<Scalars['String']['input']>;
};

/** One step of a plan. */
export type ConversionTaskInput = {
  /** Which kind of worker takes it. */
  readonly agentType: Scalars['String']['input'];
  /** Ids of the tasks that must be finished first; they form no circle. */
  readonly dependencies?: ReadonlyArray<Scalars['String']['input']>;
  /** What is to be done, up to 5,000 characters. */
  readonly description: Scalars['String']['input'];
  /** Seconds that it is expected to take. */
  readonly estimatedDuration?: InputMaybe<Scalars['Int']['input']>;
  /** Unique in its plan, up to 100 characters. */
  readonly id: Scalars['String']['input'];
  /** Files that it reads. */
  readonly inputFiles?: ReadonlyArray<Scalars['String']['input']>;
  /** Files that it writes. */
  readonly outputFiles?: ReadonlyArray<Scalars['String']['input']>;
  /** −1,000 to 1,000; higher goes first. */
  readonly priority?: Scalars['Int']['input'];
  /** What kind of work it is, up to 100 characters. */
  readonly type: Scalars['String']['input'];
};

/** An API key to create. */
export type CreateApiKeyInput = {
  /** When it ends. Left out: when it is revoked. */
  readonly expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** What it is for, up to 100 characters. */
  readonly name: Scalars['String']['input'];
  /** What it may do of all that the user's role allows; at least one. */
  readonly scopes: ReadonlyArray<ApiKeyScope>;
  /** Whose requests its bearer's will be. */
  readonly userId: Scalars['ID']['input'];
};

/** A conversion to carry out. */
export type CreateConversionJobInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 100: after so many failures or lost leases the job has FAILED. */
  readonly maxAttempts?: Scalars['Int']['input'];
  /** How. */
  readonly plan: ConversionPlanInput;
  /** −1,000 to 1,000; higher is claimed first. */
  readonly priority?: Scalars['Int']['input'];
  /** What to convert. */
  readonly projectId: Scalars['ID']['input'];
};

/** Which job to delete. */
export type DeleteConversionJobInput = {
  /** Only if the job still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Which project to delete. */
export type DeleteProjectInput = {
  /** Only if the project still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The project's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Which user to delete. */
export type DeleteUserInput = {
  /** The user's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Jobs that the worker cannot finish. */
export type FailConversionJobsInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 100 jobs, each once. One that cannot be changed does not keep the others. */
  readonly jobs: ReadonlyArray<ConversionJobFailureInput>;
  /** The worker's own name, up to 200 characters: the one that it claims with. */
  readonly workerId: Scalars['String']['input'];
};

/** What a task did to one file. */
export type FileChangeInput = {
  /** What was done to it. */
  readonly kind: FileChangeKind;
  /** The file's path, up to 1,024 characters. */
  readonly path: Scalars['String']['input'];
  /** In a few words, up to 1,000 characters. */
  readonly summary?: InputMaybe<Scalars['String']['input']>;
};

/** What was done to a file. */
export type FileChangeKind =
  /** It is new. */
  | 'CREATED'
  /** It is gone. */
  | 'DELETED'
  /** Its content changed. */
  | 'MODIFIED';

/** Whether something can do its work. */
export type HealthStatus =
  /** It can. */
  | 'HEALTHY'
  /** It cannot. */
  | 'UNHEALTHY';

/** A job that the worker holds. */
export type HeldConversionJobInput = {
  /** As its claim gave it. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
};

/** A project to import. Its files follow with `addProjectFiles`. */
export type ImportProjectInput = {
  /** What it is, up to 5,000 characters. */
  readonly description?: InputMaybe<Scalars['String']['input']>;
  /** Where its source is: an https, http, ssh, git or file URL. */
  readonly githubUrl: Scalars['String']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Its name, up to 200 characters. */
  readonly name: Scalars['String']['input'];
  /** What it is built with. */
  readonly originalTechStack?: InputMaybe<TechStackInput>;
  /** Whose it is. Left out: the viewer's. Only administrators name somebody else. */
  readonly ownerId?: InputMaybe<Scalars['ID']['input']>;
  /** What it shall be built with. */
  readonly targetTechStack?: InputMaybe<TechStackInput>;
};

/** Projects to import at once: all or, when one is not valid, none. */
export type ImportProjectsInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 1000 projects. */
  readonly projects: ReadonlyArray<ImportProjectInput>;
};

/** What can be done to an index. */
export type IndexMaintenanceAction =
  /** Remove what a rebuilding that broke off has left. */
  | 'DROP'
  /** Build it anew, beside its readers and writers. */
  | 'REINDEX';

/** What is to be read anew: tags, a pattern, or both. */
export type InvalidateCacheInput = {
  /** Taken as by every mutation. This one can be sent again without it: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Keys of the cache manager's in Redis, as a glob: `*` `?` `[a-c]`, and `\` before what stands for itself. */
  readonly pattern?: InputMaybe<Scalars['String']['input']>;
  /** What answers depend on, up to 1000: `Project:<id>`, `Project@userId=<id>`, `Project#` (any list or figure), `Project!` (all of it). Whatever was kept with one of them is void, in all instances. */
  readonly tags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

/** Which job to pause. */
export type PauseConversionJobInput = {
  /** Only if the job still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** How to maintain the database. */
export type PerformMaintenanceInput = {
  /** Taken as by every mutation. This one can be sent again without it: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Change nothing, and say what would be done. */
  readonly isDryRun?: InputMaybe<Scalars['Boolean']['input']>;
  /** Every table, not only those that need it. */
  readonly isFullPass?: InputMaybe<Scalars['Boolean']['input']>;
};

/** How hard a conversion is, in the planner's opinion. */
export type PlanComplexity =
  /** Much of it has to be designed anew. */
  | 'HIGH'
  /** Mostly mechanical. */
  | 'LOW'
  /** Some parts want thought. */
  | 'MEDIUM';

/** What an advice is about. */
export type PoolAdviceKind =
  /** A large table is read from end to end. */
  | 'ADD_INDEX'
  /** Others hold connections without use. */
  | 'CLOSE_UNUSED'
  /** A transaction is open for too long. */
  | 'END_TRANSACTION'
  /** This instance may open more than it needs. */
  | 'LOWER_MAX'
  /** More are kept open than are ever at work. */
  | 'LOWER_MIN'
  /** There are too few connections. */
  | 'RAISE_MAX';

/** One file of a project. */
export type ProjectFileInput = {
  /** The language it is written in. */
  readonly language?: InputMaybe<Scalars['String']['input']>;
  /** Its path from the project's root, with forward slashes. */
  readonly path: Scalars['String']['input'];
  /** Its size in bytes. */
  readonly sizeBytes: Scalars['SafeInt']['input'];
};

/** The order of a list of projects. Those that are equal in it are sorted by id. */
export type ProjectOrder = {
  /** What to sort by. */
  readonly by: ProjectSortKey;
  /** Which end comes first. */
  readonly direction: SortDirection;
};

/** What projects can be sorted by. */
export type ProjectSortKey =
  /** When they were imported. */
  | 'CREATED_AT'
  /** When they last changed. */
  | 'UPDATED_AT';

/** How far a project has come. */
export type ProjectStatus =
  /** Its files are being listed and looked at. */
  | 'ANALYZING'
  /** It was converted. */
  | 'COMPLETED'
  /** A conversion job is at work on it. */
  | 'CONVERTING'
  /** Its import or its last conversion failed. */
  | 'FAILED'
  /** It is known; its files are not. */
  | 'IMPORTED'
  /** It can be converted. */
  | 'READY';

/** Jobs that the worker gives back. */
export type ReleaseConversionJobsInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 100 jobs, each once. One that cannot be changed does not keep the others. */
  readonly jobs: ReadonlyArray<HeldConversionJobInput>;
  /** The worker's own name, up to 200 characters: the one that it claims with. */
  readonly workerId: Scalars['String']['input'];
};

/** Progress of jobs that the worker holds. Renews their leases. */
export type ReportProgressInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 100 jobs, each once. One that cannot be changed does not keep the others. */
  readonly jobs: ReadonlyArray<ConversionJobProgressInput>;
  /** The worker's own name, up to 200 characters: the one that it claims with. */
  readonly workerId: Scalars['String']['input'];
};

/** What came of one task of a job's plan. Renews the job's lease. */
export type ReportTaskResultInput = {
  /** Why it failed, up to 10,000 characters. */
  readonly error?: InputMaybe<Scalars['String']['input']>;
  /** As its claim gave it. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** Which files it changed, up to 5,000. */
  readonly fileChanges?: ReadonlyArray<FileChangeInput>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** What there is to report, up to 100,000 characters. */
  readonly output?: InputMaybe<Scalars['String']['input']>;
  /** COMPLETED, FAILED or SKIPPED. */
  readonly status: TaskStatus;
  /** The task's id in the plan. */
  readonly taskId: Scalars['String']['input'];
  /** The worker's own name, up to 200 characters: the one that it claims with. */
  readonly workerId: Scalars['String']['input'];
};

/** When a job's turn comes. */
export type ReprioritizeConversionJobInput = {
  /** Only if the job still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** −1,000 to 1,000; higher is claimed first. */
  readonly priority: Scalars['Int']['input'];
};

/** Which figures to count anew. */
export type ResetCacheStatisticsInput = {
  /** Which; left out: all. */
  readonly figures?: InputMaybe<ReadonlyArray<CacheFigures>>;
  /** Taken as by every mutation. This one can be sent again without it: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Which job to let go on. */
export type ResumeConversionJobInput = {
  /** Only if the job still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Which failed job to try again. */
export type RetryConversionJobInput = {
  /** How many more attempts it may have: 1 to 100. */
  readonly attempts?: Scalars['Int']['input'];
  /** Only if the job still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Which API key to revoke. */
export type RevokeApiKeyInput = {
  /** The key's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** A user's GitHub access token. */
export type SetGithubTokenInput = {
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The token, up to 1,024 characters; null forgets the one that is kept. */
  readonly token?: InputMaybe<Scalars['String']['input']>;
  /** The user's id. */
  readonly userId: Scalars['ID']['input'];
};

/** What a project shall be converted to. */
export type SetTargetTechStackInput = {
  /** Only if the project still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The project's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The target, as a whole. */
  readonly targetTechStack: TechStackInput;
};

/** Which end comes first. */
export type SortDirection =
  /** The smallest or oldest first. */
  | 'ASC'
  /** The largest or newest first. */
  | 'DESC';

/** What can be done to a table. */
export type TableMaintenanceAction =
  /** Take the planner's figures. */
  | 'ANALYZE'
  /** Make room of dead rows, and take the planner's figures. */
  | 'VACUUM'
  /** The same, and free it of old transaction ids. */
  | 'VACUUM_FREEZE';

/** How far one task of a plan has come. */
export type TaskStatus =
  /** It succeeded. */
  | 'COMPLETED'
  /** It failed; the result's `error` says why. */
  | 'FAILED'
  /** It waits for its turn. */
  | 'PENDING'
  /** A worker is at it. */
  | 'RUNNING'
  /** It was not needed, or what it depends on failed. */
  | 'SKIPPED';

/** What a project is built with, or shall be. Each text has up to 100 characters. */
export type TechStackInput = {
  /** Whatever fits nowhere else, most relevant first; up to 50. */
  readonly additional?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** What builds it. */
  readonly buildTool?: InputMaybe<Scalars['String']['input']>;
  /** The main database. */
  readonly database?: InputMaybe<Scalars['String']['input']>;
  /** What it is deployed with or to. */
  readonly deployment?: InputMaybe<Scalars['String']['input']>;
  /** The main framework. */
  readonly framework?: InputMaybe<Scalars['String']['input']>;
  /** The main programming language. */
  readonly language?: InputMaybe<Scalars['String']['input']>;
  /** What installs its dependencies. */
  readonly packageManager?: InputMaybe<Scalars['String']['input']>;
  /** What it runs on, such as "Node.js 20". */
  readonly runtime?: InputMaybe<Scalars['String']['input']>;
};

/** Another plan for a job that is still PENDING. */
export type UpdateConversionJobInput = {
  /** Only if the job still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The new plan, as a whole. */
  readonly plan: ConversionPlanInput;
};

/** What to change of a project. What is left out stays as it is. */
export type UpdateProjectInput = {
  /** What it is; null for nothing. */
  readonly description?: InputMaybe<Scalars['String']['input']>;
  /** Only if the project still has this version; otherwise `VERSION_CONFLICT`. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** Where its source is. */
  readonly githubUrl?: InputMaybe<Scalars['String']['input']>;
  /** The project's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Its name, up to 200 characters. */
  readonly name?: InputMaybe<Scalars['String']['input']>;
  /** What it is built with, as a whole. */
  readonly originalTechStack?: InputMaybe<TechStackInput>;
  /** IMPORTED, ANALYZING, READY or FAILED: the others follow from the project's jobs. */
  readonly status?: InputMaybe<ProjectStatus>;
  /** What it shall be built with, as a whole; null for undecided. */
  readonly targetTechStack?: InputMaybe<TechStackInput>;
};

/** What to change of a user. What is left out stays as it is. */
export type UpdateUserInput = {
  /** An http(s) address of a picture; null for none. */
  readonly avatarUrl?: InputMaybe<Scalars['String']['input']>;
  /** Where to write to; null for none. */
  readonly email?: InputMaybe<Scalars['String']['input']>;
  /** The user's id. */
  readonly id: Scalars['ID']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** What they may do. For administrators. */
  readonly role?: InputMaybe<UserRole>;
  /** The account's name, up to 100 characters. */
  readonly username?: InputMaybe<Scalars['String']['input']>;
};

/** A user as GitHub knows them. */
export type UpsertUserInput = {
  /** An http(s) address of a picture. Left out: unchanged; null: none. */
  readonly avatarUrl?: InputMaybe<Scalars['String']['input']>;
  /** Where to write to. Left out: unchanged; null: none. */
  readonly email?: InputMaybe<Scalars['String']['input']>;
  /** GitHub's numeric id of the account: up to 20 digits. */
  readonly githubId: Scalars['String']['input'];
  /** Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The account's name, up to 100 characters. */
  readonly username: Scalars['String']['input'];
};

/** What a user may do. */
export type UserRole =
  /** Everything. */
  | 'ADMIN'
  /** See and change what they own. */
  | 'USER'
  /** Carry out conversion jobs. */
  | 'WORKER';

/** What to read before it is asked for. */
export type WarmCacheInput = {
  /** Taken as by every mutation. This one can be sent again without it: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Up to 100 queries. */
  readonly operations: ReadonlyArray<WarmOperationInput>;
};

/** A query to run. */
export type WarmOperationInput = {
  /** Which of its operations. */
  readonly operationName?: InputMaybe<Scalars['String']['input']>;
  /** The document, byte for byte as it will be asked for. */
  readonly query: Scalars['String']['input'];
  /** Its variables: a JSON object, as text. */
  readonly variables?: InputMaybe<Scalars['String']['input']>;
};

/** What a worker shall do with a job. */
export type WorkerDirective =
  /** Go on. */
  | 'CONTINUE'
  /** Stop working, and keep reporting or release it: its owner has paused it. */
  | 'PAUSE'
  /** Let go of it: the worker holds it no longer. */
  | 'STOP';

export type ApiKeysQueryVariables = Exact<{
  userId?: InputMaybe<Scalars['ID']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type ApiKeysQuery = { readonly apiKeys: { readonly totalCount?: number, readonly nodes: ReadonlyArray<ApiKeyFieldsFragment>, readonly pageInfo: PageFieldsFragment } };

export type CreateApiKeyMutationVariables = Exact<{
  input: CreateApiKeyInput;
}>;


export type CreateApiKeyMutation = { readonly createApiKey: { readonly secret: string | null, readonly apiKey: ApiKeyFieldsFragment } };

export type RevokeApiKeyMutationVariables = Exact<{
  input: RevokeApiKeyInput;
}>;


export type RevokeApiKeyMutation = { readonly revokeApiKey: { readonly apiKey: ApiKeyFieldsFragment } };

export type AuditEntriesQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type AuditEntriesQuery = { readonly auditEntries: { readonly totalCount?: number, readonly nodes: ReadonlyArray<AuditEntryFieldsFragment>, readonly pageInfo: PageFieldsFragment } };

export type ConversionJobQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type ConversionJobQuery = { readonly conversionJob: ConversionJobFieldsFragment | null };

export type ConversionJobsQueryVariables = Exact<{
  projectId?: InputMaybe<Scalars['ID']['input']>;
  status?: InputMaybe<ConversionJobStatus>;
  orderBy?: InputMaybe<ConversionJobOrder>;
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type ConversionJobsQuery = { readonly conversionJobs: { readonly totalCount?: number, readonly nodes: ReadonlyArray<ConversionJobSummaryFragment>, readonly pageInfo: PageFieldsFragment } };

export type ActiveConversionJobsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type ActiveConversionJobsQuery = { readonly activeConversionJobs: { readonly totalCount?: number, readonly nodes: ReadonlyArray<ConversionJobSummaryFragment>, readonly pageInfo: PageFieldsFragment } };

export type ConversionJobEventsQueryVariables = Exact<{
  id: Scalars['ID']['input'];
  since?: InputMaybe<Scalars['Int']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
}>;


export type ConversionJobEventsQuery = { readonly conversionJob: { readonly id: string, readonly status: ConversionJobStatus, readonly lastEventSequence: number, readonly events: { readonly nodes: ReadonlyArray<ConversionJobEventFieldsFragment>, readonly pageInfo: PageFieldsFragment } } | null };

export type ConversionJobStatisticsQueryVariables = Exact<{
  projectId?: InputMaybe<Scalars['ID']['input']>;
}>;


export type ConversionJobStatisticsQuery = { readonly conversionJobStatistics: { readonly total: number, readonly successRate: number | null, readonly averageDurationSeconds: number | null, readonly byStatus: ReadonlyArray<{ readonly status: ConversionJobStatus, readonly count: number }> } };

export type CreateConversionJobMutationVariables = Exact<{
  input: CreateConversionJobInput;
}>;


export type CreateConversionJobMutation = { readonly createConversionJob: { readonly conversionJob: ConversionJobFieldsFragment } };

export type UpdateConversionJobMutationVariables = Exact<{
  input: UpdateConversionJobInput;
}>;


export type UpdateConversionJobMutation = { readonly updateConversionJob: { readonly conversionJob: ConversionJobFieldsFragment } };

export type DeleteConversionJobMutationVariables = Exact<{
  input: DeleteConversionJobInput;
}>;


export type DeleteConversionJobMutation = { readonly deleteConversionJob: { readonly deletedId: string } };

export type CleanUpConversionJobsMutationVariables = Exact<{
  input: CleanUpConversionJobsInput;
}>;


export type CleanUpConversionJobsMutation = { readonly cleanUpConversionJobs: { readonly deletedCount: number, readonly thinnedEventCount: number } };

export type PauseConversionJobMutationVariables = Exact<{
  input: PauseConversionJobInput;
}>;


export type PauseConversionJobMutation = { readonly pauseConversionJob: { readonly conversionJob: ConversionJobSummaryFragment } };

export type ResumeConversionJobMutationVariables = Exact<{
  input: ResumeConversionJobInput;
}>;


export type ResumeConversionJobMutation = { readonly resumeConversionJob: { readonly conversionJob: ConversionJobSummaryFragment } };

export type CancelConversionJobMutationVariables = Exact<{
  input: CancelConversionJobInput;
}>;


export type CancelConversionJobMutation = { readonly cancelConversionJob: { readonly conversionJob: ConversionJobSummaryFragment } };

export type RetryConversionJobMutationVariables = Exact<{
  input: RetryConversionJobInput;
}>;


export type RetryConversionJobMutation = { readonly retryConversionJob: { readonly conversionJob: ConversionJobSummaryFragment } };

export type ReprioritizeConversionJobMutationVariables = Exact<{
  input: ReprioritizeConversionJobInput;
}>;


export type ReprioritizeConversionJobMutation = { readonly reprioritizeConversionJob: { readonly conversionJob: ConversionJobSummaryFragment } };

export type PageFieldsFragment = { readonly hasNextPage: boolean, readonly hasPreviousPage: boolean, readonly startCursor: string | null, readonly endCursor: string | null };

export type TechStackFieldsFragment = { readonly language: string | null, readonly framework: string | null, readonly database: string | null, readonly runtime: string | null, readonly buildTool: string | null, readonly packageManager: string | null, readonly deployment: string | null, readonly additional: ReadonlyArray<string> };

export type UserFieldsFragment = { readonly id: string, readonly githubId: string, readonly username: string, readonly email: string | null, readonly avatarUrl: string | null, readonly role: UserRole, readonly createdAt: string, readonly updatedAt: string };

export type UserSummaryFragment = { readonly id: string, readonly username: string, readonly avatarUrl: string | null };

export type ProjectSummaryFragment = { readonly id: string, readonly name: string, readonly githubUrl: string, readonly status: ProjectStatus, readonly version: number, readonly updatedAt: string };

export type ProjectFieldsFragment = { readonly id: string, readonly name: string, readonly description: string | null, readonly githubUrl: string, readonly status: ProjectStatus, readonly version: number, readonly createdAt: string, readonly updatedAt: string, readonly originalTechStack: TechStackFieldsFragment, readonly targetTechStack: TechStackFieldsFragment | null, readonly owner: UserSummaryFragment };

export type ConversionJobSummaryFragment = { readonly id: string, readonly status: ConversionJobStatus, readonly progress: number, readonly currentTask: string | null, readonly errorMessage: string | null, readonly priority: number, readonly agentTypes: ReadonlyArray<string>, readonly attempt: number, readonly maxAttempts: number, readonly version: number, readonly createdAt: string, readonly startedAt: string | null, readonly completedAt: string | null, readonly updatedAt: string, readonly project: { readonly id: string, readonly name: string } };

export type ConversionPlanFieldsFragment = { readonly complexity: PlanComplexity, readonly feasible: boolean, readonly warnings: ReadonlyArray<string>, readonly tasks: ReadonlyArray<{ readonly id: string, readonly type: string, readonly description: string, readonly agentType: string, readonly priority: number, readonly status: TaskStatus, readonly estimatedDuration: number | null, readonly dependencies: ReadonlyArray<string>, readonly inputFiles: ReadonlyArray<string>, readonly outputFiles: ReadonlyArray<string> }> };

export type TaskResultFieldsFragment = { readonly taskId: string, readonly status: TaskStatus, readonly output: string | null, readonly error: string | null, readonly attempt: number | null, readonly fileChanges: ReadonlyArray<{ readonly path: string, readonly kind: FileChangeKind, readonly summary: string | null }> };

export type ConversionJobFieldsFragment = (
  { readonly plan: ConversionPlanFieldsFragment, readonly results: ReadonlyArray<TaskResultFieldsFragment> }
  & ConversionJobSummaryFragment
);

export type ConversionJobStateFragment = { readonly id: string, readonly status: ConversionJobStatus, readonly progress: number, readonly currentTask: string | null, readonly errorMessage: string | null, readonly attempt: number, readonly maxAttempts: number, readonly availableAt: string, readonly workerId: string | null, readonly leaseExpiresAt: string | null, readonly lastEventSequence: number, readonly version: number };

export type ConversionJobEventFieldsFragment = { readonly sequence: number, readonly type: ConversionJobEventType, readonly status: ConversionJobStatus, readonly attempt: number, readonly progress: number, readonly currentTask: string | null, readonly priority: number | null, readonly workerId: string | null, readonly taskId: string | null, readonly taskStatus: TaskStatus | null, readonly message: string | null, readonly createdAt: string };

export type ConversionJobResultFieldsFragment = { readonly id: string, readonly directive: WorkerDirective, readonly error: { readonly code: string, readonly message: string, readonly from: ConversionJobStatus | null, readonly allowed: ReadonlyArray<string> | null } | null, readonly conversionJob: ConversionJobStateFragment | null };

export type ApiKeyFieldsFragment = { readonly id: string, readonly name: string, readonly prefix: string, readonly scopes: ReadonlyArray<ApiKeyScope>, readonly expiresAt: string | null, readonly revokedAt: string | null, readonly lastUsedAt: string | null, readonly createdAt: string, readonly user: UserSummaryFragment | null };

export type AuditEntryFieldsFragment = { readonly id: string, readonly action: string, readonly actorId: string | null, readonly credential: string | null, readonly target: string | null, readonly details: string | null, readonly requestId: string | null, readonly address: string | null, readonly count: number, readonly createdAt: string, readonly actor: UserSummaryFragment | null };

export type ConversionJobNewsSubscriptionVariables = Exact<{
  jobId: Scalars['ID']['input'];
  after?: InputMaybe<Scalars['Int']['input']>;
}>;


export type ConversionJobNewsSubscription = { readonly conversionJobEvents: { readonly cursor: number, readonly events: ReadonlyArray<ConversionJobEventFieldsFragment> } };

export type ProjectNewsSubscriptionVariables = Exact<{
  projectId: Scalars['ID']['input'];
  after?: InputMaybe<Scalars['String']['input']>;
}>;


export type ProjectNewsSubscription = { readonly projectActivity: { readonly cursor: string, readonly project: ProjectSummaryFragment | null, readonly statusChanges: ReadonlyArray<{ readonly status: ProjectStatus, readonly createdAt: string }>, readonly jobEvents: ReadonlyArray<(
      { readonly jobId: string }
      & ConversionJobEventFieldsFragment
    )> } };

export type ProjectQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type ProjectQuery = { readonly project: ProjectFieldsFragment | null };

export type ProjectsQueryVariables = Exact<{
  ownerId?: InputMaybe<Scalars['ID']['input']>;
  status?: InputMaybe<ProjectStatus>;
  orderBy?: InputMaybe<ProjectOrder>;
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type ProjectsQuery = { readonly projects: { readonly totalCount?: number, readonly nodes: ReadonlyArray<ProjectFieldsFragment>, readonly pageInfo: PageFieldsFragment } };

export type SearchProjectsQueryVariables = Exact<{
  query: Scalars['String']['input'];
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type SearchProjectsQuery = { readonly searchProjects: { readonly totalCount?: number, readonly nodes: ReadonlyArray<ProjectFieldsFragment>, readonly pageInfo: PageFieldsFragment } };

export type ProjectFilesQueryVariables = Exact<{
  id: Scalars['ID']['input'];
  under?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type ProjectFilesQuery = { readonly project: (
    { readonly fileStructure: { readonly totalCount?: number, readonly nodes: ReadonlyArray<{ readonly path: string, readonly sizeBytes: number, readonly language: string | null }>, readonly pageInfo: PageFieldsFragment } }
    & ProjectSummaryFragment
  ) | null };

export type ProjectStatisticsQueryVariables = Exact<{
  ownerId?: InputMaybe<Scalars['ID']['input']>;
}>;


export type ProjectStatisticsQuery = { readonly projectStatistics: { readonly total: number, readonly byStatus: ReadonlyArray<{ readonly status: ProjectStatus, readonly count: number }> } };

export type ImportProjectMutationVariables = Exact<{
  input: ImportProjectInput;
}>;


export type ImportProjectMutation = { readonly importProject: { readonly project: ProjectFieldsFragment } };

export type ImportProjectsMutationVariables = Exact<{
  input: ImportProjectsInput;
}>;


export type ImportProjectsMutation = { readonly importProjects: { readonly projects: ReadonlyArray<ProjectSummaryFragment> } };

export type AddProjectFilesMutationVariables = Exact<{
  input: AddProjectFilesInput;
}>;


export type AddProjectFilesMutation = { readonly addProjectFiles: { readonly project: ProjectSummaryFragment } };

export type UpdateProjectMutationVariables = Exact<{
  input: UpdateProjectInput;
}>;


export type UpdateProjectMutation = { readonly updateProject: { readonly project: ProjectFieldsFragment } };

export type SetTargetTechStackMutationVariables = Exact<{
  input: SetTargetTechStackInput;
}>;


export type SetTargetTechStackMutation = { readonly setTargetTechStack: { readonly project: ProjectFieldsFragment } };

export type DeleteProjectMutationVariables = Exact<{
  input: DeleteProjectInput;
}>;


export type DeleteProjectMutation = { readonly deleteProject: { readonly deletedId: string } };

export type ConversionJobNodeFragment = { readonly id: string, readonly progress: number, readonly currentTask: string | null, readonly errorMessage: string | null, readonly version: number, readonly createdAt: string, readonly startedAt: string | null, readonly completedAt: string | null, readonly updatedAt: string, readonly jobStatus: ConversionJobStatus, readonly project: { readonly id: string, readonly name: string } };

export type NodeQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type NodeQuery = { readonly node:
    | (
      { readonly __typename: 'ConversionJob' }
      & ConversionJobNodeFragment
    )
    | (
      { readonly __typename: 'Project' }
      & ProjectFieldsFragment
    )
    | (
      { readonly __typename: 'User' }
      & UserFieldsFragment
    )
   | null };

export type NodesQueryVariables = Exact<{
  ids: ReadonlyArray<Scalars['ID']['input']> | Scalars['ID']['input'];
}>;


export type NodesQuery = { readonly nodes: ReadonlyArray<
    | (
      { readonly __typename: 'ConversionJob' }
      & ConversionJobNodeFragment
    )
    | (
      { readonly __typename: 'Project' }
      & ProjectFieldsFragment
    )
    | (
      { readonly __typename: 'User' }
      & UserFieldsFragment
    )
   | null> };

export type HealthQueryVariables = Exact<{ [key: string]: never; }>;


export type HealthQuery = { readonly health: { readonly status: HealthStatus, readonly components: ReadonlyArray<{ readonly name: string, readonly status: HealthStatus, readonly latencyMs: number, readonly message: string | null }> } };

export type PoolCountsFragment = { readonly total: number, readonly idle: number, readonly waiting: number, readonly min: number, readonly max: number, readonly peakInUse: number, readonly peakWaiting: number, readonly idleErrors: number };

export type DurationFiguresFragment = { readonly count: number, readonly meanMs: number, readonly p50Ms: number, readonly p95Ms: number, readonly p99Ms: number };

export type SlowQueryFiguresFragment = { readonly id: string, readonly text: string, readonly count: number, readonly meanMs: number, readonly maxMs: number, readonly lastAt: string };

export type PoolStatisticsQueryVariables = Exact<{ [key: string]: never; }>;


export type PoolStatisticsQuery = { readonly poolStatistics: (
    { readonly slowQueryCount: number, readonly acquireWait: DurationFiguresFragment, readonly queryTime: DurationFiguresFragment, readonly errors: ReadonlyArray<{ readonly sqlstateClass: string, readonly count: number }>, readonly slowQueries: ReadonlyArray<SlowQueryFiguresFragment>, readonly advice: ReadonlyArray<{ readonly kind: PoolAdviceKind, readonly subject: string, readonly reason: string, readonly action: string }> }
    & PoolCountsFragment
  ) };

export type SlowQueryQueryVariables = Exact<{
  id: Scalars['String']['input'];
}>;


export type SlowQueryQuery = { readonly poolStatistics: { readonly slowQueries: ReadonlyArray<(
      { readonly plan: ReadonlyArray<string> | null }
      & SlowQueryFiguresFragment
    )> } };

export type StatisticsQueryVariables = Exact<{ [key: string]: never; }>;


export type StatisticsQuery = { readonly statistics: { readonly pool: PoolCountsFragment, readonly process: { readonly uptimeSeconds: number, readonly residentMemoryBytes: number, readonly heapUsedBytes: number, readonly cpuPercent: number, readonly nodeVersion: string }, readonly subscriptions: { readonly open: number, readonly max: number } } };

type CacheCounts_CacheKind_Fragment = { readonly hitRate: number | null, readonly localHits: number, readonly sharedHits: number, readonly joinedHits: number, readonly misses: number, readonly bypasses: number, readonly fills: number, readonly rejectedFills: number, readonly uncacheable: number, readonly errors: number, readonly invalidations: number, readonly expirations: number, readonly evictions: number, readonly entries: number, readonly bytes: number };

type CacheCounts_CacheLayer_Fragment = { readonly hitRate: number | null, readonly localHits: number, readonly sharedHits: number, readonly joinedHits: number, readonly misses: number, readonly bypasses: number, readonly fills: number, readonly rejectedFills: number, readonly uncacheable: number, readonly errors: number, readonly invalidations: number, readonly expirations: number, readonly evictions: number, readonly entries: number, readonly bytes: number };

type CacheCounts_CacheStatistics_Fragment = { readonly hitRate: number | null, readonly localHits: number, readonly sharedHits: number, readonly joinedHits: number, readonly misses: number, readonly bypasses: number, readonly fills: number, readonly rejectedFills: number, readonly uncacheable: number, readonly errors: number, readonly invalidations: number, readonly expirations: number, readonly evictions: number, readonly entries: number, readonly bytes: number };

export type CacheCountsFragment =
  | CacheCounts_CacheKind_Fragment
  | CacheCounts_CacheLayer_Fragment
  | CacheCounts_CacheStatistics_Fragment
;

type CacheManagerCounts_CacheManagerPrefix_Fragment = { readonly hits: number, readonly misses: number, readonly errors: number, readonly writes: number, readonly hitRate: number, readonly bytesRead: number, readonly bytesWritten: number, readonly latencyP50Ms: number, readonly latencyP95Ms: number, readonly latencyP99Ms: number };

type CacheManagerCounts_CacheManagerTotal_Fragment = { readonly hits: number, readonly misses: number, readonly errors: number, readonly writes: number, readonly hitRate: number, readonly bytesRead: number, readonly bytesWritten: number, readonly latencyP50Ms: number, readonly latencyP95Ms: number, readonly latencyP99Ms: number };

export type CacheManagerCountsFragment =
  | CacheManagerCounts_CacheManagerPrefix_Fragment
  | CacheManagerCounts_CacheManagerTotal_Fragment
;

export type CacheStatisticsQueryVariables = Exact<{ [key: string]: never; }>;


export type CacheStatisticsQuery = { readonly cacheStatistics: (
    { readonly since: string, readonly validations: number, readonly epochChanges: number, readonly relayedChanges: number, readonly samples: number, readonly violations: number, readonly status: { readonly isServing: boolean, readonly obstacle: CacheObstacle | null, readonly pendingTransactions: number | null, readonly epoch: { readonly name: string, readonly state: CacheEpochState, readonly ageMs: number } | null }, readonly relay: { readonly lastReportAgeMs: number | null, readonly lagP50Ms: number, readonly lagP99Ms: number, readonly lagMaxMs: number }, readonly layers: ReadonlyArray<(
      { readonly layer: CacheLayerName, readonly kinds: ReadonlyArray<(
        { readonly kind: string }
        & CacheCounts_CacheKind_Fragment
      )> }
      & CacheCounts_CacheLayer_Fragment
    )>, readonly replay: { readonly requests: number, readonly bytes: number, readonly hits: number, readonly misses: number }, readonly manager: { readonly since: string, readonly total: CacheManagerCounts_CacheManagerTotal_Fragment, readonly prefixes: ReadonlyArray<(
        { readonly prefix: string }
        & CacheManagerCounts_CacheManagerPrefix_Fragment
      )> } | null, readonly advice: ReadonlyArray<{ readonly setting: string, readonly action: CacheAdviceAction, readonly currentSeconds: number, readonly advisedSeconds: number, readonly reason: string }> }
    & CacheCounts_CacheStatistics_Fragment
  ) };

export type InvalidateCacheMutationVariables = Exact<{
  input: InvalidateCacheInput;
}>;


export type InvalidateCacheMutation = { readonly invalidateCache: { readonly tags: number, readonly keys: number, readonly isComplete: boolean } };

export type WarmCacheMutationVariables = Exact<{
  input: WarmCacheInput;
}>;


export type WarmCacheMutation = { readonly warmCache: { readonly warmed: number, readonly notKept: number, readonly failed: number } };

export type ResetCacheStatisticsMutationVariables = Exact<{
  input: ResetCacheStatisticsInput;
}>;


export type ResetCacheStatisticsMutation = { readonly resetCacheStatistics: { readonly figures: ReadonlyArray<CacheFigures> } };

export type PerformMaintenanceMutationVariables = Exact<{
  input: PerformMaintenanceInput;
}>;


export type PerformMaintenanceMutation = { readonly performMaintenance: { readonly startedAt: string, readonly seconds: number, readonly isDryRun: boolean, readonly reclaimedBytes: number, readonly notes: ReadonlyArray<string>, readonly pruned: ReadonlyArray<{ readonly table: string, readonly what: string, readonly rows: number, readonly seconds: number, readonly problem: string | null }>, readonly tables: ReadonlyArray<{ readonly table: string, readonly action: TableMaintenanceAction, readonly reason: string, readonly deadRows: number, readonly bytesBefore: number, readonly bytesAfter: number, readonly seconds: number, readonly problem: string | null }>, readonly indexes: ReadonlyArray<{ readonly index: string, readonly table: string, readonly action: IndexMaintenanceAction, readonly reason: string, readonly bytesBefore: number, readonly bytesAfter: number, readonly seconds: number, readonly problem: string | null }> } };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { readonly viewer: UserFieldsFragment | null };

export type UserQueryVariables = Exact<{
  id?: InputMaybe<Scalars['ID']['input']>;
  githubId?: InputMaybe<Scalars['String']['input']>;
}>;


export type UserQuery = { readonly user: UserFieldsFragment | null };

export type UsersQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  withTotalCount?: Scalars['Boolean']['input'];
}>;


export type UsersQuery = { readonly users: { readonly totalCount?: number, readonly nodes: ReadonlyArray<UserFieldsFragment>, readonly pageInfo: PageFieldsFragment } };

export type UserStatisticsQueryVariables = Exact<{ [key: string]: never; }>;


export type UserStatisticsQuery = { readonly userStatistics: { readonly total: number, readonly withProjects: number, readonly byRole: ReadonlyArray<{ readonly role: UserRole, readonly count: number }> } };

export type UpsertUserMutationVariables = Exact<{
  input: UpsertUserInput;
}>;


export type UpsertUserMutation = { readonly upsertUser: { readonly user: UserFieldsFragment } };

export type UpdateUserMutationVariables = Exact<{
  input: UpdateUserInput;
}>;


export type UpdateUserMutation = { readonly updateUser: { readonly user: UserFieldsFragment } };

export type SetGithubTokenMutationVariables = Exact<{
  input: SetGithubTokenInput;
}>;


export type SetGithubTokenMutation = { readonly setGithubToken: { readonly user: UserFieldsFragment } };

export type DeleteUserMutationVariables = Exact<{
  input: DeleteUserInput;
}>;


export type DeleteUserMutation = { readonly deleteUser: { readonly deletedId: string } };

export type ClaimConversionJobsMutationVariables = Exact<{
  input: ClaimConversionJobsInput;
}>;


export type ClaimConversionJobsMutation = { readonly claimConversionJobs: { readonly claims: ReadonlyArray<{ readonly fencingToken: number, readonly leaseExpiresAt: string, readonly conversionJob: ConversionJobFieldsFragment }> } };

export type ReportProgressMutationVariables = Exact<{
  input: ReportProgressInput;
}>;


export type ReportProgressMutation = { readonly reportProgress: { readonly results: ReadonlyArray<ConversionJobResultFieldsFragment> } };

export type ReportTaskResultMutationVariables = Exact<{
  input: ReportTaskResultInput;
}>;


export type ReportTaskResultMutation = { readonly reportTaskResult: { readonly directive: WorkerDirective, readonly conversionJob: ConversionJobStateFragment } };

export type CompleteConversionJobsMutationVariables = Exact<{
  input: CompleteConversionJobsInput;
}>;


export type CompleteConversionJobsMutation = { readonly completeConversionJobs: { readonly results: ReadonlyArray<ConversionJobResultFieldsFragment> } };

export type FailConversionJobsMutationVariables = Exact<{
  input: FailConversionJobsInput;
}>;


export type FailConversionJobsMutation = { readonly failConversionJobs: { readonly results: ReadonlyArray<ConversionJobResultFieldsFragment> } };

export type ReleaseConversionJobsMutationVariables = Exact<{
  input: ReleaseConversionJobsInput;
}>;


export type ReleaseConversionJobsMutation = { readonly releaseConversionJobs: { readonly results: ReadonlyArray<ConversionJobResultFieldsFragment> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}





















export const ApiKeysDocument = /*#__PURE__*/ new TypedDocumentString("query ApiKeys($userId:ID$first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){apiKeys(userId:$userId first:$first after:$after last:$last before:$before){nodes{...ApiKeyFields}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment UserSummary on User{id username avatarUrl}fragment ApiKeyFields on ApiKey{id name prefix scopes user{...UserSummary}expiresAt revokedAt lastUsedAt createdAt}") as unknown as TypedDocumentString<ApiKeysQuery, ApiKeysQueryVariables>;
export const CreateApiKeyDocument = /*#__PURE__*/ new TypedDocumentString("mutation CreateApiKey($input:CreateApiKeyInput!){createApiKey(input:$input){secret apiKey{...ApiKeyFields}}}fragment UserSummary on User{id username avatarUrl}fragment ApiKeyFields on ApiKey{id name prefix scopes user{...UserSummary}expiresAt revokedAt lastUsedAt createdAt}") as unknown as TypedDocumentString<CreateApiKeyMutation, CreateApiKeyMutationVariables>;
export const RevokeApiKeyDocument = /*#__PURE__*/ new TypedDocumentString("mutation RevokeApiKey($input:RevokeApiKeyInput!){revokeApiKey(input:$input){apiKey{...ApiKeyFields}}}fragment UserSummary on User{id username avatarUrl}fragment ApiKeyFields on ApiKey{id name prefix scopes user{...UserSummary}expiresAt revokedAt lastUsedAt createdAt}") as unknown as TypedDocumentString<RevokeApiKeyMutation, RevokeApiKeyMutationVariables>;
export const AuditEntriesDocument = /*#__PURE__*/ new TypedDocumentString("query AuditEntries($first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){auditEntries(first:$first after:$after last:$last before:$before){nodes{...AuditEntryFields}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment UserSummary on User{id username avatarUrl}fragment AuditEntryFields on AuditEntry{id action actorId actor{...UserSummary}credential target details requestId address count createdAt}") as unknown as TypedDocumentString<AuditEntriesQuery, AuditEntriesQueryVariables>;
export const ConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("query ConversionJob($id:ID!){conversionJob(id:$id){...ConversionJobFields}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}fragment ConversionPlanFields on ConversionPlan{complexity feasible warnings tasks{id type description agentType priority status estimatedDuration dependencies inputFiles outputFiles}}fragment TaskResultFields on TaskResult{taskId status output error fileChanges{path kind summary}attempt}fragment ConversionJobFields on ConversionJob{...ConversionJobSummary plan{...ConversionPlanFields}results{...TaskResultFields}}") as unknown as TypedDocumentString<ConversionJobQuery, ConversionJobQueryVariables>;
export const ConversionJobsDocument = /*#__PURE__*/ new TypedDocumentString("query ConversionJobs($projectId:ID$status:ConversionJobStatus$orderBy:ConversionJobOrder$first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){conversionJobs(projectId:$projectId status:$status orderBy:$orderBy first:$first after:$after last:$last before:$before){nodes{...ConversionJobSummary}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<ConversionJobsQuery, ConversionJobsQueryVariables>;
export const ActiveConversionJobsDocument = /*#__PURE__*/ new TypedDocumentString("query ActiveConversionJobs($first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){activeConversionJobs(first:$first after:$after last:$last before:$before){nodes{...ConversionJobSummary}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<ActiveConversionJobsQuery, ActiveConversionJobsQueryVariables>;
export const ConversionJobEventsDocument = /*#__PURE__*/ new TypedDocumentString("query ConversionJobEvents($id:ID!$since:Int$first:Int$after:String$last:Int$before:String){conversionJob(id:$id){id status lastEventSequence events(since:$since first:$first after:$after last:$last before:$before){nodes{...ConversionJobEventFields}pageInfo{...PageFields}}}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment ConversionJobEventFields on ConversionJobEvent{sequence type status attempt progress currentTask priority workerId taskId taskStatus message createdAt}") as unknown as TypedDocumentString<ConversionJobEventsQuery, ConversionJobEventsQueryVariables>;
export const ConversionJobStatisticsDocument = /*#__PURE__*/ new TypedDocumentString("query ConversionJobStatistics($projectId:ID){conversionJobStatistics(projectId:$projectId){total successRate averageDurationSeconds byStatus{status count}}}") as unknown as TypedDocumentString<ConversionJobStatisticsQuery, ConversionJobStatisticsQueryVariables>;
export const CreateConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation CreateConversionJob($input:CreateConversionJobInput!){createConversionJob(input:$input){conversionJob{...ConversionJobFields}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}fragment ConversionPlanFields on ConversionPlan{complexity feasible warnings tasks{id type description agentType priority status estimatedDuration dependencies inputFiles outputFiles}}fragment TaskResultFields on TaskResult{taskId status output error fileChanges{path kind summary}attempt}fragment ConversionJobFields on ConversionJob{...ConversionJobSummary plan{...ConversionPlanFields}results{...TaskResultFields}}") as unknown as TypedDocumentString<CreateConversionJobMutation, CreateConversionJobMutationVariables>;
export const UpdateConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation UpdateConversionJob($input:UpdateConversionJobInput!){updateConversionJob(input:$input){conversionJob{...ConversionJobFields}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}fragment ConversionPlanFields on ConversionPlan{complexity feasible warnings tasks{id type description agentType priority status estimatedDuration dependencies inputFiles outputFiles}}fragment TaskResultFields on TaskResult{taskId status output error fileChanges{path kind summary}attempt}fragment ConversionJobFields on ConversionJob{...ConversionJobSummary plan{...ConversionPlanFields}results{...TaskResultFields}}") as unknown as TypedDocumentString<UpdateConversionJobMutation, UpdateConversionJobMutationVariables>;
export const DeleteConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation DeleteConversionJob($input:DeleteConversionJobInput!){deleteConversionJob(input:$input){deletedId}}") as unknown as TypedDocumentString<DeleteConversionJobMutation, DeleteConversionJobMutationVariables>;
export const CleanUpConversionJobsDocument = /*#__PURE__*/ new TypedDocumentString("mutation CleanUpConversionJobs($input:CleanUpConversionJobsInput!){cleanUpConversionJobs(input:$input){deletedCount thinnedEventCount}}") as unknown as TypedDocumentString<CleanUpConversionJobsMutation, CleanUpConversionJobsMutationVariables>;
export const PauseConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation PauseConversionJob($input:PauseConversionJobInput!){pauseConversionJob(input:$input){conversionJob{...ConversionJobSummary}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<PauseConversionJobMutation, PauseConversionJobMutationVariables>;
export const ResumeConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation ResumeConversionJob($input:ResumeConversionJobInput!){resumeConversionJob(input:$input){conversionJob{...ConversionJobSummary}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<ResumeConversionJobMutation, ResumeConversionJobMutationVariables>;
export const CancelConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation CancelConversionJob($input:CancelConversionJobInput!){cancelConversionJob(input:$input){conversionJob{...ConversionJobSummary}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<CancelConversionJobMutation, CancelConversionJobMutationVariables>;
export const RetryConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation RetryConversionJob($input:RetryConversionJobInput!){retryConversionJob(input:$input){conversionJob{...ConversionJobSummary}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<RetryConversionJobMutation, RetryConversionJobMutationVariables>;
export const ReprioritizeConversionJobDocument = /*#__PURE__*/ new TypedDocumentString("mutation ReprioritizeConversionJob($input:ReprioritizeConversionJobInput!){reprioritizeConversionJob(input:$input){conversionJob{...ConversionJobSummary}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<ReprioritizeConversionJobMutation, ReprioritizeConversionJobMutationVariables>;
export const ConversionJobNewsDocument = /*#__PURE__*/ new TypedDocumentString("subscription ConversionJobNews($jobId:ID!$after:Int){conversionJobEvents(jobId:$jobId after:$after){cursor events{...ConversionJobEventFields}}}fragment ConversionJobEventFields on ConversionJobEvent{sequence type status attempt progress currentTask priority workerId taskId taskStatus message createdAt}") as unknown as TypedDocumentString<ConversionJobNewsSubscription, ConversionJobNewsSubscriptionVariables>;
export const ProjectNewsDocument = /*#__PURE__*/ new TypedDocumentString("subscription ProjectNews($projectId:ID!$after:String){projectActivity(projectId:$projectId after:$after){cursor project{...ProjectSummary}statusChanges{status createdAt}jobEvents{jobId ...ConversionJobEventFields}}}fragment ProjectSummary on Project{id name githubUrl status version updatedAt}fragment ConversionJobEventFields on ConversionJobEvent{sequence type status attempt progress currentTask priority workerId taskId taskStatus message createdAt}") as unknown as TypedDocumentString<ProjectNewsSubscription, ProjectNewsSubscriptionVariables>;
export const ProjectDocument = /*#__PURE__*/ new TypedDocumentString("query Project($id:ID!){project(id:$id){...ProjectFields}}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}") as unknown as TypedDocumentString<ProjectQuery, ProjectQueryVariables>;
export const ProjectsDocument = /*#__PURE__*/ new TypedDocumentString("query Projects($ownerId:ID$status:ProjectStatus$orderBy:ProjectOrder$first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){projects(ownerId:$ownerId status:$status orderBy:$orderBy first:$first after:$after last:$last before:$before){nodes{...ProjectFields}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}") as unknown as TypedDocumentString<ProjectsQuery, ProjectsQueryVariables>;
export const SearchProjectsDocument = /*#__PURE__*/ new TypedDocumentString("query SearchProjects($query:String!$first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){searchProjects(query:$query first:$first after:$after last:$last before:$before){nodes{...ProjectFields}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}") as unknown as TypedDocumentString<SearchProjectsQuery, SearchProjectsQueryVariables>;
export const ProjectFilesDocument = /*#__PURE__*/ new TypedDocumentString("query ProjectFiles($id:ID!$under:String$first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){project(id:$id){...ProjectSummary fileStructure(under:$under first:$first after:$after last:$last before:$before){nodes{path sizeBytes language}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment ProjectSummary on Project{id name githubUrl status version updatedAt}") as unknown as TypedDocumentString<ProjectFilesQuery, ProjectFilesQueryVariables>;
export const ProjectStatisticsDocument = /*#__PURE__*/ new TypedDocumentString("query ProjectStatistics($ownerId:ID){projectStatistics(ownerId:$ownerId){total byStatus{status count}}}") as unknown as TypedDocumentString<ProjectStatisticsQuery, ProjectStatisticsQueryVariables>;
export const ImportProjectDocument = /*#__PURE__*/ new TypedDocumentString("mutation ImportProject($input:ImportProjectInput!){importProject(input:$input){project{...ProjectFields}}}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}") as unknown as TypedDocumentString<ImportProjectMutation, ImportProjectMutationVariables>;
export const ImportProjectsDocument = /*#__PURE__*/ new TypedDocumentString("mutation ImportProjects($input:ImportProjectsInput!){importProjects(input:$input){projects{...ProjectSummary}}}fragment ProjectSummary on Project{id name githubUrl status version updatedAt}") as unknown as TypedDocumentString<ImportProjectsMutation, ImportProjectsMutationVariables>;
export const AddProjectFilesDocument = /*#__PURE__*/ new TypedDocumentString("mutation AddProjectFiles($input:AddProjectFilesInput!){addProjectFiles(input:$input){project{...ProjectSummary}}}fragment ProjectSummary on Project{id name githubUrl status version updatedAt}") as unknown as TypedDocumentString<AddProjectFilesMutation, AddProjectFilesMutationVariables>;
export const UpdateProjectDocument = /*#__PURE__*/ new TypedDocumentString("mutation UpdateProject($input:UpdateProjectInput!){updateProject(input:$input){project{...ProjectFields}}}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}") as unknown as TypedDocumentString<UpdateProjectMutation, UpdateProjectMutationVariables>;
export const SetTargetTechStackDocument = /*#__PURE__*/ new TypedDocumentString("mutation SetTargetTechStack($input:SetTargetTechStackInput!){setTargetTechStack(input:$input){project{...ProjectFields}}}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}") as unknown as TypedDocumentString<SetTargetTechStackMutation, SetTargetTechStackMutationVariables>;
export const DeleteProjectDocument = /*#__PURE__*/ new TypedDocumentString("mutation DeleteProject($input:DeleteProjectInput!){deleteProject(input:$input){deletedId}}") as unknown as TypedDocumentString<DeleteProjectMutation, DeleteProjectMutationVariables>;
export const NodeDocument = /*#__PURE__*/ new TypedDocumentString("query Node($id:ID!){node(id:$id){__typename ...UserFields ...ProjectFields ...ConversionJobNode}}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}fragment ConversionJobNode on ConversionJob{id jobStatus:status progress currentTask errorMessage version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<NodeQuery, NodeQueryVariables>;
export const NodesDocument = /*#__PURE__*/ new TypedDocumentString("query Nodes($ids:[ID!]!){nodes(ids:$ids){__typename ...UserFields ...ProjectFields ...ConversionJobNode}}fragment TechStackFields on TechStack{language framework database runtime buildTool packageManager deployment additional}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}fragment UserSummary on User{id username avatarUrl}fragment ProjectFields on Project{id name description githubUrl status version originalTechStack{...TechStackFields}targetTechStack{...TechStackFields}owner{...UserSummary}createdAt updatedAt}fragment ConversionJobNode on ConversionJob{id jobStatus:status progress currentTask errorMessage version project{id name}createdAt startedAt completedAt updatedAt}") as unknown as TypedDocumentString<NodesQuery, NodesQueryVariables>;
export const HealthDocument = /*#__PURE__*/ new TypedDocumentString("query Health{health{status components{name status latencyMs message}}}") as unknown as TypedDocumentString<HealthQuery, HealthQueryVariables>;
export const PoolStatisticsDocument = /*#__PURE__*/ new TypedDocumentString("query PoolStatistics{poolStatistics{...PoolCounts acquireWait{...DurationFigures}queryTime{...DurationFigures}errors{sqlstateClass count}slowQueryCount slowQueries{...SlowQueryFigures}advice{kind subject reason action}}}fragment PoolCounts on PoolStatistics{total idle waiting min max peakInUse peakWaiting idleErrors}fragment DurationFigures on Durations{count meanMs p50Ms p95Ms p99Ms}fragment SlowQueryFigures on SlowQuery{id text count meanMs maxMs lastAt}") as unknown as TypedDocumentString<PoolStatisticsQuery, PoolStatisticsQueryVariables>;
export const SlowQueryDocument = /*#__PURE__*/ new TypedDocumentString("query SlowQuery($id:String!){poolStatistics{slowQueries(id:$id){...SlowQueryFigures plan}}}fragment SlowQueryFigures on SlowQuery{id text count meanMs maxMs lastAt}") as unknown as TypedDocumentString<SlowQueryQuery, SlowQueryQueryVariables>;
export const StatisticsDocument = /*#__PURE__*/ new TypedDocumentString("query Statistics{statistics{pool{...PoolCounts}process{uptimeSeconds residentMemoryBytes heapUsedBytes cpuPercent nodeVersion}subscriptions{open max}}}fragment PoolCounts on PoolStatistics{total idle waiting min max peakInUse peakWaiting idleErrors}") as unknown as TypedDocumentString<StatisticsQuery, StatisticsQueryVariables>;
export const CacheStatisticsDocument = /*#__PURE__*/ new TypedDocumentString("query CacheStatistics{cacheStatistics{...CacheCounts since status{isServing obstacle epoch{name state ageMs}pendingTransactions}validations epochChanges relayedChanges relay{lastReportAgeMs lagP50Ms lagP99Ms lagMaxMs}layers{layer ...CacheCounts kinds{kind ...CacheCounts}}replay{requests bytes hits misses}manager{since total{...CacheManagerCounts}prefixes{prefix ...CacheManagerCounts}}samples violations advice{setting action currentSeconds advisedSeconds reason}}}fragment CacheCounts on CacheCounters{hitRate localHits sharedHits joinedHits misses bypasses fills rejectedFills uncacheable errors invalidations expirations evictions entries bytes}fragment CacheManagerCounts on CacheManagerCounters{hits misses errors writes hitRate bytesRead bytesWritten latencyP50Ms latencyP95Ms latencyP99Ms}") as unknown as TypedDocumentString<CacheStatisticsQuery, CacheStatisticsQueryVariables>;
export const InvalidateCacheDocument = /*#__PURE__*/ new TypedDocumentString("mutation InvalidateCache($input:InvalidateCacheInput!){invalidateCache(input:$input){tags keys isComplete}}") as unknown as TypedDocumentString<InvalidateCacheMutation, InvalidateCacheMutationVariables>;
export const WarmCacheDocument = /*#__PURE__*/ new TypedDocumentString("mutation WarmCache($input:WarmCacheInput!){warmCache(input:$input){warmed notKept failed}}") as unknown as TypedDocumentString<WarmCacheMutation, WarmCacheMutationVariables>;
export const ResetCacheStatisticsDocument = /*#__PURE__*/ new TypedDocumentString("mutation ResetCacheStatistics($input:ResetCacheStatisticsInput!){resetCacheStatistics(input:$input){figures}}") as unknown as TypedDocumentString<ResetCacheStatisticsMutation, ResetCacheStatisticsMutationVariables>;
export const PerformMaintenanceDocument = /*#__PURE__*/ new TypedDocumentString("mutation PerformMaintenance($input:PerformMaintenanceInput!){performMaintenance(input:$input){startedAt seconds isDryRun reclaimedBytes pruned{table what rows seconds problem}tables{table action reason deadRows bytesBefore bytesAfter seconds problem}indexes{index table action reason bytesBefore bytesAfter seconds problem}notes}}") as unknown as TypedDocumentString<PerformMaintenanceMutation, PerformMaintenanceMutationVariables>;
export const ViewerDocument = /*#__PURE__*/ new TypedDocumentString("query Viewer{viewer{...UserFields}}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}") as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const UserDocument = /*#__PURE__*/ new TypedDocumentString("query User($id:ID$githubId:String){user(id:$id githubId:$githubId){...UserFields}}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}") as unknown as TypedDocumentString<UserQuery, UserQueryVariables>;
export const UsersDocument = /*#__PURE__*/ new TypedDocumentString("query Users($first:Int$after:String$last:Int$before:String$withTotalCount:Boolean!=false){users(first:$first after:$after last:$last before:$before){nodes{...UserFields}pageInfo{...PageFields}totalCount@include(if:$withTotalCount)}}fragment PageFields on PageInfo{hasNextPage hasPreviousPage startCursor endCursor}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}") as unknown as TypedDocumentString<UsersQuery, UsersQueryVariables>;
export const UserStatisticsDocument = /*#__PURE__*/ new TypedDocumentString("query UserStatistics{userStatistics{total withProjects byRole{role count}}}") as unknown as TypedDocumentString<UserStatisticsQuery, UserStatisticsQueryVariables>;
export const UpsertUserDocument = /*#__PURE__*/ new TypedDocumentString("mutation UpsertUser($input:UpsertUserInput!){upsertUser(input:$input){user{...UserFields}}}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}") as unknown as TypedDocumentString<UpsertUserMutation, UpsertUserMutationVariables>;
export const UpdateUserDocument = /*#__PURE__*/ new TypedDocumentString("mutation UpdateUser($input:UpdateUserInput!){updateUser(input:$input){user{...UserFields}}}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}") as unknown as TypedDocumentString<UpdateUserMutation, UpdateUserMutationVariables>;
export const SetGithubTokenDocument = /*#__PURE__*/ new TypedDocumentString("mutation SetGithubToken($input:SetGithubTokenInput!){setGithubToken(input:$input){user{...UserFields}}}fragment UserFields on User{id githubId username email avatarUrl role createdAt updatedAt}") as unknown as TypedDocumentString<SetGithubTokenMutation, SetGithubTokenMutationVariables>;
export const DeleteUserDocument = /*#__PURE__*/ new TypedDocumentString("mutation DeleteUser($input:DeleteUserInput!){deleteUser(input:$input){deletedId}}") as unknown as TypedDocumentString<DeleteUserMutation, DeleteUserMutationVariables>;
export const ClaimConversionJobsDocument = /*#__PURE__*/ new TypedDocumentString("mutation ClaimConversionJobs($input:ClaimConversionJobsInput!){claimConversionJobs(input:$input){claims{fencingToken leaseExpiresAt conversionJob{...ConversionJobFields}}}}fragment ConversionJobSummary on ConversionJob{id status progress currentTask errorMessage priority agentTypes attempt maxAttempts version project{id name}createdAt startedAt completedAt updatedAt}fragment ConversionPlanFields on ConversionPlan{complexity feasible warnings tasks{id type description agentType priority status estimatedDuration dependencies inputFiles outputFiles}}fragment TaskResultFields on TaskResult{taskId status output error fileChanges{path kind summary}attempt}fragment ConversionJobFields on ConversionJob{...ConversionJobSummary plan{...ConversionPlanFields}results{...TaskResultFields}}") as unknown as TypedDocumentString<ClaimConversionJobsMutation, ClaimConversionJobsMutationVariables>;
export const ReportProgressDocument = /*#__PURE__*/ new TypedDocumentString("mutation ReportProgress($input:ReportProgressInput!){reportProgress(input:$input){results{...ConversionJobResultFields}}}fragment ConversionJobState on ConversionJob{id status progress currentTask errorMessage attempt maxAttempts availableAt workerId leaseExpiresAt lastEventSequence version}fragment ConversionJobResultFields on ConversionJobResult{id directive error{code message from allowed}conversionJob{...ConversionJobState}}") as unknown as TypedDocumentString<ReportProgressMutation, ReportProgressMutationVariables>;
export const ReportTaskResultDocument = /*#__PURE__*/ new TypedDocumentString("mutation ReportTaskResult($input:ReportTaskResultInput!){reportTaskResult(input:$input){directive conversionJob{...ConversionJobState}}}fragment ConversionJobState on ConversionJob{id status progress currentTask errorMessage attempt maxAttempts availableAt workerId leaseExpiresAt lastEventSequence version}") as unknown as TypedDocumentString<ReportTaskResultMutation, ReportTaskResultMutationVariables>;
export const CompleteConversionJobsDocument = /*#__PURE__*/ new TypedDocumentString("mutation CompleteConversionJobs($input:CompleteConversionJobsInput!){completeConversionJobs(input:$input){results{...ConversionJobResultFields}}}fragment ConversionJobState on ConversionJob{id status progress currentTask errorMessage attempt maxAttempts availableAt workerId leaseExpiresAt lastEventSequence version}fragment ConversionJobResultFields on ConversionJobResult{id directive error{code message from allowed}conversionJob{...ConversionJobState}}") as unknown as TypedDocumentString<CompleteConversionJobsMutation, CompleteConversionJobsMutationVariables>;
export const FailConversionJobsDocument = /*#__PURE__*/ new TypedDocumentString("mutation FailConversionJobs($input:FailConversionJobsInput!){failConversionJobs(input:$input){results{...ConversionJobResultFields}}}fragment ConversionJobState on ConversionJob{id status progress currentTask errorMessage attempt maxAttempts availableAt workerId leaseExpiresAt lastEventSequence version}fragment ConversionJobResultFields on ConversionJobResult{id directive error{code message from allowed}conversionJob{...ConversionJobState}}") as unknown as TypedDocumentString<FailConversionJobsMutation, FailConversionJobsMutationVariables>;
export const ReleaseConversionJobsDocument = /*#__PURE__*/ new TypedDocumentString("mutation ReleaseConversionJobs($input:ReleaseConversionJobsInput!){releaseConversionJobs(input:$input){results{...ConversionJobResultFields}}}fragment ConversionJobState on ConversionJob{id status progress currentTask errorMessage attempt maxAttempts availableAt workerId leaseExpiresAt lastEventSequence version}fragment ConversionJobResultFields on ConversionJobResult{id directive error{code message from allowed}conversionJob{...ConversionJobState}}") as unknown as TypedDocumentString<ReleaseConversionJobsMutation, ReleaseConversionJobsMutationVariables>;
/** Sends one document and gives its data. */
export type Request<Options> = <TResult, TVariables>(document: TypedDocumentString<TResult, TVariables>, variables: TVariables, options?: Options) => Promise<TResult>;

/** Every operation as a function. They can be passed around: none needs `this`. */
export interface Operations<Options> {
  /** All API keys, or a user's, the newest first. For administrators. */
  readonly apiKeys: (variables?: ApiKeysQueryVariables, options?: Options) => Promise<ApiKeysQuery["apiKeys"]>;
  /** Creates an API key for a user. For administrators. */
  readonly createApiKey: (variables: CreateApiKeyMutationVariables, options?: Options) => Promise<CreateApiKeyMutation["createApiKey"]>;
  /** Revokes an API key: once this is answered, no instance accepts it, and streams that it has opened end. For administrators. */
  readonly revokeApiKey: (variables: RevokeApiKeyMutationVariables, options?: Options) => Promise<RevokeApiKeyMutation["revokeApiKey"]>;
  /** What administrators did and which credentials were refused, the newest first. For administrators. */
  readonly auditEntries: (variables?: AuditEntriesQueryVariables, options?: Options) => Promise<AuditEntriesQuery["auditEntries"]>;
  /** A conversion job by its id; null when there is none. */
  readonly conversionJob: (variables: ConversionJobQueryVariables, options?: Options) => Promise<ConversionJobQuery["conversionJob"]>;
  /** Conversion jobs, of all projects or of one. For everybody but administrators there are those of their own projects; for workers, those whose lease they hold. */
  readonly conversionJobs: (variables?: ConversionJobsQueryVariables, options?: Options) => Promise<ConversionJobsQuery["conversionJobs"]>;
  /** Conversion jobs that are pending, running or paused, the oldest first. */
  readonly activeConversionJobs: (variables?: ActiveConversionJobsQueryVariables, options?: Options) => Promise<ActiveConversionJobsQuery["activeConversionJobs"]>;
  /** A conversion job by its id; null when there is none. */
  readonly conversionJobEvents: (variables: ConversionJobEventsQueryVariables, options?: Options) => Promise<ConversionJobEventsQuery["conversionJob"]>;
  /** Figures over all conversion jobs that there are for whoever asks, or over one project's. */
  readonly conversionJobStatistics: (variables?: ConversionJobStatisticsQueryVariables, options?: Options) => Promise<ConversionJobStatisticsQuery["conversionJobStatistics"]>;
  /** Asks for a conversion. */
  readonly createConversionJob: (variables: CreateConversionJobMutationVariables, options?: Options) => Promise<CreateConversionJobMutation["createConversionJob"]>;
  /** Replaces the plan of a job that is PENDING. */
  readonly updateConversionJob: (variables: UpdateConversionJobMutationVariables, options?: Options) => Promise<UpdateConversionJobMutation["updateConversionJob"]>;
  /** Deletes a job. */
  readonly deleteConversionJob: (variables: DeleteConversionJobMutationVariables, options?: Options) => Promise<DeleteConversionJobMutation["deleteConversionJob"]>;
  /** Deletes jobs that ended long ago, and thins out the progress events of the others. */
  readonly cleanUpConversionJobs: (variables: CleanUpConversionJobsMutationVariables, options?: Options) => Promise<CleanUpConversionJobsMutation["cleanUpConversionJobs"]>;
  /** Stops a job that is RUNNING; its worker is told with its next report. */
  readonly pauseConversionJob: (variables: PauseConversionJobMutationVariables, options?: Options) => Promise<PauseConversionJobMutation["pauseConversionJob"]>;
  /** Lets a paused job go on: with the worker that still holds it, or else with the next. */
  readonly resumeConversionJob: (variables: ResumeConversionJobMutationVariables, options?: Options) => Promise<ResumeConversionJobMutation["resumeConversionJob"]>;
  /** Calls off a job that has not ended. Its worker holds it no longer. */
  readonly cancelConversionJob: (variables: CancelConversionJobMutationVariables, options?: Options) => Promise<CancelConversionJobMutation["cancelConversionJob"]>;
  /** Gives a job that has FAILED more attempts. */
  readonly retryConversionJob: (variables: RetryConversionJobMutationVariables, options?: Options) => Promise<RetryConversionJobMutation["retryConversionJob"]>;
  /** Gives a job that has not ended another priority. */
  readonly reprioritizeConversionJob: (variables: ReprioritizeConversionJobMutationVariables, options?: Options) => Promise<ReprioritizeConversionJobMutation["reprioritizeConversionJob"]>;
  /** A project by its id; null when there is none. */
  readonly project: (variables: ProjectQueryVariables, options?: Options) => Promise<ProjectQuery["project"]>;
  /** Projects, of everybody or of one owner. For everybody but administrators there are their own; for workers, those whose jobs they hold. */
  readonly projects: (variables?: ProjectsQueryVariables, options?: Options) => Promise<ProjectsQuery["projects"]>;
  /** Projects with the text in their name or address, without regard to case, the last changed first. One or two characters match the beginning of names. */
  readonly searchProjects: (variables: SearchProjectsQueryVariables, options?: Options) => Promise<SearchProjectsQuery["searchProjects"]>;
  /** A project by its id; null when there is none. */
  readonly projectFiles: (variables: ProjectFilesQueryVariables, options?: Options) => Promise<ProjectFilesQuery["project"]>;
  /** Figures over all projects that there are for whoever asks, or over one owner's. */
  readonly projectStatistics: (variables?: ProjectStatisticsQueryVariables, options?: Options) => Promise<ProjectStatisticsQuery["projectStatistics"]>;
  /** Adds a project. */
  readonly importProject: (variables: ImportProjectMutationVariables, options?: Options) => Promise<ImportProjectMutation["importProject"]>;
  /** Adds many projects in one transaction. */
  readonly importProjects: (variables: ImportProjectsMutationVariables, options?: Options) => Promise<ImportProjectsMutation["importProjects"]>;
  /** Adds files to a project's structure. */
  readonly addProjectFiles: (variables: AddProjectFilesMutationVariables, options?: Options) => Promise<AddProjectFilesMutation["addProjectFiles"]>;
  /** Changes a project. */
  readonly updateProject: (variables: UpdateProjectMutationVariables, options?: Options) => Promise<UpdateProjectMutation["updateProject"]>;
  /** Chooses what a project shall be converted to. */
  readonly setTargetTechStack: (variables: SetTargetTechStackMutationVariables, options?: Options) => Promise<SetTargetTechStackMutation["setTargetTechStack"]>;
  /** Deletes a project with its files and jobs. */
  readonly deleteProject: (variables: DeleteProjectMutationVariables, options?: Options) => Promise<DeleteProjectMutation["deleteProject"]>;
  /** Any user, project or conversion job by its id; null when there is none. */
  readonly node: (variables: NodeQueryVariables, options?: Options) => Promise<NodeQuery["node"]>;
  /** Any users, projects and conversion jobs by their ids, in the ids' order, null for each that does not exist. */
  readonly nodes: (variables: NodesQueryVariables, options?: Options) => Promise<NodesQuery["nodes"]>;
  /** Whether the service and each of its parts can do their work, asked now. */
  readonly health: (variables?: HealthQueryVariables, options?: Options) => Promise<HealthQuery["health"]>;
  /** The connections to the database of the instance that answers, and what to do about them. */
  readonly poolStatistics: (variables?: PoolStatisticsQueryVariables, options?: Options) => Promise<PoolStatisticsQuery["poolStatistics"]>;
  /** The connections to the database of the instance that answers, and what to do about them. */
  readonly slowQuery: (variables: SlowQueryQueryVariables, options?: Options) => Promise<SlowQueryQuery["poolStatistics"]>;
  /** Figures of the instance that answers, read now. */
  readonly statistics: (variables?: StatisticsQueryVariables, options?: Options) => Promise<StatisticsQuery["statistics"]>;
  /** What the cache of the instance that answers has done, read now. */
  readonly cacheStatistics: (variables?: CacheStatisticsQueryVariables, options?: Options) => Promise<CacheStatisticsQuery["cacheStatistics"]>;
  /** For administrators: voids what is kept, in all instances, before it answers. */
  readonly invalidateCache: (variables: InvalidateCacheMutationVariables, options?: Options) => Promise<InvalidateCacheMutation["invalidateCache"]>;
  /** For administrators: runs queries now, as the one who asks. Rows, lists and figures are warm for everybody then, the answers as a whole for the one who asks. */
  readonly warmCache: (variables: WarmCacheMutationVariables, options?: Options) => Promise<WarmCacheMutation["warmCache"]>;
  /** For administrators: counts the figures of the instance that answers from 0 again. */
  readonly resetCacheStatistics: (variables: ResetCacheStatisticsMutationVariables, options?: Options) => Promise<ResetCacheStatisticsMutation["resetCacheStatistics"]>;
  /** For administrators: prunes what nobody needs, and vacuums, analyzes and reindexes what needs it. Answers when it is done; `CONFLICT` says who is at it already, and since when. */
  readonly performMaintenance: (variables: PerformMaintenanceMutationVariables, options?: Options) => Promise<PerformMaintenanceMutation["performMaintenance"]>;
  /** Who sends this request; null for nobody in particular. */
  readonly viewer: (variables?: ViewerQueryVariables, options?: Options) => Promise<ViewerQuery["viewer"]>;
  /** A user by `id` or by `githubId`, whichever is given; null when there is none. */
  readonly user: (variables?: UserQueryVariables, options?: Options) => Promise<UserQuery["user"]>;
  /** All users that there are for whoever asks, oldest first: for everybody but administrators, themselves. */
  readonly users: (variables?: UsersQueryVariables, options?: Options) => Promise<UsersQuery["users"]>;
  /** Figures over the users that there are for whoever asks. */
  readonly userStatistics: (variables?: UserStatisticsQueryVariables, options?: Options) => Promise<UserStatisticsQuery["userStatistics"]>;
  /** Adds the user with this GitHub id, or updates the one there is. */
  readonly upsertUser: (variables: UpsertUserMutationVariables, options?: Options) => Promise<UpsertUserMutation["upsertUser"]>;
  /** Changes a user. */
  readonly updateUser: (variables: UpdateUserMutationVariables, options?: Options) => Promise<UpdateUserMutation["updateUser"]>;
  /** Keeps a user's GitHub access token for the service's own use, encrypted. No field ever gives it out again. */
  readonly setGithubToken: (variables: SetGithubTokenMutationVariables, options?: Options) => Promise<SetGithubTokenMutation["setGithubToken"]>;
  /** Deletes a user with their projects and those projects' jobs. */
  readonly deleteUser: (variables: DeleteUserMutationVariables, options?: Options) => Promise<DeleteUserMutation["deleteUser"]>;
  /** Gives a worker jobs to do, under a lease. */
  readonly claimConversionJobs: (variables: ClaimConversionJobsMutationVariables, options?: Options) => Promise<ClaimConversionJobsMutation["claimConversionJobs"]>;
  /** Says how far jobs have come, and that their worker is alive: renews their leases. */
  readonly reportProgress: (variables: ReportProgressMutationVariables, options?: Options) => Promise<ReportProgressMutation["reportProgress"]>;
  /** Stores what came of one task, once for each attempt: the same again changes nothing and gives the same answer. */
  readonly reportTaskResult: (variables: ReportTaskResultMutationVariables, options?: Options) => Promise<ReportTaskResultMutation["reportTaskResult"]>;
  /** Ends jobs as COMPLETED. */
  readonly completeConversionJobs: (variables: CompleteConversionJobsMutationVariables, options?: Options) => Promise<CompleteConversionJobsMutation["completeConversionJobs"]>;
  /** Ends attempts: the next one follows after a pause, or the jobs have FAILED. */
  readonly failConversionJobs: (variables: FailConversionJobsMutationVariables, options?: Options) => Promise<FailConversionJobsMutation["failConversionJobs"]>;
  /** Gives jobs back unfinished, for another worker to go on with. It counts as no failure. */
  readonly releaseConversionJobs: (variables: ReleaseConversionJobsMutationVariables, options?: Options) => Promise<ReleaseConversionJobsMutation["releaseConversionJobs"]>;
}

/** All operations over one way to send them. Whoever calls this has all documents in the bundle. */
export function createOperations<Options>(request: Request<Options>): Operations<Options> {
  return {
    apiKeys: async (variables, options) => (await request(ApiKeysDocument, variables ?? {}, options)).apiKeys,
    createApiKey: async (variables, options) => (await request(CreateApiKeyDocument, variables, options)).createApiKey,
    revokeApiKey: async (variables, options) => (await request(RevokeApiKeyDocument, variables, options)).revokeApiKey,
    auditEntries: async (variables, options) => (await request(AuditEntriesDocument, variables ?? {}, options)).auditEntries,
    conversionJob: async (variables, options) => (await request(ConversionJobDocument, variables, options)).conversionJob,
    conversionJobs: async (variables, options) => (await request(ConversionJobsDocument, variables ?? {}, options)).conversionJobs,
    activeConversionJobs: async (variables, options) => (await request(ActiveConversionJobsDocument, variables ?? {}, options)).activeConversionJobs,
    conversionJobEvents: async (variables, options) => (await request(ConversionJobEventsDocument, variables, options)).conversionJob,
    conversionJobStatistics: async (variables, options) => (await request(ConversionJobStatisticsDocument, variables ?? {}, options)).conversionJobStatistics,
    createConversionJob: async (variables, options) => (await request(CreateConversionJobDocument, variables, options)).createConversionJob,
    updateConversionJob: async (variables, options) => (await request(UpdateConversionJobDocument, variables, options)).updateConversionJob,
    deleteConversionJob: async (variables, options) => (await request(DeleteConversionJobDocument, variables, options)).deleteConversionJob,
    cleanUpConversionJobs: async (variables, options) => (await request(CleanUpConversionJobsDocument, variables, options)).cleanUpConversionJobs,
    pauseConversionJob: async (variables, options) => (await request(PauseConversionJobDocument, variables, options)).pauseConversionJob,
    resumeConversionJob: async (variables, options) => (await request(ResumeConversionJobDocument, variables, options)).resumeConversionJob,
    cancelConversionJob: async (variables, options) => (await request(CancelConversionJobDocument, variables, options)).cancelConversionJob,
    retryConversionJob: async (variables, options) => (await request(RetryConversionJobDocument, variables, options)).retryConversionJob,
    reprioritizeConversionJob: async (variables, options) => (await request(ReprioritizeConversionJobDocument, variables, options)).reprioritizeConversionJob,
    project: async (variables, options) => (await request(ProjectDocument, variables, options)).project,
    projects: async (variables, options) => (await request(ProjectsDocument, variables ?? {}, options)).projects,
    searchProjects: async (variables, options) => (await request(SearchProjectsDocument, variables, options)).searchProjects,
    projectFiles: async (variables, options) => (await request(ProjectFilesDocument, variables, options)).project,
    projectStatistics: async (variables, options) => (await request(ProjectStatisticsDocument, variables ?? {}, options)).projectStatistics,
    importProject: async (variables, options) => (await request(ImportProjectDocument, variables, options)).importProject,
    importProjects: async (variables, options) => (await request(ImportProjectsDocument, variables, options)).importProjects,
    addProjectFiles: async (variables, options) => (await request(AddProjectFilesDocument, variables, options)).addProjectFiles,
    updateProject: async (variables, options) => (await request(UpdateProjectDocument, variables, options)).updateProject,
    setTargetTechStack: async (variables, options) => (await request(SetTargetTechStackDocument, variables, options)).setTargetTechStack,
    deleteProject: async (variables, options) => (await request(DeleteProjectDocument, variables, options)).deleteProject,
    node: async (variables, options) => (await request(NodeDocument, variables, options)).node,
    nodes: async (variables, options) => (await request(NodesDocument, variables, options)).nodes,
    health: async (variables, options) => (await request(HealthDocument, variables ?? {}, options)).health,
    poolStatistics: async (variables, options) => (await request(PoolStatisticsDocument, variables ?? {}, options)).poolStatistics,
    slowQuery: async (variables, options) => (await request(SlowQueryDocument, variables, options)).poolStatistics,
    statistics: async (variables, options) => (await request(StatisticsDocument, variables ?? {}, options)).statistics,
    cacheStatistics: async (variables, options) => (await request(CacheStatisticsDocument, variables ?? {}, options)).cacheStatistics,
    invalidateCache: async (variables, options) => (await request(InvalidateCacheDocument, variables, options)).invalidateCache,
    warmCache: async (variables, options) => (await request(WarmCacheDocument, variables, options)).warmCache,
    resetCacheStatistics: async (variables, options) => (await request(ResetCacheStatisticsDocument, variables, options)).resetCacheStatistics,
    performMaintenance: async (variables, options) => (await request(PerformMaintenanceDocument, variables, options)).performMaintenance,
    viewer: async (variables, options) => (await request(ViewerDocument, variables ?? {}, options)).viewer,
    user: async (variables, options) => (await request(UserDocument, variables ?? {}, options)).user,
    users: async (variables, options) => (await request(UsersDocument, variables ?? {}, options)).users,
    userStatistics: async (variables, options) => (await request(UserStatisticsDocument, variables ?? {}, options)).userStatistics,
    upsertUser: async (variables, options) => (await request(UpsertUserDocument, variables, options)).upsertUser,
    updateUser: async (variables, options) => (await request(UpdateUserDocument, variables, options)).updateUser,
    setGithubToken: async (variables, options) => (await request(SetGithubTokenDocument, variables, options)).setGithubToken,
    deleteUser: async (variables, options) => (await request(DeleteUserDocument, variables, options)).deleteUser,
    claimConversionJobs: async (variables, options) => (await request(ClaimConversionJobsDocument, variables, options)).claimConversionJobs,
    reportProgress: async (variables, options) => (await request(ReportProgressDocument, variables, options)).reportProgress,
    reportTaskResult: async (variables, options) => (await request(ReportTaskResultDocument, variables, options)).reportTaskResult,
    completeConversionJobs: async (variables, options) => (await request(CompleteConversionJobsDocument, variables, options)).completeConversionJobs,
    failConversionJobs: async (variables, options) => (await request(FailConversionJobsDocument, variables, options)).failConversionJobs,
    releaseConversionJobs: async (variables, options) => (await request(ReleaseConversionJobsDocument, variables, options)).releaseConversionJobs,
  };
}
