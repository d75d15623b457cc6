import { hash } from "node:crypto";
import { defaultFieldResolver, type GraphQLSchema } from "graphql";
import { notFound, validationFailed } from "../errors.ts";
import type { SchemaTypes } from "./builder.ts";
import type { Context } from "./context.ts";
import { isStorable } from "./input.ts";
import { loaderOf, type NodeType } from "./nodeId.ts";

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
      // Strangers are refused by every mutation's rule, and have no keys.
      if ((own == null && header === null) || context.viewer === null)
        return resolve(source, args, context, info);

      if (own != null) assertKey(own, ["input", "idempotencyKey"]);
      else assertKey(header!, ["Idempotency-Key"]);
      // A request has one header and perhaps several mutations, each under a name of its own.
      const key = own ?? `${header}/${digest(String(info.path.key)).slice(0, 16)}`;
      const call = {
        scope: context.viewer.userId,
        key,
        // In the schema's order, which is the order of an input's fields however they were sent.
        inputHash: digest(JSON.stringify([field.name, input])),
      };
      let isRepeated = false;
      const onRepeated = () => {
        isRepeated = true;
      };
      const run = async () => resolve(source, args, context, info);
      return context.idempotency.run({ ...call, onRepeated }, run).then((payload: unknown) => {
        if (isRepeated && typeof payload === "object" && payload !== null) repeated.add(payload);
        return payload;
      });
    };
  }
  return schema;
}

/** Payloads that say what was said before. */
const repeated = new WeakSet<object>();

/** Whether it says what was said before, perhaps of rows that are out of reach by now. */
export const isRepeated = (payload: object): boolean => repeated.has(payload);

/**
 * A row in a mutation's answer. An answer that is repeated has it as it was then, and what is below it is read now: so
 * it is looked at whether it is still to be seen.
 *
 * @throws AppError `NOT_FOUND` when it is not
 */
export async function answered<Row extends { readonly id: string }>(
  payload: object,
  row: Row,
  type: NodeType,
  context: Context,
): Promise<Row> {
  if (isRepeated(payload) && !(await isStillSeen(row, type, context))) throw notFound(type, row.id);
  return row;
}

export async function isStillSeen(
  { id }: { readonly id: string },
  type: NodeType,
  { access, loaders }: Context,
): Promise<boolean> {
  return access.to === "everything" || (await loaderOf(type, loaders).load(id)) !== null;
}

function assertKey(key: string, path: readonly string[]): void {
  if (key.length < 1 || key.length > MAX_KEY_LENGTH || !isStorable(key)) {
    throw validationFailed([
      { path, message: `expected a key of 1 to ${MAX_KEY_LENGTH} characters, got ${key.length}` },
    ]);
  }
}

const digest = (text: string) => hash("sha256", text, "base64url");
