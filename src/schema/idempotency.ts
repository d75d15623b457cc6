import { createHash } from "node:crypto";
import { defaultFieldResolver, type GraphQLSchema } from "graphql";
import { validationFailed } from "../errors.ts";
import type { SchemaTypes } from "./builder.ts";
import type { Context } from "./context.ts";
import { isStorable } from "./input.ts";

const MAX_KEY_LENGTH = 200;

/** The field of every mutation's input. */
export const idempotencyKeyField = (t: PothosSchemaTypes.InputFieldBuilder<SchemaTypes, "InputObject">) =>
  t.string({
    description:
      "Makes it safe to send the mutation again: with the same key and input within a day it gives the same answer and changes nothing more. 1 to 200 characters; the header `Idempotency-Key` does the same.",
  });

/**
 * Makes every mutation of the schema repeatable by a key: one place for all of them, so that none can
 * be forgotten. The input's key goes before the header's.
 */
export function withIdempotencyKeys(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = (source, args, context: Context, info) => {
      // Safe: every mutation takes one input object.
      const { idempotencyKey: own, ...input } = args.input as { idempotencyKey?: string | null };
      const header = context.idempotencyKey;
      if (own == null && header === null) return resolve(source, args, context, info);

      if (own != null) assertKey(own, ["input", "idempotencyKey"]);
      else assertKey(header!, ["Idempotency-Key"]);
      // A request has one header and perhaps several mutations, each under a name of its own.
      const key = own ?? `${header}/${digest(String(info.path.key)).slice(0, 16)}`;
      const call = {
        scope: context.viewer?.userId ?? "",
        key,
        // In the schema's order, which is the order of an input's fields however they were sent.
        inputHash: digest(JSON.stringify([field.name, input])),
      };
      return context.idempotency.run(call, async () => resolve(source, args, context, info));
    };
  }
  return schema;
}

function assertKey(key: string, path: readonly string[]): void {
  if (key.length < 1 || key.length > MAX_KEY_LENGTH || !isStorable(key)) {
    throw validationFailed([
      { path, message: `expected a key of 1 to ${MAX_KEY_LENGTH} characters, got ${key.length}` },
    ]);
  }
}

const digest = (text: string) => createHash("sha256").update(text).digest("base64url");
