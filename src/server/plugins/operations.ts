import { type DocumentNode, getOperationAST } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { TracedSpan, Tracing } from "../../observation/tracing.ts";
import type { RequestContext } from "../context.ts";
import type { ServerContext } from "../exchange.ts";
import type { OperationKind, OperationStatistics } from "../operationStatistics.ts";

/** In the place of a name where there is none, and of those that strangers make up. */
const ANONYMOUS = "(anonymous)";
const STRANGER = "(stranger)";

/** Runs what a request asks for. */
export type ObserveOperation = <Result>(request: Request, run: () => Promise<Result>) => Promise<Result>;

interface Running {
  kind: OperationKind;
  name: string;
  readonly span: TracedSpan | undefined;
}

/**
 * Times every operation from its parameters to its result, counts what it fails with by code, and makes its span, in
 * which whatever it reads is read. Operations that are answered from the replay never come here.
 *
 * Documents are not part of the span: they may have values in them.
 */
export function createOperations(options: {
  readonly statistics: OperationStatistics;
  readonly tracing: Tracing | undefined;
}) {
  const { statistics, tracing } = options;
  const running = new WeakMap<Request, Running>();

  const identify = (document: DocumentNode, operationName: string | null | undefined, context: unknown) => {
    const { request, viewer } = context as RequestContext; // Safe: Yoga's contexts are this service's own.
    const found = running.get(request);
    const operation = getOperationAST(document, operationName);
    if (found === undefined || operation == null) return;
    found.kind = operation.operation;
    found.name = viewer === null ? STRANGER : (operation.name?.value ?? ANONYMOUS);
    found.span?.rename(`${found.kind} ${found.name}`);
    found.span?.set("graphql.operation.type", found.kind);
    found.span?.set("graphql.operation.name", found.name);
  };

  const observe: ObserveOperation = async (request, run) => {
    const startedAt = performance.now();
    const span = tracing?.start("graphql", "internal");
    const operation: Running = { kind: "invalid", name: "", span };
    running.set(request, operation);
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
      operation: async ({ request, context }, wrapped) => {
        // Safe: Yoga's contexts are this service's own. What was run in front of Yoga was observed there.
        const isOver = (context as ServerContext).exchange?.answered !== undefined;
        await (isOver ? wrapped() : observe(request, async () => wrapped()));
      },
    },

    onExecute: ({ args }) => identify(args.document, args.operationName, args.contextValue),
    onSubscribe: ({ args }) => identify(args.document, args.operationName, args.contextValue),

    onExecutionResult({ request, result }) {
      const span = running.get(request)?.span;
      if (span !== undefined) failWith(span, result);
    },

    // Later, because some requests fail before there is an operation.
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

/** Of the errors in what a request is answered with; a stream's messages are no part of that. */
function codesIn(result: unknown): string[] {
  return (Array.isArray(result) ? result : [result]).flatMap(
    (each: { errors?: readonly unknown[] } | undefined) => (each?.errors ?? []).map(codeOf),
  );
}

function codeOf(error: unknown): string {
  // Safe: what is not there is undefined.
  const { code, extensions } = error as { code?: unknown; extensions?: { code?: unknown } };
  return String(extensions?.code ?? code ?? "INTERNAL_SERVER_ERROR");
}
