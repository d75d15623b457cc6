import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import type { Context, Span } from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { TracingConfig } from "../config/tracing.ts";
import type { SpanAttributes, SpanKind, TracedSpan, TraceHeaders, Tracing } from "./tracing.ts";

/** How long sending the last spans may take when the service stops. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Tracing with OpenTelemetry's SDK; spans are sent over OTLP. The service makes its spans itself, where the
 * work is done. The alternative, hooks that patch modules, needs a flag to `node` before ES modules load, and
 * would also trace work that no request asked for.
 *
 * Nothing is registered globally, so a program that embeds the service keeps its own tracing.
 */
export async function startOpenTelemetry(config: TracingConfig): Promise<Tracing> {
  const [api, sdk, core, resources] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/core"),
    import("@opentelemetry/resources"),
  ]);
  const exporter = await createExporter(config, sdk.ConsoleSpanExporter);
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ "service.name": config.serviceName }))
      // Reads OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME.
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    sampler: createSampler(config, sdk),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer("stack-converter");
  const propagator = new core.W3CTraceContextPropagator();
  const storage = new AsyncLocalStorage<TracedSpan | undefined>();
  /** The context of every span, in which its child spans are started. */
  const contexts = new WeakMap<TracedSpan, Context>();
  const kinds: Record<SpanKind, number> = {
    server: api.SpanKind.SERVER,
    internal: api.SpanKind.INTERNAL,
    client: api.SpanKind.CLIENT,
  };

  const begin = (parent: Context, name: string, kind: SpanKind, attributes: SpanAttributes): TracedSpan => {
    const span = tracer.startSpan(name, { kind: kinds[kind], attributes: { ...attributes } }, parent);
    const traced = tracedSpan(span, api.SpanStatusCode.ERROR);
    contexts.set(traced, api.trace.setSpan(parent, span));
    return traced;
  };

  const tracing: Tracing = {
    active: () => storage.getStore(),
    start(name, kind, attributes = {}) {
      const active = storage.getStore();
      const parent = active && contexts.get(active);
      return parent && begin(parent, name, kind, attributes);
    },
    startRequest(headers, name, attributes = {}) {
      const parent = propagator.extract(api.ROOT_CONTEXT, headers, {
        get: (carrier: TraceHeaders, key) => carrier[key] as string | undefined, // Safe: Node joins repeated headers.
        keys: (carrier: TraceHeaders) => Object.keys(carrier),
      });
      return begin(parent, name, "server", attributes);
    },
    within: (span, work) => storage.run(span, work),
    bind(run) {
      const span = storage.getStore();
      return (...parameters) => storage.run(span, () => run(...parameters));
    },
    async close() {
      stopRedis();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      });
      await Promise.race([provider.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
  const stopRedis = traceRedis(tracing);
  return tracing;
}

function tracedSpan(span: Span, errorStatus: number): TracedSpan {
  const { traceId, spanId } = span.spanContext();
  let hasEnded = false;
  return {
    traceId,
    spanId,
    rename: (name) => void span.updateName(name),
    set: (name, value) => void span.setAttribute(name, value),
    fail(code) {
      span.setAttribute("error.type", code);
      span.setStatus({ code: errorStatus });
    },
    end() {
      if (hasEnded) return;
      hasEnded = true;
      span.end();
    },
  };
}

async function createExporter(
  { exporter, protocol, url }: TracingConfig,
  ConsoleExporter: new () => SpanExporter,
): Promise<SpanExporter> {
  if (exporter === "console") return new ConsoleExporter();
  const { OTLPTraceExporter } =
    protocol === "http/json"
      ? await import("@opentelemetry/exporter-trace-otlp-http")
      : await import("@opentelemetry/exporter-trace-otlp-proto");
  // The exporter itself reads headers, time-out and compression from OTEL_EXPORTER_OTLP_*.
  return new OTLPTraceExporter(url === undefined ? {} : { url });
}

type Sdk = typeof import("@opentelemetry/sdk-trace");

function createSampler({ sampler, ratio }: TracingConfig, sdk: Sdk) {
  const roots = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(ratio),
  };
  if (sampler === "always_on" || sampler === "always_off" || sampler === "traceidratio")
    return roots[sampler]();
  // Safe: every other sampler is one of these names with the prefix "parentbased_".
  const name = sampler.slice("parentbased_".length) as keyof typeof roots;
  return new sdk.ParentBasedSampler({ root: roots[name]() });
}

/**
 * Makes a span of every Redis command, which ioredis publishes on Node's diagnostics channel. Only the
 * command's name is recorded, because its arguments are keys and values.
 *
 * @returns a function that stops it
 */
function traceRedis(tracing: Tracing): () => void {
  const channel = tracingChannel<string, { command?: string }>("ioredis:command");
  const spans = new WeakMap<object, TracedSpan>();
  const subscribers = {
    start(message: { command?: string }) {
      const name = (message.command ?? "command").toUpperCase();
      const span = tracing.start(name, "client", { "db.system.name": "redis", "db.operation.name": name });
      if (span !== undefined) spans.set(message, span);
    },
    end() {},
    asyncStart() {},
    asyncEnd(message: object) {
      spans.get(message)?.end();
    },
    error(message: { error?: unknown }) {
      const { error } = message;
      // Redis' own error code, such as NOSCRIPT or READONLY.
      const code = error instanceof Error ? (/^[A-Z]{2,}/.exec(error.message)?.[0] ?? error.name) : "Error";
      spans.get(message)?.fail(code);
    },
  };
  channel.subscribe(subscribers);
  return () => void channel.unsubscribe(subscribers);
}
