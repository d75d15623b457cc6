import { hasScope, type Viewer } from "../auth/viewer.ts";
import { forbidden } from "../errors.ts";

/** @throws AppError `FORBIDDEN` for everybody but administrators, who may have come by a key for less */
export function requireAdministrator(viewer: Viewer | null, what: string): Viewer {
  if (viewer?.role !== "ADMIN" || !hasScope(viewer, "admin"))
    throw forbidden(`Only administrators may ${what}.`);
  return viewer;
}
