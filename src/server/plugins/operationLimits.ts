import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Config } from "../../config.ts";
import { AppError, limitExceeded } from "../../errors.ts";
import type { RequestContext } from "../context.ts";
import { operationSizes } from "../documentSize.ts";
import { inputSize, MAX_INPUT_DEPTH } from "../inputSize.ts";
import { createComplexity } from "../operationComplexity.ts";
import { codedError } from "./codedErrors.ts";

export type OperationLimits = Omit<Config["limits"], "executionTimeMs">;

export interface OperationLimitsOptions {
  readonly schema: GraphQLSchema;
  readonly limits: OperationLimits;
  readonly isIntrospectionEnabled: boolean;
}

/** graphql-js' own message for that, which has no code. */
const TOO_MANY_TOKENS = /^Syntax Error: Document contains more tha[nt] \d+ (tokens|comments)/;

/**
 * Refuses what is larger than allowed. Each limit is checked as early as possible: tokens while they are
 * read, variables before anything else looks at them, the document's shape before it is validated, its
 * complexity before a resolver runs. A request that src/server/replay.ts answers has passed all of them: its
 * bytes are the same.
 */
export function operationLimits({
  schema,
  limits,
  isIntrospectionEnabled,
}: OperationLimitsOptions): Plugin<RequestContext> {
  const complexityOf = createComplexity(schema);

  return {
    onParams({ params }) {
      const error = inputError(params.variables, limits);
      if (error !== undefined) throw codedError(error);
    },

    onParse: ({ setParseFn }) => {
      // Comments are no tokens for graphql-js, but it keeps each of them with the document.
      const most = { maxTokens: limits.tokens, maxComments: limits.tokens };
      setParseFn((source, options) => parse(source, { ...options, ...most }));
      return ({ result, replaceParseResult }) => {
        // Yoga passes a failure on as the result.
        const error: unknown = result;
        const what = error instanceof GraphQLError && TOO_MANY_TOKENS.exec(error.message)?.[1];
        if (!what) return;
        const advice = what === "comments" ? "leave some out" : "split the operation";
        const message = `The document has more than ${limits.tokens} ${what}: ${advice}`;
        // Safe: as above.
        replaceParseResult(codedError(limitExceeded("MAX_TOKENS", limits.tokens, message)) as never);
      };
    },

    onValidate({ params, setResult, addValidationRule }) {
      if (!isIntrospectionEnabled) addValidationRule(NoSchemaIntrospectionCustomRule);
      const error = sizeError(params.documentAST, limits);
      if (error !== undefined) setResult([codedError(error)]);
    },

    onExecute: ({ args }) => check(args),
    onSubscribe: ({ args }) => check(args),
  };

  function check({ document, operationName, variableValues, contextValue }: CheckedArguments): void {
    const operation = getOperationAST(document, operationName);
    // The executor reports what is wrong.
    if (operation == null) return;
    const complexity = complexityOf(document, operation, variableValues ?? {});
    contextValue.complexity = complexity;
    if (complexity <= limits.complexity) return;
    throw limitExceeded(
      "MAX_COMPLEXITY",
      limits.complexity,
      `The operation asks for up to ${complexity} values, and ${limits.complexity} are allowed: ask for fewer rows by \`first\`, or for fewer fields`,
      complexity,
    );
  }
}

type CheckedArguments = Pick<ExecutionArgs, "document" | "operationName" | "variableValues"> & {
  readonly contextValue: RequestContext;
};

/** What is wrong with the size of the variables; undefined: nothing. */
export function inputError(variables: unknown, limits: OperationLimits): AppError | undefined {
  const { values, listSize, depth } = inputSize(variables, limits.variableValues);
  if (values > limits.variableValues) {
    const message = `The variables have more than ${limits.variableValues} values: send them in several requests`;
    return limitExceeded("MAX_VARIABLE_VALUES", limits.variableValues, message);
  }
  if (listSize > limits.listSize) return tooLongList(listSize, limits);
  if (depth <= MAX_INPUT_DEPTH) return undefined;
  return new AppError(
    "LIMIT_EXCEEDED",
    `The variables are nested more than ${MAX_INPUT_DEPTH} levels deep.`,
    {
      details: { max: MAX_INPUT_DEPTH },
    },
  );
}

function sizeError(document: DocumentNode, limits: OperationLimits): AppError | undefined {
  for (const { depth, aliases, directives, rootFields, listSize } of operationSizes(document)) {
    const checked = [
      ["MAX_DEPTH", depth, limits.depth, "levels of fields: ask for what is deeper in another request"],
      ["MAX_ALIASES", aliases, limits.aliases, "aliases: ask for the same of many things by `nodes(ids:)`"],
      ["MAX_DIRECTIVES", directives, limits.directives, "directives: leave some out"],
      ["MAX_ROOT_FIELDS", rootFields, limits.rootFields, "fields at its top: send several requests"],
    ] as const;
    for (const [name, actual, max, advice] of checked) {
      if (actual > max)
        return limitExceeded(
          name,
          max,
          `The operation has ${actual}, and may have ${max}, ${advice}`,
          actual,
        );
    }
    if (listSize > limits.listSize) return tooLongList(listSize, limits);
  }
  return undefined;
}

function tooLongList(actual: number, { listSize: max }: OperationLimits): AppError {
  const message = `A list in the input has ${actual} items, and ${max} are allowed: send it in several requests`;
  return limitExceeded("MAX_LIST_SIZE", max, message, actual);
}
