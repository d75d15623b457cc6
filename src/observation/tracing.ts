import type { TracingConfig } from "../config/tracing.ts";

/**
 * What the service needs of traces. Nothing of OpenTelemetry is loaded unless they are switched on
 * (openTelemetry.ts): without, there is no `Tracing`, and whoever would make a span finds it undefined.
 */

export type SpanAttribute = string | number | boolean;
export type SpanAttributes = Readonly<Record<string, SpanAttribute>>;
export type SpanKind = "server" | "internal" | "client";

/** A piece of work. Spans hold names, codes and counts; never values that were sent, tokens or addresses. */
export interface TracedSpan {
  readonly traceId: string;
  readonly spanId: string;
  rename(name: string): void;
  set(name: string, value: SpanAttribute): void;
  /** With a code: an error's message may hold what was sent. */
  fail(code: string): void;
  /** Any number of calls is one. */
  end(): void;
}

/** Headers as Node has them, with names in lower case. */
export type TraceHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Tracing {
  /** The span that this code runs in. */
  active(): TracedSpan | undefined;
  /** A span within the active one. Undefined when there is none: what no request has asked for is not traced. */
  start(name: string, kind: SpanKind, attributes?: SpanAttributes): TracedSpan | undefined;
  /** A request's span, in its sender's trace if it names one (https://www.w3.org/TR/trace-context/). */
  startRequest(headers: TraceHeaders, name: string, attributes?: SpanAttributes): TracedSpan;
  /** Runs the work in the span: spans that it starts are within it. */
  within<Result>(span: TracedSpan | undefined, work: () => Result): Result;
  /** The function, running in the span that is active now, whoever calls it. */
  bind<Parameters extends unknown[], Result>(
    run: (...parameters: Parameters) => Result,
  ): (...parameters: Parameters) => Result;
  /** Sends what has ended and is not sent yet. Never rejects. */
  close(): Promise<void>;
}

/** Loaded when it is wanted: it takes longer than the rest of the service. */
export async function startTracing(config: TracingConfig): Promise<Tracing> {
  const { startOpenTelemetry } = await import("./openTelemetry.ts");
  return startOpenTelemetry(config);
}

/** What log lines say of the span that they are written in. */
export function traceFields(span: TracedSpan | undefined): { trace_id?: string; span_id?: string } {
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
