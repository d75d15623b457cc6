import { type DocumentNode, getOperationAST } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { TracedSpan, Tracing } from "../../observation/tracing.ts";
import type { RequestContext } from "../context.ts";
import type { Exchange, ServerContext } from "../exchange.ts";
import type { OperationKind, OperationStatistics } from "../operationStatistics.ts";

/** Stand-ins for the name of an operation that has none, and for the names that strangers make up. */
const ANONYMOUS = "(anonymous)";
const STRANGER = "(stranger)";

/** Runs a request's operation, and observes it. */
export type ObserveOperation = <Result>(
  exchange: Exchange | undefined,
  run: () => Promise<Result>,
) => Promise<Result>;

/** What is known so far of a running operation. */
export interface ObservedOperation {
  kind: OperationKind;
  name: string;
  readonly span: TracedSpan | undefined;
}

/**
 * Times every operation from its parameters to its result, counts its errors by code, and makes its span,
 * within which all its reads run. Requests that are replayed never come here.
 *
 * Documents are not part of the span: they may have values in them.
 */
export function createOperations(options: {
  readonly statistics: OperationStatistics;
  readonly tracing: Tracing | undefined;
}) {
  const { statistics, tracing } = options;
  const identify = (document: DocumentNode, operationName: string | null | undefined, context: unknown) => {
    const { exchange, viewer } = context as RequestContext; // Safe: Yoga's contexts are this service's own.
    const found = exchange?.observed;
    const operation = getOperationAST(document, operationName);
    if (found === undefined || operation == null) return;
    found.kind = operation.operation;
    found.name = viewer === null ? STRANGER : (operation.name?.value ?? ANONYMOUS);
    if (found.span === undefined) return;
    found.span.rename(`${found.kind} ${found.name}`);
    found.span.set("graphql.operation.type", found.kind);
    found.span.set("graphql.operation.name", found.name);
  };

  const observe: ObserveOperation = async (exchange, run) => {
    const startedAt = performance.now();
    const span = tracing?.start("graphql", "internal");
    const operation: ObservedOperation = { kind: "invalid", name: "", span };
    if (exchange !== undefined) exchange.observed = operation;
    try {
      const result = await (span === undefined ? run() : tracing!.within(span, run));
      if (span !== undefined) failWith(span, result);
      return result;
    } catch (error) {
      span?.fail(codeOf(error));
      throw error;
    } finally {
      statistics.record(operation.kind, operation.name, performance.now() - startedAt);
      span?.end();
    }
  };

  const plugin: Plugin<RequestContext> = {
    instrumentation: {
      operation: async ({ context }, wrapped) => {
        const { exchange } = context as ServerContext; // Safe: Yoga's contexts are this service's own.
        // An operation that ran in front of Yoga was observed there.
        await (exchange?.answered === undefined ? observe(exchange, async () => wrapped()) : wrapped());
      },
    },

    onExecute: ({ args }) => identify(args.document, args.operationName, args.contextValue),
    onSubscribe: ({ args }) => identify(args.document, args.operationName, args.contextValue),

    onExecutionResult({ context, result }) {
      const span = (context as ServerContext).exchange?.observed?.span; // Safe: as above.
      if (span !== undefined) failWith(span, result);
    },

    // Errors are counted only here, because some requests fail before there is an operation.
    onResultProcess({ result }) {
      for (const code of codesIn(result)) statistics.countError(code);
    },
  };

  return { plugin, observe };
}

function failWith(span: TracedSpan, result: unknown): void {
  const [code] = codesIn(result);
  if (code !== undefined) span.fail(code);
}

/** The codes of the errors in a request's result. Those in a stream's messages are not part of it. */
function codesIn(result: unknown): string[] {
  return (Array.isArray(result) ? result : [result]).flatMap(
    (each: { errors?: readonly unknown[] } | undefined) => (each?.errors ?? []).map(codeOf),
  );
}

function codeOf(error: unknown): string {
  // Safe: a missing property reads as undefined.
  const { code, extensions } = error as { code?: unknown; extensions?: { code?: unknown } };
  return String(extensions?.code ?? code ?? "INTERNAL_SERVER_ERROR");
}
