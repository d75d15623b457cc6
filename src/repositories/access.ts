import { anyOfTypeTag, collectionTag, rowTag } from "../coherence/tags.ts";
import type { OwnedJobRow } from "./conversionJobRow.ts";
import type { Condition } from "./pageStatement.ts";

/**
 * Which rows somebody may see and change. Who gets which is decided in src/schema/rules.ts; here is what
 * it means for a row, and for SQL.
 *
 * A row that is out of reach is no row: it is not found, not counted and not changed, by the same statements.
 */
export type Access =
  | { readonly to: "everything" }
  /** The user's own row, their projects, and what belongs to those. */
  | { readonly to: "owned"; readonly userId: string }
  /** Jobs whose lease the user holds, with their projects, and the user's own row. */
  | { readonly to: "held"; readonly userId: string };

export const TO_EVERYTHING: Access = { to: "everything" };

/** A key that no row has: what is asked for by it is looked for, and not there. */
export const NOBODY = "00000000-0000-0000-0000-000000000000";

/** What strangers own. */
export const TO_NOTHING: Access = { to: "owned", userId: NOBODY };

export const seesUser = (access: Access, { id }: { readonly id: string }): boolean =>
  access.to === "everything" || access.userId === id;

/** Of "held" projects, that they are held is in the database alone. */
export const ownsProject = (access: Access, { userId }: { readonly userId: string }): boolean =>
  access.to === "everything" || (access.to === "owned" && access.userId === userId);

/** Whether the lease is held by a worker of theirs. */
export const holdsJob = (access: Access, { workerUserId }: Pick<OwnedJobRow, "workerUserId">): boolean =>
  access.to === "held" && access.userId === workerUserId;

export const seesJob = (access: Access, job: Pick<OwnedJobRow, "workerUserId" | "ownerId">): boolean =>
  access.to === "everything" ||
  holdsJob(access, job) ||
  (access.to === "owned" && access.userId === job.ownerId);

/** Whose rows alone may be changed; null: everybody's. Who holds leases changes jobs by those, and owns nothing. */
export function ownerOf(access: Access): string | null {
  if (access.to === "everything") return null;
  return access.to === "owned" ? access.userId : NOBODY;
}

/** As whose worker a job must be held; undefined: anybody's will do. */
export const holderWithin = (access: Access): string | undefined =>
  access.to === "everything" ? undefined : access.userId;

/** In a statement about jobs, that the owner is the one in this parameter; null: whoever it is. */
export const isOwnedBy = (parameter: string) =>
  `(${parameter}::uuid IS NULL OR EXISTS (SELECT FROM "projects" WHERE "projects"."id" = "project_id" AND "projects"."user_id" = ${parameter}::uuid))`;

/**
 * The key of the user that is asked for: those who see but themselves ask for themselves, or for nobody, so that
 * users who are there cannot be told from those who are not.
 */
export function userWithin(access: Access, id: string): string {
  return access.to === "everything" || access.userId === id ? id : NOBODY;
}

/** The owner that a list or a figure is about: who sees nothing but their own asks for that, or for nobody's. */
export function ownerWithin(access: Access, asked: string | undefined): string | undefined {
  if (access.to !== "owned") return asked;
  return asked === undefined || asked === access.userId ? access.userId : NOBODY;
}

/** By type, that a row is there for the user who is the parameter `?`, and for who owns nothing else. */
export const OWNED = {
  User: `"id" = ?::uuid`,
  Project: `"user_id" = ?::uuid`,
  ConversionJob: `"project_id" IN (SELECT "id" FROM "projects" WHERE "user_id" = ?::uuid)`,
} as const;

/** What narrows a list down to what may be seen of it, and what that depends on. */
interface Narrowing {
  readonly where: readonly Condition[];
  readonly tags: readonly string[];
  /** False: what it depends on changes without its tags. */
  readonly isKept?: false;
}

const EVERYTHING: Narrowing = { where: [], tags: [] };

/** What lists and figures of jobs depend on: one project's, all of an owner's, or all. */
function jobTags(access: Access, projectId: string | undefined): string[] {
  if (projectId !== undefined) return [collectionTag("ConversionJob", "projectId", projectId)];
  if (access.to === "owned") return [collectionTag("ConversionJob", "ownerId", access.userId)];
  return [anyOfTypeTag("ConversionJob")];
}

/** Of projects, for those who do not own them: by `ownerWithin` the others have none but their own. */
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

/** @param projectId of the one project whose jobs are listed */
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
      // A lease can end without a change of what jobs are listed by.
      return {
        where: [{ sql: `"worker_user_id" = ?::uuid`, values: [access.userId] }],
        tags,
        isKept: false,
      };
  }
}
