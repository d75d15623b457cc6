import type { z } from "zod";
import { type ValidationIssue, validationFailed } from "../errors.ts";

type Path = readonly (string | number)[];

/**
 * Checks a mutation's input against its rules, and that PostgreSQL can hold its texts.
 *
 * @throws AppError `VALIDATION_FAILED` with the path and the rule of everything that breaks one
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

/** What neither `text` nor `jsonb` holds: U+0000, and halves of surrogate pairs, which are no characters. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

export const isStorable = (text: string): boolean => !UNSTORABLE.test(text);

/** One by one each schema would have to remember it for each of its texts, also for those in lists and documents. */
function unstorableTexts(value: unknown, path: Path): ValidationIssue[] {
  if (typeof value === "string") {
    return isStorable(value) ? [] : [{ path, message: "expected no U+0000 and no half of a surrogate pair" }];
  }
  if (Array.isArray(value)) return value.flatMap((entry, index) => unstorableTexts(entry, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => unstorableTexts(entry, [...path, key]));
}
