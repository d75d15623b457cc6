import { AppError, notFound } from "../errors.ts";

/** Drops the keys that are undefined: under `exactOptionalPropertyTypes`, Prisma wants them absent. */
export function defined<T extends object>(data: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  // Safe: what is left has no undefined value.
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/**
 * Why a conditional update found no row: either the row is gone, or its version has moved on.
 *
 * @param current the row's version now, undefined when there is no row
 */
export function missedUpdate(
  type: string,
  id: string,
  expected: number | undefined,
  current: number | undefined,
): AppError {
  if (current === undefined || expected === undefined) return notFound(type, id);
  return new AppError(
    "VERSION_CONFLICT",
    `The ${type} was changed meanwhile: expected version ${expected}, it has ${current}. Read it again and repeat the change.`,
    { details: { type, id, expectedVersion: expected, currentVersion: current } },
  );
}
