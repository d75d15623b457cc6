import type { TracingConfig } from "../config/tracing.ts";

/**
 * The tracing interface that the service uses. OpenTelemetry is loaded only if tracing is switched on
 * (openTelemetry.ts). Otherwise there is no `Tracing`: code that would start a span finds it undefined.
 */

export type SpanAttribute = string | number | boolean;
export type SpanAttributes = Readonly<Record<string, SpanAttribute>>;
export type SpanKind = "server" | "internal" | "client";

/** A piece of work. Spans hold names, codes and counts; never values from requests, tokens or addresses. */
export interface TracedSpan {
  readonly traceId: string;
  readonly spanId: string;
  rename(name: string): void;
  set(name: string, value: SpanAttribute): void;
  /** Takes a code only, because an error's message may contain values from the request. */
  fail(code: string): void;
  /** Repeated calls have no effect. */
  end(): void;
}

/** Headers as Node represents them, with names in lower case. */
export type TraceHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Tracing {
  /** The span that the calling code runs in. */
  active(): TracedSpan | undefined;
  /**
   * Starts a child of the active span. Returns undefined if there is none: work that no request asked for is
   * not traced.
   */
  start(name: string, kind: SpanKind, attributes?: SpanAttributes): TracedSpan | undefined;
  /**
   * Starts a request's span, in the client's trace if the headers name one
   * (https://www.w3.org/TR/trace-context/).
   */
  startRequest(headers: TraceHeaders, name: string, attributes?: SpanAttributes): TracedSpan;
  /** Runs the work in the span: spans that the work starts are its children. */
  within<Result>(span: TracedSpan | undefined, work: () => Result): Result;
  /** Returns a function that runs in the span that is active now, wherever it is called. */
  bind<Parameters extends unknown[], Result>(
    run: (...parameters: Parameters) => Result,
  ): (...parameters: Parameters) => Result;
  /** Sends the ended spans that have not been sent yet. Never rejects. */
  close(): Promise<void>;
}

/** Imports OpenTelemetry only when called: that takes longer than loading the rest of the service. */
export async function startTracing(config: TracingConfig): Promise<Tracing> {
  const { startOpenTelemetry } = await import("./openTelemetry.ts");
  return startOpenTelemetry(config);
}

/** The fields by which a log line names the span that it was written in. */
export function traceFields(span: TracedSpan | undefined): { trace_id?: string; span_id?: string } {
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
