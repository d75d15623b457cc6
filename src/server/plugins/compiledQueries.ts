import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { LRUCache } from "lru-cache";
import { type CompiledQuery, compileQuery } from "../compiledQuery.ts";
import type { RequestContext } from "../context.ts";

export interface CompiledQueriesOptions {
  readonly schema: GraphQLSchema;
  /** The number of the execution at which a query is compiled. 0: none is. */
  readonly after: number;
}

/** About 30 kB each. */
const MAX_COMPILED = 200;

/**
 * Runs queries that come often in their compiled form (src/server/compiledQuery.ts), instead of walking their
 * documents.
 *
 * The answer is the same, except that the interpreter does not always keep to the document's order where
 * fields come from fragments. If there is more to report than data, the interpreter runs the query again, and
 * reports it in its own words. The loaders still have what was read, and the failures too.
 */
export function compiledQueries({ schema, after }: CompiledQueriesOptions): Plugin {
  // By the operation's node: the parser's cache gives the same one for the same text.
  const runs = new WeakMap<OperationDefinitionNode, number>();
  const compiled = new LRUCache<OperationDefinitionNode, CompiledQuery>({ max: MAX_COMPILED });

  function compiledOf(document: DocumentNode, operationName: string | null | undefined) {
    const operation = getOperationAST(document, operationName);
    if (operation == null) return undefined;
    const found = compiled.get(operation);
    if (found !== undefined) return found;
    const count = (runs.get(operation) ?? 0) + 1;
    // A query that was evicted from `compiled` is counted from the beginning.
    runs.set(operation, count % after);
    const query = count === after ? compileQuery(schema, document, operation) : undefined;
    if (query !== undefined) compiled.set(operation, query);
    return query;
  }

  if (after === 0) return {};
  return {
    onExecute({ args: { document, operationName }, executeFn, setExecuteFn }) {
      const query = compiledOf(document, operationName);
      if (query === undefined) return;
      setExecuteFn((given) => {
        // Safe: Yoga's contexts are this service's own.
        const context = given.contextValue as Pick<RequestContext, "viewer"> & Partial<RequestContext>;
        const told = (result: ExecutionResult | undefined) => {
          if (result !== undefined) return result;
          // A query that was given up is not run again: the plugin that gave it up says why
          // (src/server/plugins/executionTime.ts).
          return context.execution?.interruption?.isOver ? { data: null } : executeFn(given);
        };
        const result = query.run(context, given.variableValues ?? {});
        return result instanceof Promise ? result.then(told) : told(result);
      });
    },
  };
}
