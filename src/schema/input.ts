import type { z } from "zod";
import { type ValidationIssue, validationFailed } from "../errors.ts";

type Path = readonly (string | number)[];

/**
 * Checks a mutation's input against a schema, and checks that PostgreSQL can store its texts.
 *
 * @throws AppError `VALIDATION_FAILED` with the path and the message of every broken rule
 */
export function validInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const unstorable = unstorableTexts(input, ["input"]);
  const result = schema.safeParse(input);
  if (result.success && unstorable.length === 0) return result.data;
  const broken = (result.error?.issues ?? []).map(({ path, message }) => ({
    // Symbols cannot come from JSON.
    path: ["input", ...(path as (string | number)[])],
    message,
  }));
  throw validationFailed([...unstorable, ...broken], result.error);
}

/**
 * What PostgreSQL stores neither as `text` nor as `jsonb`: U+0000, and unpaired surrogates, which are no
 * characters.
 */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

export const isStorable = (text: string): boolean => !UNSTORABLE.test(text);

/**
 * Finds the unstorable texts of any input in one place. Otherwise each schema would have to repeat the check
 * for each of its texts, including those in lists and documents.
 */
function unstorableTexts(value: unknown, path: Path): ValidationIssue[] {
  if (typeof value === "string") {
    return isStorable(value) ? [] : [{ path, message: "expected no U+0000 and no half of a surrogate pair" }];
  }
  if (Array.isArray(value)) return value.flatMap((entry, index) => unstorableTexts(entry, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => unstorableTexts(entry, [...path, key]));
}
