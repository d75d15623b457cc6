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
  /** A point in time in the format of RFC 3339, in UTC and with milliseconds: `2026-03-01T12:00:00.000Z`. Inputs may have another offset from UTC. */
  DateTime: { input: string; output: string; }
  /** An integer from −(2⁵³ − 1) to 2⁵³ − 1, the range in which a JSON number is exact. */
  SafeInt: { input: number; output: number; }
};

/** Some of a project's files. A file whose path is known already is overwritten. */
export type AddProjectFilesInput = {
  /** The files: up to 5000, each path once. */
  readonly files: ReadonlyArray<ProjectFileInput>;
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Whether these are the project's last files. With the last files the project becomes `READY`; until then it is `ANALYZING`. */
  readonly isLast: Scalars['Boolean']['input'];
  /** The project's id. */
  readonly projectId: Scalars['ID']['input'];
};

/** A permission of an API key. It never allows more than the role of the key's user does. */
export type ApiKeyScope =
  /** Everything that the user's role allows. */
  | 'ADMIN'
  /** Claim conversion jobs and report on them. */
  | 'JOBS_WORK'
  /** Read projects, their files, jobs and activity. */
  | 'PROJECTS_READ'
  /** Change projects and their jobs. Reading them is not included. */
  | 'PROJECTS_WRITE'
  /** Read users. */
  | 'USERS_READ'
  /** Add and change users. */
  | 'USERS_WRITE';

/** What to do about a setting of the cache. */
export type CacheAdviceAction =
  /** Leave the setting as it is. */
  | 'KEEP'
  /** Give the cache more memory (`CACHE_MAX_BYTES`). */
  | 'MEMORY'
  /** Set a longer time to live. */
  | 'RAISE';

/** For whom a response may be cached. */
export type CacheControlScope =
  /** Only for authenticated viewers. */
  | 'PRIVATE'
  /** For every viewer. */
  | 'PUBLIC';

/** The state of an epoch. */
export type CacheEpochState =
  /** Answers may be served from the epoch. */
  | 'LIVE'
  /** The epoch is about to begin. */
  | 'QUIESCING'
  /** The epoch has ended. */
  | 'RETIRED'
  /** The epoch has ended, but some instances may not have heard of it yet. */
  | 'RETIRING';

/** A group of cache statistics that are reset together. */
export type CacheFigures =
  /** The counters of all layers, of the replicas and of the relay. */
  | 'ANSWERS'
  /** The counters of the cache manager's keys in Redis. */
  | 'MANAGER'
  /** The counters of replayed requests. */
  | 'REPLAY'
  /** The counters `samples` and `violations`. */
  | 'SAMPLER';

/** A layer of the cache. */
export type CacheLayerName =
  /** Pages and totals of lists. */
  | 'COLLECTIONS'
  /** Single rows. */
  | 'ENTITIES'
  /** Whole responses to queries. */
  | 'RESPONSES'
  /** Statistics about rows. */
  | 'STATISTICS';

/** Why nothing is served from the cache. Meanwhile answers come from the database. */
export type CacheObstacle =
  /** For a second, no instance has reported changes by programs other than the service. */
  | 'LAGGING'
  /** Redis or PostgreSQL was restarted or could not be reached. The cache is about to begin a new epoch. */
  | 'LOST'
  /** This instance has not heard from PostgreSQL for a second. */
  | 'NO_LEASE'
  /** The cache is turned off (`CACHE_ENABLED`). */
  | 'OFF'
  /** A new epoch is beginning. It waits for transactions that began earlier to end. */
  | 'QUIESCING'
  /** Redis does not answer. */
  | 'UNREACHABLE';

/** The job to cancel. */
export type CancelConversionJobInput = {
  /** The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** A worker's request for jobs. */
export type ClaimConversionJobsInput = {
  /** The kinds of work that the worker can do, up to 100. It gets only jobs whose plans need no other kinds. */
  readonly agentTypes: ReadonlyArray<Scalars['String']['input']>;
  /** The maximum number of jobs to claim: 1 to 100. */
  readonly count?: Scalars['Int']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The length of the lease in seconds: 1 to 3,600. The worker loses the jobs after so long without a report. */
  readonly leaseSeconds?: Scalars['Int']['input'];
  /** How long to wait if there is no job to claim, in seconds: 0 to 30. */
  readonly waitSeconds?: Scalars['Float']['input'];
  /** A name that the worker chooses for itself: 1 to 200 characters. Later calls about the jobs must use it. */
  readonly workerId: Scalars['String']['input'];
};

/** Which finished jobs and which progress events to delete. */
export type CleanUpConversionJobsInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Deletes jobs that ended more than this many days ago: 1 to 36,500. */
  readonly olderThanDays: Scalars['Int']['input'];
  /** Of a job's progress events older than this many days (1 to 36,500), only the last of each minute is kept. All other events are kept. */
  readonly thinProgressOlderThanDays?: Scalars['Int']['input'];
};

/** Jobs that the worker has finished. */
export type CompleteConversionJobsInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The jobs: 1 to 100, each once. A job that cannot be changed does not affect the others. */
  readonly jobs: ReadonlyArray<HeldConversionJobInput>;
  /** The name that the worker claims jobs with: 1 to 200 characters. */
  readonly workerId: Scalars['String']['input'];
};

/** The kinds of events in a conversion job's log. */
export type ConversionJobEventType =
  /** The worker reported a failure, and another attempt follows. */
  | 'ATTEMPT_FAILED'
  /** The job's owner cancelled it. */
  | 'CANCELLED'
  /** A worker claimed the job. */
  | 'CLAIMED'
  /** The job succeeded. */
  | 'COMPLETED'
  /** The job was created. */
  | 'CREATED'
  /** The lease expired before the worker reported, so the worker lost the job. */
  | 'EXPIRED'
  /** The worker reported a failure, and the job failed for good. */
  | 'FAILED'
  /** The job's owner paused it. */
  | 'PAUSED'
  /** The job's plan was replaced. */
  | 'PLAN_CHANGED'
  /** The worker reported more progress or another current task. */
  | 'PROGRESS'
  /** The worker gave the job back unfinished. */
  | 'RELEASED'
  /** The job got another priority. */
  | 'REPRIORITIZED'
  /** The job's owner resumed it. */
  | 'RESUMED'
  /** The job's owner gave the failed job more attempts. */
  | 'RETRIED'
  /** The worker reported the result of one of the plan's tasks. */
  | 'TASK_RESULT';

/** A job that failed, and why. */
export type ConversionJobFailureInput = {
  /** Why the job failed, for people to read: 1 to 10,000 characters. */
  readonly errorMessage: Scalars['String']['input'];
  /** The fencing token from the claim of the job. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** Whether another attempt could succeed. If not, the job is `FAILED` whatever attempts are left. */
  readonly isRetryable?: Scalars['Boolean']['input'];
};

/** The order of a list of conversion jobs. Jobs that are equal in it are sorted by id. */
export type ConversionJobOrder = {
  /** The property to sort by. */
  readonly by: ConversionJobSortKey;
  /** The direction to sort in. */
  readonly direction: SortDirection;
};

/** The progress of a job. Without `progress` and `currentTask` it is a heartbeat, which only renews the lease. */
export type ConversionJobProgressInput = {
  /** What the worker is doing: 1 to 1,000 characters. Null for nothing in particular. If left out, it stays as it is. */
  readonly currentTask?: InputMaybe<Scalars['String']['input']>;
  /** The fencing token from the claim of the job. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** The progress in percent: 0 to 100. A value below the one that the job has already in this attempt is ignored. */
  readonly progress?: InputMaybe<Scalars['Int']['input']>;
};

/** The properties that conversion jobs can be sorted by. */
export type ConversionJobSortKey =
  /** The time when the job was created. */
  | 'CREATED_AT';

/** The status of a conversion job. */
export type ConversionJobStatus =
  /** The job was cancelled. */
  | 'CANCELLED'
  /** The job succeeded. */
  | 'COMPLETED'
  /** The job failed for good; `errorMessage` says why. */
  | 'FAILED'
  /** The job was started, and is waiting to be resumed. A worker may still hold it. */
  | 'PAUSED'
  /** The job is waiting for a worker, which may claim it from `availableAt` on. */
  | 'PENDING'
  /** A worker holds the lease and is working on the job. */
  | 'RUNNING';

/** A plan for the conversion of a project. */
export type ConversionPlanInput = {
  /** How hard the conversion is. */
  readonly complexity?: PlanComplexity;
  /** Whether the planner thinks that the conversion can succeed. */
  readonly feasible?: Scalars['Boolean']['input'];
  /** The tasks of the plan: 1 to 500. */
  readonly tasks: ReadonlyArray<ConversionTaskInput>;
  /** The warnings of the planner: up to 100, of up to 1,000 characters each. */
  readonly warnings?: ReadonlyArray<Scalars['String']['input']>;
};

/** A task of a conversion plan: one step, for one worker. */
export type ConversionTaskInput = {
  /** The kind of worker that the task needs: 1 to 100 characters. */
  readonly agentType: Scalars['String']['input'];
  /** The ids of the tasks that must be finished before this one, up to 500. They must be in the same plan and form no cycle. */
  readonly dependencies?: ReadonlyArray<Scalars['String']['input']>;
  /** What the task is to do: 1 to 5,000 characters. */
  readonly description: Scalars['String']['input'];
  /** How long the task is expected to take, in seconds: 0 to 31,536,000. */
  readonly estimatedDuration?: InputMaybe<Scalars['Int']['input']>;
  /** The task's id, unique within its plan: 1 to 100 characters. */
  readonly id: Scalars['String']['input'];
  /** The paths of the files that the task reads, up to 1,000. If the project's files are known, each must be one of them, or be written by a task of the plan. */
  readonly inputFiles?: ReadonlyArray<Scalars['String']['input']>;
  /** The paths of the files that the task writes, up to 1,000. */
  readonly outputFiles?: ReadonlyArray<Scalars['String']['input']>;
  /** The task's priority within its plan: −1,000 to 1,000. Higher goes first. */
  readonly priority?: Scalars['Int']['input'];
  /** The kind of work, in the planner's words: 1 to 100 characters. */
  readonly type: Scalars['String']['input'];
};

/** The API key to create. */
export type CreateApiKeyInput = {
  /** When the key expires, which must be in the future. If left out, it is valid until it is revoked. */
  readonly expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** What the key is for: 1 to 100 characters. */
  readonly name: Scalars['String']['input'];
  /** What the key may do, within what the user's role allows: at least one scope. */
  readonly scopes: ReadonlyArray<ApiKeyScope>;
  /** The user that a program with this key acts as. */
  readonly userId: Scalars['ID']['input'];
};

/** The conversion job to create. */
export type CreateConversionJobInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The number of attempts: 1 to 100. After so many failures or lost leases the job is `FAILED`. */
  readonly maxAttempts?: Scalars['Int']['input'];
  /** How to convert the project. */
  readonly plan: ConversionPlanInput;
  /** The job's priority: −1,000 to 1,000. Jobs with a higher priority are claimed first. */
  readonly priority?: Scalars['Int']['input'];
  /** The id of the project to convert. */
  readonly projectId: Scalars['ID']['input'];
};

/** The job to delete. */
export type DeleteConversionJobInput = {
  /** The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The project to delete. */
export type DeleteProjectInput = {
  /** The version that the mutation is based on. If the project has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The project's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The user to delete. */
export type DeleteUserInput = {
  /** The user's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** Jobs that the worker cannot finish. */
export type FailConversionJobsInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The jobs: 1 to 100, each once. A job that cannot be changed does not affect the others. */
  readonly jobs: ReadonlyArray<ConversionJobFailureInput>;
  /** The name that the worker claims jobs with: 1 to 200 characters. */
  readonly workerId: Scalars['String']['input'];
};

/** A change that a task made to a file. */
export type FileChangeInput = {
  /** The kind of change. */
  readonly kind: FileChangeKind;
  /** The file's path: 1 to 1,024 characters. */
  readonly path: Scalars['String']['input'];
  /** A short summary of the change, up to 1,000 characters. */
  readonly summary?: InputMaybe<Scalars['String']['input']>;
};

/** The kind of change to a file. */
export type FileChangeKind =
  /** The file was created. */
  | 'CREATED'
  /** The file was deleted. */
  | 'DELETED'
  /** The file's content was changed. */
  | 'MODIFIED';

/** Whether the service, or a part of it, can do its work. */
export type HealthStatus =
  /** It can do its work. */
  | 'HEALTHY'
  /** It cannot do its work. */
  | 'UNHEALTHY';

/** A job that the worker holds. */
export type HeldConversionJobInput = {
  /** The fencing token from the claim of the job. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
};

/** A project to import. Its files follow with `addProjectFiles`. */
export type ImportProjectInput = {
  /** What the project is, up to 5,000 characters. */
  readonly description?: InputMaybe<Scalars['String']['input']>;
  /** The URL of the project's source: https, http, ssh, git or file, without a password and up to 2,048 characters. */
  readonly githubUrl: Scalars['String']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The project's name: 1 to 200 characters. */
  readonly name: Scalars['String']['input'];
  /** The tech stack that the project is built with. */
  readonly originalTechStack?: InputMaybe<TechStackInput>;
  /** The user who will own the project: the viewer, if left out. Only administrators may name another user. */
  readonly ownerId?: InputMaybe<Scalars['ID']['input']>;
  /** The tech stack that the project is to be converted to. */
  readonly targetTechStack?: InputMaybe<TechStackInput>;
};

/** Projects to import in one transaction: if one of them is not valid, none is imported. */
export type ImportProjectsInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The projects: 1 to 1000. */
  readonly projects: ReadonlyArray<ImportProjectInput>;
};

/** What can be done to an index. */
export type IndexMaintenanceAction =
  /** Drop what an interrupted rebuild has left. */
  | 'DROP'
  /** Rebuild the index, without keeping out readers and writers. */
  | 'REINDEX';

/** What to discard from the cache: tags, a pattern, or both. */
export type InvalidateCacheInput = {
  /** Accepted for consistency with the other mutations. This mutation is safe to send again without a key: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** A glob of up to 256 characters. The cache manager's keys in Redis that match it are deleted. `*`, `?` and `[a-c]` have their usual meaning, and `\` makes the next character literal. At most 5 asterisks are allowed. */
  readonly pattern?: InputMaybe<Scalars['String']['input']>;
  /** Tags that cached answers depend on, up to 1000: `Project:<id>` (one row), `Project@userId=<id>` (the projects of one user), `Project#` (lists and statistics of all projects) or `Project!` (everything about projects). All instances discard every cached answer that has one of these tags. */
  readonly tags?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
};

/** The job to pause. */
export type PauseConversionJobInput = {
  /** The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The options of a maintenance run. */
export type PerformMaintenanceInput = {
  /** Accepted for consistency with the other mutations. This mutation is safe to send again without a key: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Whether to change nothing, and only report what would be done. The default is false. */
  readonly isDryRun?: InputMaybe<Scalars['Boolean']['input']>;
  /** Whether to vacuum every table, not only those that need it. The default is false. */
  readonly isFullPass?: InputMaybe<Scalars['Boolean']['input']>;
};

/** How hard a conversion is, in the planner's judgement. */
export type PlanComplexity =
  /** Much of the project has to be redesigned. */
  | 'HIGH'
  /** The conversion is mostly mechanical. */
  | 'LOW'
  /** Some parts of the conversion need thought. */
  | 'MEDIUM';

/** The problem that an advice is about. */
export type PoolAdviceKind =
  /** A large table is read from end to end. */
  | 'ADD_INDEX'
  /** Other programs hold connections that they do not use. */
  | 'CLOSE_UNUSED'
  /** A transaction has been open for too long. */
  | 'END_TRANSACTION'
  /** This instance may open more connections than it needs. */
  | 'LOWER_MAX'
  /** More idle connections are kept open than are ever in use. */
  | 'LOWER_MIN'
  /** There are too few connections. */
  | 'RAISE_MAX';

/** A file of a project. */
export type ProjectFileInput = {
  /** The language that the file is written in: 1 to 100 characters. */
  readonly language?: InputMaybe<Scalars['String']['input']>;
  /** The file's path from the project's root, with forward slashes and without `.` or `..`: 1 to 1,024 characters, and up to 2,600 bytes in UTF-8. */
  readonly path: Scalars['String']['input'];
  /** The file's size in bytes. */
  readonly sizeBytes: Scalars['SafeInt']['input'];
};

/** The order of a list of projects. Projects that are equal in it are sorted by id. */
export type ProjectOrder = {
  /** The property to sort by. */
  readonly by: ProjectSortKey;
  /** The direction to sort in. */
  readonly direction: SortDirection;
};

/** The properties that projects can be sorted by. */
export type ProjectSortKey =
  /** The time when the project was imported. */
  | 'CREATED_AT'
  /** The time when the project was last changed. */
  | 'UPDATED_AT';

/** The status of a project. */
export type ProjectStatus =
  /** The project's files are being listed and analyzed. */
  | 'ANALYZING'
  /** The last conversion of the project succeeded. */
  | 'COMPLETED'
  /** A conversion job of the project has started, and not all of its jobs have ended. */
  | 'CONVERTING'
  /** The import or the last conversion of the project failed. */
  | 'FAILED'
  /** The project is registered, but its files are not known yet. */
  | 'IMPORTED'
  /** The project can be converted. */
  | 'READY';

/** Jobs that the worker gives back unfinished. */
export type ReleaseConversionJobsInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The jobs: 1 to 100, each once. A job that cannot be changed does not affect the others. */
  readonly jobs: ReadonlyArray<HeldConversionJobInput>;
  /** The name that the worker claims jobs with: 1 to 200 characters. */
  readonly workerId: Scalars['String']['input'];
};

/** The progress of jobs that the worker holds. Reporting it renews their leases. */
export type ReportProgressInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The jobs: 1 to 100, each once. A job that cannot be changed does not affect the others. */
  readonly jobs: ReadonlyArray<ConversionJobProgressInput>;
  /** The name that the worker claims jobs with: 1 to 200 characters. */
  readonly workerId: Scalars['String']['input'];
};

/** The result of one task of a job's plan. Reporting it renews the job's lease. */
export type ReportTaskResultInput = {
  /** Why the task failed, up to 10,000 characters. */
  readonly error?: InputMaybe<Scalars['String']['input']>;
  /** The fencing token from the claim of the job. */
  readonly fencingToken: Scalars['SafeInt']['input'];
  /** The changes that the task made to files, up to 5,000. */
  readonly fileChanges?: ReadonlyArray<FileChangeInput>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The worker's report, up to 100,000 characters. */
  readonly output?: InputMaybe<Scalars['String']['input']>;
  /** How the task ended: `COMPLETED`, `FAILED` or `SKIPPED`. */
  readonly status: TaskStatus;
  /** The id of the task in the plan. */
  readonly taskId: Scalars['String']['input'];
  /** The name that the worker claims jobs with: 1 to 200 characters. */
  readonly workerId: Scalars['String']['input'];
};

/** A new priority for a job. */
export type ReprioritizeConversionJobInput = {
  /** The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The job's priority: −1,000 to 1,000. Jobs with a higher priority are claimed first. */
  readonly priority: Scalars['Int']['input'];
};

/** Which cache statistics to reset. */
export type ResetCacheStatisticsInput = {
  /** The groups to reset. If left out, all of them are reset. */
  readonly figures?: InputMaybe<ReadonlyArray<CacheFigures>>;
  /** Accepted for consistency with the other mutations. This mutation is safe to send again without a key: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The job to resume. */
export type ResumeConversionJobInput = {
  /** The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The failed job to retry. */
export type RetryConversionJobInput = {
  /** The number of further attempts: 1 to 100. */
  readonly attempts?: Scalars['Int']['input'];
  /** The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The API key to revoke. */
export type RevokeApiKeyInput = {
  /** The API key's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
};

/** The GitHub access token of a user. */
export type SetGithubTokenInput = {
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The token: 1 to 1,024 characters. If it is null or left out, the stored token is deleted. */
  readonly token?: InputMaybe<Scalars['String']['input']>;
  /** The user's id. */
  readonly userId: Scalars['ID']['input'];
};

/** The tech stack that a project is to be converted to. */
export type SetTargetTechStackInput = {
  /** The version that the mutation is based on. If the project has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The project's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The tech stack. It replaces the previous one as a whole. */
  readonly targetTechStack: TechStackInput;
};

/** The direction in which a list is sorted. */
export type SortDirection =
  /** Ascending: the smallest or oldest first. */
  | 'ASC'
  /** Descending: the largest or newest first. */
  | 'DESC';

/** What can be done to a table. */
export type TableMaintenanceAction =
  /** Update the planner's statistics. */
  | 'ANALYZE'
  /** Make the space of dead rows available again, and update the planner's statistics. */
  | 'VACUUM'
  /** Do the same as `VACUUM`, and freeze old transaction ids. */
  | 'VACUUM_FREEZE';

/** The status of one task of a plan. */
export type TaskStatus =
  /** The task succeeded. */
  | 'COMPLETED'
  /** The task failed; the `error` of its result says why. */
  | 'FAILED'
  /** The task is waiting for its turn. */
  | 'PENDING'
  /** A worker is working on the task. */
  | 'RUNNING'
  /** The task was not needed, or a task that it depends on failed. */
  | 'SKIPPED';

/** The technologies that a project is built with, or is to be converted to. Each text has 1 to 100 characters. */
export type TechStackInput = {
  /** Technologies that fit nowhere else, most relevant first: up to 50. */
  readonly additional?: InputMaybe<ReadonlyArray<Scalars['String']['input']>>;
  /** The tool that builds the project. */
  readonly buildTool?: InputMaybe<Scalars['String']['input']>;
  /** The main database. */
  readonly database?: InputMaybe<Scalars['String']['input']>;
  /** What the project is deployed with or to. */
  readonly deployment?: InputMaybe<Scalars['String']['input']>;
  /** The main framework. */
  readonly framework?: InputMaybe<Scalars['String']['input']>;
  /** The main programming language. */
  readonly language?: InputMaybe<Scalars['String']['input']>;
  /** The tool that installs the project's dependencies. */
  readonly packageManager?: InputMaybe<Scalars['String']['input']>;
  /** What the project runs on, such as `Node.js 20`. */
  readonly runtime?: InputMaybe<Scalars['String']['input']>;
};

/** A new plan for a job that is still `PENDING`. */
export type UpdateConversionJobInput = {
  /** The version that the mutation is based on. If the job has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The job's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The new plan. It replaces the previous one as a whole. */
  readonly plan: ConversionPlanInput;
};

/** Changes to a project. What is left out stays as it is. */
export type UpdateProjectInput = {
  /** What the project is, up to 5,000 characters. Null removes the description. */
  readonly description?: InputMaybe<Scalars['String']['input']>;
  /** The version that the mutation is based on. If the project has another version by now, the mutation fails with `VERSION_CONFLICT`. If left out, the version is not checked. */
  readonly expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The URL of the project's source: https, http, ssh, git or file, without a password and up to 2,048 characters. */
  readonly githubUrl?: InputMaybe<Scalars['String']['input']>;
  /** The project's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The project's name: 1 to 200 characters. */
  readonly name?: InputMaybe<Scalars['String']['input']>;
  /** The tech stack that the project is built with. It replaces the previous one as a whole. */
  readonly originalTechStack?: InputMaybe<TechStackInput>;
  /** The project's status: `IMPORTED`, `ANALYZING`, `READY` or `FAILED`. The other statuses follow from the project's jobs. */
  readonly status?: InputMaybe<ProjectStatus>;
  /** The tech stack that the project is to be converted to. It replaces the previous one as a whole. Null removes it. */
  readonly targetTechStack?: InputMaybe<TechStackInput>;
};

/** Changes to a user. What is left out stays as it is. */
export type UpdateUserInput = {
  /** The http(s) URL of a picture of the user; null removes it. */
  readonly avatarUrl?: InputMaybe<Scalars['String']['input']>;
  /** The user's email address; null removes it. */
  readonly email?: InputMaybe<Scalars['String']['input']>;
  /** The user's id. */
  readonly id: Scalars['ID']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The user's role. Only administrators may change it. */
  readonly role?: InputMaybe<UserRole>;
  /** The name of the user's GitHub account: 1 to 100 characters. */
  readonly username?: InputMaybe<Scalars['String']['input']>;
};

/** A user, as GitHub describes them. */
export type UpsertUserInput = {
  /** The http(s) URL of a picture of the user. If left out, it stays as it is; null removes it. */
  readonly avatarUrl?: InputMaybe<Scalars['String']['input']>;
  /** The user's email address. If left out, it stays as it is; null removes it. */
  readonly email?: InputMaybe<Scalars['String']['input']>;
  /** The numeric id of the user's GitHub account: 1 to 20 digits. */
  readonly githubId: Scalars['String']['input'];
  /** A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The name of the user's GitHub account: 1 to 100 characters. */
  readonly username: Scalars['String']['input'];
};

/** The role of a user, which decides what the user may do. */
export type UserRole =
  /** The user can do everything. */
  | 'ADMIN'
  /** The user can see and change what they own. */
  | 'USER'
  /** The user can carry out conversion jobs. */
  | 'WORKER';

/** The queries to run before clients send them. */
export type WarmCacheInput = {
  /** Accepted for consistency with the other mutations. This mutation is safe to send again without a key: it only does the same once more. */
  readonly idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The queries: 1 to 100. */
  readonly operations: ReadonlyArray<WarmOperationInput>;
};

/** A query to run, so that its answer is cached. */
export type WarmOperationInput = {
  /** Which operation of the document to run. Needed only if it has several. */
  readonly operationName?: InputMaybe<Scalars['String']['input']>;
  /** The GraphQL document, byte for byte as clients will send it. */
  readonly query: Scalars['String']['input'];
  /** The variables: a JSON object, encoded as text. */
  readonly variables?: InputMaybe<Scalars['String']['input']>;
};

/** What a worker must do with a job after a call about it. */
export type WorkerDirective =
  /** Continue to work on the job. */
  | 'CONTINUE'
  /** Stop working, because the owner has paused the job. Keep reporting progress to keep the lease, or release the job. */
  | 'PAUSE'
  /** Abandon the job: the worker no longer holds it. */
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
/** Sends one document and resolves to its data. */
export type Request<Options> = <TResult, TVariables>(document: TypedDocumentString<TResult, TVariables>, variables: TVariables, options?: Options) => Promise<TResult>;

/** A function for each operation. The functions can be passed around, because none uses `this`. */
export interface Operations<Options> {
  /** All API keys, or those of one user, newest first. Administrators only. */
  readonly apiKeys: (variables?: ApiKeysQueryVariables, options?: Options) => Promise<ApiKeysQuery["apiKeys"]>;
  /** Creates an API key for a user. Administrators only. */
  readonly createApiKey: (variables: CreateApiKeyMutationVariables, options?: Options) => Promise<CreateApiKeyMutation["createApiKey"]>;
  /** Revokes an API key. Once this is answered, no instance accepts the key, and streams that were opened with it end. Administrators only. */
  readonly revokeApiKey: (variables: RevokeApiKeyMutationVariables, options?: Options) => Promise<RevokeApiKeyMutation["revokeApiKey"]>;
  /** The audit log: administrative actions and refused credentials, newest first. Administrators only. */
  readonly auditEntries: (variables?: AuditEntriesQueryVariables, options?: Options) => Promise<AuditEntriesQuery["auditEntries"]>;
  /** The conversion job with this id. Null if it does not exist or the viewer cannot see it. */
  readonly conversionJob: (variables: ConversionJobQueryVariables, options?: Options) => Promise<ConversionJobQuery["conversionJob"]>;
  /** All conversion jobs that the viewer can see, or those of one project. Administrators see all jobs, users those of their own projects, and workers those whose lease they hold. */
  readonly conversionJobs: (variables?: ConversionJobsQueryVariables, options?: Options) => Promise<ConversionJobsQuery["conversionJobs"]>;
  /** Conversion jobs that are `PENDING`, `RUNNING` or `PAUSED` and that the viewer can see, oldest first. */
  readonly activeConversionJobs: (variables?: ActiveConversionJobsQueryVariables, options?: Options) => Promise<ActiveConversionJobsQuery["activeConversionJobs"]>;
  /** The conversion job with this id. Null if it does not exist or the viewer cannot see it. */
  readonly conversionJobEvents: (variables: ConversionJobEventsQueryVariables, options?: Options) => Promise<ConversionJobEventsQuery["conversionJob"]>;
  /** Statistics about all conversion jobs that the viewer can see, or about those of one project. */
  readonly conversionJobStatistics: (variables?: ConversionJobStatisticsQueryVariables, options?: Options) => Promise<ConversionJobStatisticsQuery["conversionJobStatistics"]>;
  /** Creates a conversion job for a project. */
  readonly createConversionJob: (variables: CreateConversionJobMutationVariables, options?: Options) => Promise<CreateConversionJobMutation["createConversionJob"]>;
  /** Replaces the plan of a job that is `PENDING`. For any other job it fails with `CONFLICT`. */
  readonly updateConversionJob: (variables: UpdateConversionJobMutationVariables, options?: Options) => Promise<UpdateConversionJobMutation["updateConversionJob"]>;
  /** Deletes a conversion job with its events. */
  readonly deleteConversionJob: (variables: DeleteConversionJobMutationVariables, options?: Options) => Promise<DeleteConversionJobMutation["deleteConversionJob"]>;
  /** Deletes jobs that ended long ago, and thins out the old progress events of the others. Administrators only. */
  readonly cleanUpConversionJobs: (variables: CleanUpConversionJobsMutationVariables, options?: Options) => Promise<CleanUpConversionJobsMutation["cleanUpConversionJobs"]>;
  /** Pauses a job that is `RUNNING`. Its worker is told so in the answer to its next report. */
  readonly pauseConversionJob: (variables: PauseConversionJobMutationVariables, options?: Options) => Promise<PauseConversionJobMutation["pauseConversionJob"]>;
  /** Resumes a paused job: with the worker that still holds it, or else with the next worker that claims it. */
  readonly resumeConversionJob: (variables: ResumeConversionJobMutationVariables, options?: Options) => Promise<ResumeConversionJobMutation["resumeConversionJob"]>;
  /** Cancels a job that has not ended. Its worker loses the lease at once. */
  readonly cancelConversionJob: (variables: CancelConversionJobMutationVariables, options?: Options) => Promise<CancelConversionJobMutation["cancelConversionJob"]>;
  /** Gives a job that is `FAILED` more attempts. It becomes `PENDING`. */
  readonly retryConversionJob: (variables: RetryConversionJobMutationVariables, options?: Options) => Promise<RetryConversionJobMutation["retryConversionJob"]>;
  /** Changes the priority of a job that has not ended. */
  readonly reprioritizeConversionJob: (variables: ReprioritizeConversionJobMutationVariables, options?: Options) => Promise<ReprioritizeConversionJobMutation["reprioritizeConversionJob"]>;
  /** The project with this id. Null if it does not exist or the viewer cannot see it. */
  readonly project: (variables: ProjectQueryVariables, options?: Options) => Promise<ProjectQuery["project"]>;
  /** All projects that the viewer can see, or those of one owner. Administrators see all projects, users their own, and workers those of the jobs that they hold. */
  readonly projects: (variables?: ProjectsQueryVariables, options?: Options) => Promise<ProjectsQuery["projects"]>;
  /** Projects whose name or source URL contains the text, regardless of case, most recently changed first. A text of one or two characters matches only the beginning of names. */
  readonly searchProjects: (variables: SearchProjectsQueryVariables, options?: Options) => Promise<SearchProjectsQuery["searchProjects"]>;
  /** The project with this id. Null if it does not exist or the viewer cannot see it. */
  readonly projectFiles: (variables: ProjectFilesQueryVariables, options?: Options) => Promise<ProjectFilesQuery["project"]>;
  /** Statistics about all projects that the viewer can see, or about those of one owner. */
  readonly projectStatistics: (variables?: ProjectStatisticsQueryVariables, options?: Options) => Promise<ProjectStatisticsQuery["projectStatistics"]>;
  /** Imports a project. Its files follow with `addProjectFiles`. */
  readonly importProject: (variables: ImportProjectMutationVariables, options?: Options) => Promise<ImportProjectMutation["importProject"]>;
  /** Imports many projects in one transaction. */
  readonly importProjects: (variables: ImportProjectsMutationVariables, options?: Options) => Promise<ImportProjectsMutation["importProjects"]>;
  /** Adds files to a project's file structure. */
  readonly addProjectFiles: (variables: AddProjectFilesMutationVariables, options?: Options) => Promise<AddProjectFilesMutation["addProjectFiles"]>;
  /** Changes a project. */
  readonly updateProject: (variables: UpdateProjectMutationVariables, options?: Options) => Promise<UpdateProjectMutation["updateProject"]>;
  /** Sets the tech stack that a project is to be converted to. */
  readonly setTargetTechStack: (variables: SetTargetTechStackMutationVariables, options?: Options) => Promise<SetTargetTechStackMutation["setTargetTechStack"]>;
  /** Deletes a project with its files and jobs. */
  readonly deleteProject: (variables: DeleteProjectMutationVariables, options?: Options) => Promise<DeleteProjectMutation["deleteProject"]>;
  /** The user, project or conversion job with this id. Null if it does not exist or the viewer cannot see it. */
  readonly node: (variables: NodeQueryVariables, options?: Options) => Promise<NodeQuery["node"]>;
  /** The users, projects and conversion jobs with these ids, in the order of the ids. Null for each that does not exist or that the viewer cannot see. */
  readonly nodes: (variables: NodesQueryVariables, options?: Options) => Promise<NodesQuery["nodes"]>;
  /** Whether the service and each of its parts can do their work, checked now. */
  readonly health: (variables?: HealthQueryVariables, options?: Options) => Promise<HealthQuery["health"]>;
  /** The connections to the database of the instance that answers, and advice on them. Administrators only. */
  readonly poolStatistics: (variables?: PoolStatisticsQueryVariables, options?: Options) => Promise<PoolStatisticsQuery["poolStatistics"]>;
  /** The connections to the database of the instance that answers, and advice on them. Administrators only. */
  readonly slowQuery: (variables: SlowQueryQueryVariables, options?: Options) => Promise<SlowQueryQuery["poolStatistics"]>;
  /** Statistics of the instance that answers, read now. Administrators only. */
  readonly statistics: (variables?: StatisticsQueryVariables, options?: Options) => Promise<StatisticsQuery["statistics"]>;
  /** Statistics of the cache of the instance that answers, read now. Administrators only. */
  readonly cacheStatistics: (variables?: CacheStatisticsQueryVariables, options?: Options) => Promise<CacheStatisticsQuery["cacheStatistics"]>;
  /** Discards cached answers in all instances, and deletes keys from Redis, before it answers. Administrators only. */
  readonly invalidateCache: (variables: InvalidateCacheMutationVariables, options?: Options) => Promise<InvalidateCacheMutation["invalidateCache"]>;
  /** Runs queries now, as the viewer, so that their answers are cached. Afterwards rows, lists and statistics are warm for everybody, and whole responses for the viewer. Administrators only. */
  readonly warmCache: (variables: WarmCacheMutationVariables, options?: Options) => Promise<WarmCacheMutation["warmCache"]>;
  /** Sets cache statistics of the instance that answers back to 0. Administrators only. */
  readonly resetCacheStatistics: (variables: ResetCacheStatisticsMutationVariables, options?: Options) => Promise<ResetCacheStatisticsMutation["resetCacheStatistics"]>;
  /** Deletes rows that nobody needs any more, and vacuums, analyzes and reindexes what needs it. It answers when all is done. If another run is in progress it fails with `CONFLICT`, which says who runs it and since when. Administrators only. */
  readonly performMaintenance: (variables: PerformMaintenanceMutationVariables, options?: Options) => Promise<PerformMaintenanceMutation["performMaintenance"]>;
  /** The user who sends this request. Null if the request is not authenticated. */
  readonly viewer: (variables?: ViewerQueryVariables, options?: Options) => Promise<ViewerQuery["viewer"]>;
  /** The user with this `id` or this `githubId`; exactly one of them must be given. Null if the user does not exist or the viewer cannot see them. */
  readonly user: (variables?: UserQueryVariables, options?: Options) => Promise<UserQuery["user"]>;
  /** All users that the viewer can see, oldest first. Administrators see all users, others only themselves. */
  readonly users: (variables?: UsersQueryVariables, options?: Options) => Promise<UsersQuery["users"]>;
  /** Statistics about the users that the viewer can see. */
  readonly userStatistics: (variables?: UserStatisticsQueryVariables, options?: Options) => Promise<UserStatisticsQuery["userStatistics"]>;
  /** Adds a user with this GitHub id, or updates the existing one. The role of an existing user does not change. Administrators only. */
  readonly upsertUser: (variables: UpsertUserMutationVariables, options?: Options) => Promise<UpsertUserMutation["upsertUser"]>;
  /** Changes a user. Administrators can change all users, users only themselves. */
  readonly updateUser: (variables: UpdateUserMutationVariables, options?: Options) => Promise<UpdateUserMutation["updateUser"]>;
  /** Stores a user's GitHub access token, encrypted, for the service's own use. No field ever returns it. */
  readonly setGithubToken: (variables: SetGithubTokenMutationVariables, options?: Options) => Promise<SetGithubTokenMutation["setGithubToken"]>;
  /** Deletes a user with their projects and those projects' jobs. Administrators can delete all users, users only themselves. */
  readonly deleteUser: (variables: DeleteUserMutationVariables, options?: Options) => Promise<DeleteUserMutation["deleteUser"]>;
  /** Claims jobs for a worker, each under a lease. */
  readonly claimConversionJobs: (variables: ClaimConversionJobsMutationVariables, options?: Options) => Promise<ClaimConversionJobsMutation["claimConversionJobs"]>;
  /** Reports how far jobs have come and that their worker is alive. This renews their leases. */
  readonly reportProgress: (variables: ReportProgressMutationVariables, options?: Options) => Promise<ReportProgressMutation["reportProgress"]>;
  /** Stores the result of one task. A task has one result in each attempt of the job: to report the same result again changes nothing and gives the same answer, and to report a different one fails with `CONFLICT`. */
  readonly reportTaskResult: (variables: ReportTaskResultMutationVariables, options?: Options) => Promise<ReportTaskResultMutation["reportTaskResult"]>;
  /** Ends jobs as `COMPLETED`. */
  readonly completeConversionJobs: (variables: CompleteConversionJobsMutationVariables, options?: Options) => Promise<CompleteConversionJobsMutation["completeConversionJobs"]>;
  /** Ends the current attempts of jobs as failures. Each job becomes `PENDING` for its next attempt, which follows after a pause, or `FAILED`. */
  readonly failConversionJobs: (variables: FailConversionJobsMutationVariables, options?: Options) => Promise<FailConversionJobsMutation["failConversionJobs"]>;
  /** Gives jobs back unfinished, so that another worker can go on. This does not count as a failure. */
  readonly releaseConversionJobs: (variables: ReleaseConversionJobsMutationVariables, options?: Options) => Promise<ReleaseConversionJobsMutation["releaseConversionJobs"]>;
}

/** All operations, sent with `request`. A program that calls this has all documents in its bundle. */
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
