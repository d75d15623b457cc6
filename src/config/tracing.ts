import { z } from "zod";
import { share, url, variable } from "./variable.ts";

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/**
 * OpenTelemetry's own variables, as far as this service reads them
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). The OpenTelemetry SDK
 * itself reads headers, time-outs and compression (OTEL_EXPORTER_OTLP_*), and OTEL_RESOURCE_ATTRIBUTES.
 */
export const tracingVariables = {
  OTEL_TRACES_EXPORTER: variable(
    z.enum(["otlp", "console", "none"]),
    "Switches tracing on: `otlp` or `console`. Unset: `otlp` if an endpoint is set, otherwise off.",
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(
    url("http:", "https:"),
    "The collector that traces are sent to (`/v1/traces` is added). Unset: port 4318 of this machine.",
    { isSecret: true },
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: variable(
    url("http:", "https:"),
    "The same for traces only; nothing is added to it.",
    { isSecret: true },
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: variable(
    z.enum(["http/protobuf", "http/json"]),
    "The format of traces: `http/protobuf` or `http/json`.",
    { default: "http/protobuf" },
  ),
  OTEL_TRACES_SAMPLER: variable(z.enum(SAMPLERS), "Which requests are traced.", {
    default: "parentbased_always_on",
  }),
  OTEL_TRACES_SAMPLER_ARG: variable(
    share("0.01"),
    "The share of requests for the `…traceidratio` samplers, 0 to 1.",
    { default: "1" },
  ),
  OTEL_SERVICE_NAME: variable(z.string().min(1), "The name of the service in traces.", {
    default: "stack-converter",
  }),
  OTEL_SDK_DISABLED: variable(
    z
      .string()
      .regex(/^(true|false)$/i, "expected true or false")
      .transform((text) => text.toLowerCase() === "true"),
    "`true` switches tracing off, whatever else is set.",
    { default: "false" },
  ),
} as const;

export interface TracingConfig {
  readonly exporter: "otlp" | "console";
  readonly protocol: "http/protobuf" | "http/json";
  /** Where traces are sent; undefined: the SDK's default. */
  readonly url: string | undefined;
  readonly sampler: (typeof SAMPLERS)[number];
  readonly ratio: number;
  readonly serviceName: string;
}

/** Combines the variables; undefined: no traces. */
export function tracingOf(value: {
  readonly OTEL_TRACES_EXPORTER: "otlp" | "console" | "none" | undefined;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: string | undefined;
  readonly OTEL_EXPORTER_OTLP_PROTOCOL: TracingConfig["protocol"];
  readonly OTEL_TRACES_SAMPLER: TracingConfig["sampler"];
  readonly OTEL_TRACES_SAMPLER_ARG: number;
  readonly OTEL_SERVICE_NAME: string;
  readonly OTEL_SDK_DISABLED: boolean;
}): TracingConfig | undefined {
  const endpoint = value.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/*$/, "/v1/traces");
  const target = value.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? endpoint;
  const exporter = value.OTEL_TRACES_EXPORTER ?? (target === undefined ? "none" : "otlp");
  if (value.OTEL_SDK_DISABLED || exporter === "none") return undefined;
  return {
    exporter,
    protocol: value.OTEL_EXPORTER_OTLP_PROTOCOL,
    url: target,
    sampler: value.OTEL_TRACES_SAMPLER,
    ratio: value.OTEL_TRACES_SAMPLER_ARG,
    serviceName: value.OTEL_SERVICE_NAME,
  };
}
