import type { z } from "zod";
import { validationFailed } from "../errors.ts";

/**
 * Checks a mutation's input against its rules.
 *
 * @throws AppError `VALIDATION_FAILED` with the path and the rule of everything that breaks one
 */
export function validInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw validationFailed(
    result.error.issues.map(({ path, message }) => ({
      // Symbols cannot come from JSON.
      path: ["input", ...(path as (string | number)[])],
      message,
    })),
    result.error,
  );
}
