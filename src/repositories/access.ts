import { anyOfTypeTag, collectionTag, rowTag } from "../coherence/tags.ts";
import type { OwnedJobRow } from "./conversionJobRow.ts";
import type { Condition } from "./pageStatement.ts";

/**
 * Which rows somebody may see and change. src/schema/rules.ts decides who gets which access; this file says
 * what it means for a row, and in SQL.
 *
 * A row that is out of reach does not exist for the requester: the same statements neither find, count nor
 * change it.
 */
export type Access =
  | { readonly to: "everything" }
  /** The user's own row, their projects, and what belongs to those. */
  | { readonly to: "owned"; readonly userId: string }
  /** Jobs whose lease the user holds, with their projects, and the user's own row. */
  | { readonly to: "held"; readonly userId: string };

export const TO_EVERYTHING: Access = { to: "everything" };

/** A key that no row has: a look-up of it is made, and finds nothing. */
export const NOBODY = "00000000-0000-0000-0000-000000000000";

/** The access of strangers: they own nothing. */
export const TO_NOTHING: Access = { to: "owned", userId: NOBODY };

export const seesUser = (access: Access, { id }: { readonly id: string }): boolean =>
  access.to === "everything" || access.userId === id;

/** With access to "held" projects, only the database knows whether one is held. */
export const ownsProject = (access: Access, { userId }: { readonly userId: string }): boolean =>
  access.to === "everything" || (access.to === "owned" && access.userId === userId);

/** Whether a worker of the user holds the lease. */
export const holdsJob = (access: Access, { workerUserId }: Pick<OwnedJobRow, "workerUserId">): boolean =>
  access.to === "held" && access.userId === workerUserId;

export const seesJob = (access: Access, job: Pick<OwnedJobRow, "workerUserId" | "ownerId">): boolean =>
  access.to === "everything" ||
  holdsJob(access, job) ||
  (access.to === "owned" && access.userId === job.ownerId);

/**
 * The owner whose rows alone may be changed; null: everybody's. A lease holder changes jobs through leases,
 * and owns nothing.
 */
export function ownerOf(access: Access): string | null {
  if (access.to === "everything") return null;
  return access.to === "owned" ? access.userId : NOBODY;
}

/** The user whose worker must hold a job; undefined: anybody's worker. */
export const holderWithin = (access: Access): string | undefined =>
  access.to === "everything" ? undefined : access.userId;

/** SQL for a statement about jobs: the owner is the user in this parameter. With null, it is any owner. */
export const isOwnedBy = (parameter: string) =>
  `(${parameter}::uuid IS NULL OR EXISTS (SELECT FROM "projects" WHERE "projects"."id" = "project_id" AND "projects"."user_id" = ${parameter}::uuid))`;

/**
 * The key under which a user is looked up. A requester who sees only themselves looks up themselves or
 * `NOBODY`, so that they cannot tell existing users from missing ones.
 */
export function userWithin(access: Access, id: string): string {
  return access.to === "everything" || access.userId === id ? id : NOBODY;
}

/**
 * The owner that a list or a figure is about. A requester who sees only what they own gets that, or
 * `NOBODY`'s.
 */
export function ownerWithin(access: Access, asked: string | undefined): string | undefined {
  if (access.to !== "owned") return asked;
  return asked === undefined || asked === access.userId ? access.userId : NOBODY;
}

/** SQL by type: the row is visible to the user in the parameter `?`, who sees only what they own. */
export const OWNED = {
  User: `"id" = ?::uuid`,
  Project: `"user_id" = ?::uuid`,
  ConversionJob: `"project_id" IN (SELECT "id" FROM "projects" WHERE "user_id" = ?::uuid)`,
} as const;

/** Narrows a list down to what may be seen of it, with the tags that this depends on. */
interface Narrowing {
  readonly where: readonly Condition[];
  readonly tags: readonly string[];
  /** False: what may be seen also changes without these tags. */
  readonly isKept?: false;
}

const EVERYTHING: Narrowing = { where: [], tags: [] };

/** The tags that lists and figures of jobs depend on: one project's, all of an owner's, or all. */
function jobTags(access: Access, projectId: string | undefined): string[] {
  if (projectId !== undefined) return [collectionTag("ConversionJob", "projectId", projectId)];
  if (access.to === "owned") return [collectionTag("ConversionJob", "ownerId", access.userId)];
  return [anyOfTypeTag("ConversionJob")];
}

/**
 * Narrows lists of projects for lease holders. Owners need nothing more: `ownerWithin` already limits them to
 * their own.
 */
export function heldProjects(access: Access): Narrowing {
  if (access.to !== "held") return EVERYTHING;
  return {
    where: [
      {
        sql: `"id" IN (SELECT "project_id" FROM "conversion_jobs" WHERE "worker_user_id" = ?::uuid)`,
        values: [access.userId],
      },
    ],
    tags: [anyOfTypeTag("ConversionJob")],
    isKept: false,
  };
}

/** @param projectId the one project whose jobs are listed; undefined: all projects */
export function visibleJobs(access: Access, projectId: string | undefined): Narrowing {
  const tags = jobTags(access, projectId);
  switch (access.to) {
    case "everything":
      return { where: [], tags };
    case "owned":
      return {
        where: [{ sql: OWNED.ConversionJob, values: [access.userId] }],
        tags: [
          ...tags,
          projectId === undefined
            ? collectionTag("Project", "userId", access.userId)
            : rowTag("Project", projectId),
        ],
      };
    case "held":
      // A lease can end without a change of these tags.
      return {
        where: [{ sql: `"worker_user_id" = ?::uuid`, values: [access.userId] }],
        tags,
        isKept: false,
      };
  }
}
