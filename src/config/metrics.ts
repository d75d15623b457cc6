import { z } from "zod";
import { count, variable } from "./variable.ts";

/** Who may read `/metrics`, and where. */
export const metricsVariables = {
  METRICS_TOKEN: variable(
    z.string().min(16, "expected at least 16 characters (openssl rand -base64 32)"),
    "A bearer token that may read `/metrics`, and what `/readyz?verbose` adds. Administrators may too.",
    { isSecret: true },
  ),
  METRICS_PORT: variable(
    count(0, 65_535),
    "Serve `/metrics` and the probes on a port of their own too; 0 takes a free one. Unset: not.",
  ),
  METRICS_HOST: variable(
    z.string().min(1),
    "That port's address. On it no token is asked for unless `METRICS_TOKEN` is set.",
    { default: "127.0.0.1" },
  ),
} as const;
