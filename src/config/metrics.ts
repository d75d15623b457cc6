import { z } from "zod";
import { count, variable } from "./variable.ts";

/** Who may read `/metrics`, and where. */
export const metricsVariables = {
  METRICS_TOKEN: variable(
    z.string().min(16, "expected at least 16 characters (openssl rand -base64 32)"),
    "A bearer token that may read `/metrics` and `/readyz?verbose`. Administrators may read them too.",
    { isSecret: true },
  ),
  METRICS_PORT: variable(
    count(0, 65_535),
    "Also serve `/metrics` and the probes on this port. 0 takes a free one. Unset: no such port.",
  ),
  METRICS_HOST: variable(
    z.string().min(1),
    "The address of that port. It asks for no token unless `METRICS_TOKEN` is set.",
    { default: "127.0.0.1" },
  ),
} as const;
