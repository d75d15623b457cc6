import { hash } from "node:crypto";
import { defaultFieldResolver, type GraphQLSchema } from "graphql";
import { notFound, validationFailed } from "../errors.ts";
import type { SchemaTypes } from "./builder.ts";
import type { Context } from "./context.ts";
import { isStorable } from "./input.ts";
import { loaderOf, type NodeType } from "./nodeId.ts";

const MAX_KEY_LENGTH = 200;

/** The field `idempotencyKey`, which the input of every mutation has. */
export const idempotencyKeyField = (t: PothosSchemaTypes.InputFieldBuilder<SchemaTypes, "InputObject">) =>
  t.string({
    description:
      "A key of 1 to 200 characters that makes it safe to send the mutation again. Sent again within a day with the same key and input, the mutation returns the same answer and changes nothing more. With the same key and another input, it fails with `IDEMPOTENCY_CONFLICT`. The header `Idempotency-Key` does the same.",
  });

/**
 * Makes every mutation of the schema repeatable by an idempotency key. It does so in one place for all
 * mutations, so that none can be forgotten. The key in the input takes precedence over the header.
 */
export function withIdempotencyKeys(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = (source, args, context: Context, info) => {
      // Safe: every mutation takes one input object.
      const { idempotencyKey: own, ...input } = args.input as { idempotencyKey?: string | null };
      const header = context.idempotencyKey;
      // Without a viewer every mutation's rule refuses the call, so there is nothing to store under a key.
      if ((own == null && header === null) || context.viewer === null)
        return resolve(source, args, context, info);

      if (own != null) assertKey(own, ["input", "idempotencyKey"]);
      else assertKey(header!, ["Idempotency-Key"]);
      // A request has one header, but perhaps several mutations. Each has a response name of its own.
      const key = own ?? `${header}/${digest(String(info.path.key)).slice(0, 16)}`;
      const call = {
        scope: context.viewer.userId,
        key,
        // GraphQL gives an input's fields in the schema's order, whatever the order in which they were sent.
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

/** Payloads that repeat an earlier answer. */
const repeated = new WeakSet<object>();

/** Whether the payload repeats an earlier answer. The viewer may have lost access to its rows since. */
export const isRepeated = (payload: object): boolean => repeated.has(payload);

/**
 * Returns a row for a mutation's answer. A repeated answer has the row as it was then, but the fields below
 * it are read now. So for a repeated answer this checks whether the viewer can still see the row.
 *
 * @throws AppError `NOT_FOUND` when the viewer no longer can
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
