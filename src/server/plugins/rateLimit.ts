import type { ExecutionArgs } from "graphql";
import type { Plugin } from "graphql-yoga";
import { AppError } from "../../errors.ts";
import type { RequestContext } from "../context.ts";
import type { Exchange, ServerContext } from "../exchange.ts";
import type { RateDecision, RateLimiter } from "../rateLimiter.ts";
import { eachHeader } from "../responseHeads.ts";
import { codedError } from "./codedErrors.ts";

/** How much complexity costs one unit, beside the unit that every operation costs. */
const VALUES_PER_UNIT = 100;

/**
 * Charges each operation, by its complexity, to its viewer or to a stranger's address. A request that never
 * became an operation costs its address one unit. The service's own operations are free, and so are a
 * stream's later messages.
 *
 * A stranger's address that is known to have nothing left is refused before its documents are parsed.
 */
export function rateLimit(limiter: RateLimiter): Plugin<RequestContext & { isRerun?: true }, ServerContext> {
  const admit = (exchange: Exchange, rate: RateDecision): void => {
    exchange.rate = rate;
    if (!rate.isAdmitted) throw codedError(rateLimited(rate));
  };

  /** Nearly always synchronous: every hook after this one would have to wait for a promise. */
  const charge = ({ contextValue }: Pick<ExecutionArgs, "contextValue">): void | Promise<void> => {
    // Safe: Yoga's contexts are this service's own.
    const context = contextValue as RequestContext & { isRerun?: true };
    const { exchange, viewer, complexity = 0 } = context;
    if (context.isRerun || exchange === undefined || exchange.runAs !== undefined) return;
    exchange.isOwing = false;
    const subject = limiter.subjectOf(viewer, exchange.address);
    if (subject === undefined) return;
    const cost = 1 + Math.floor(complexity / VALUES_PER_UNIT);
    const rate = limiter.takeAtOnce(subject, cost);
    if (rate === undefined) return limiter.take(subject, cost).then((taken) => admit(exchange, taken));
    admit(exchange, rate);
  };

  const strangerOf = (exchange: Exchange | undefined) => limiter.subjectOf(null, exchange?.address);

  return {
    onRequestParse({ request, serverContext }) {
      const { exchange } = serverContext;
      if (exchange === undefined) return;
      exchange.isOwing ??= true;
      if (request.headers.has("authorization")) return;
      const stranger = strangerOf(exchange);
      const exhausted = stranger && limiter.exhausted(stranger);
      if (exhausted === undefined) return;
      exchange.rate = exhausted;
      exchange.isOwing = false;
      throw codedError(rateLimited(exhausted));
    },

    onExecute: ({ args }) => charge(args),
    onSubscribe: ({ args }) => charge(args),

    async onResponse({ response, serverContext }) {
      const exchange = serverContext?.exchange;
      if (exchange === undefined) return;
      if (exchange.isOwing) {
        const stranger = strangerOf(exchange);
        if (stranger !== undefined) exchange.rate = await limiter.take(stranger, 1);
      }
      if (exchange.rate === undefined) return;
      eachHeader(rateHeaders(exchange.rate), (name, value) => response.headers.set(name, value));
    },
  };
}

export function rateLimited({ limit, subject, retryAfterSeconds }: RateDecision): AppError {
  const setting = subject.policy === "viewer" ? "RATE_LIMIT" : "RATE_LIMIT_STRANGERS";
  const advice = subject.policy === "viewer" ? "ask for less" : "ask for less, or say who you are";
  return new AppError(
    "RATE_LIMITED",
    `Too much was asked for: ${limit} units a minute are allowed (${setting}). Try again in ${retryAfterSeconds} s, or ${advice}.`,
    { details: { limit, retryAfterSeconds } },
  );
}

/** The headers of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10): names and values, alternating. */
export function rateHeaders({
  subject,
  limit,
  remaining,
  isAdmitted,
  retryAfterSeconds,
}: RateDecision): string[] {
  const fullInSeconds = Math.ceil(((limit - remaining) * 60) / limit);
  const headers = [
    "ratelimit-policy",
    `"${subject.policy}";q=${limit};w=60`,
    "ratelimit",
    `"${subject.policy}";r=${remaining};t=${fullInSeconds}`,
  ];
  if (!isAdmitted) headers.push("retry-after", String(retryAfterSeconds));
  return headers;
}
