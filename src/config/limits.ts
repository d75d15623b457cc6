import { z } from "zod";
import { count, flag, isNetwork, list, variable } from "./variable.ts";

/** How much one client may ask for, and which documents, origins and proxies are accepted. */
export const limitVariables = {
  MAX_TOKENS: variable(
    count(10, 1_000_000),
    "The most tokens (names, numbers, punctuation) in a document, and the most comments.",
    { default: "2000" },
  ),
  MAX_DEPTH: variable(count(1, 1_000), "The most levels of nested fields in an operation.", {
    default: "16",
  }),
  MAX_ALIASES: variable(count(0, 100_000), "The most aliases in an operation.", { default: "100" }),
  MAX_DIRECTIVES: variable(count(0, 100_000), "The most directives in an operation.", { default: "50" }),
  MAX_ROOT_FIELDS: variable(count(1, 100_000), "The most fields at the top level of an operation.", {
    default: "50",
  }),
  MAX_COMPLEXITY: variable(
    count(1, 1_000_000_000),
    "The most values that an operation may ask for. The fields in a list count `first` times.",
    { default: "50000" },
  ),
  MAX_LIST_SIZE: variable(count(1, 10_000_000), "The most items in a list of an operation's input.", {
    default: "10000",
  }),
  MAX_VARIABLE_VALUES: variable(
    count(1, 100_000_000),
    "The most values in all variables of a request together.",
    { default: "200000" },
  ),
  COMPILE_AFTER: variable(
    count(0, 1_000_000),
    "A query is interpreted until its execution of this number, and compiled from then on. 0: never compiled.",
    { default: "10" },
  ),
  MAX_EXECUTION_TIME: variable(
    count(1, 86_400_000),
    "The longest that a query may take, in ms. Then its SQL is cancelled. Mutations are always finished.",
    { default: "15000" },
  ),
  RATE_LIMIT: variable(
    count(0, 1_000_000_000),
    "Units per minute and viewer: 1 for a request, and 1 for each 100 of its complexity. 0: no limit.",
    { default: "60000" },
  ),
  RATE_LIMIT_STRANGERS: variable(
    count(0, 1_000_000_000),
    "Units per minute and address (IPv6: /64 network) for requests without a credential. 0: no limit.",
    { default: "12000" },
  ),
  TRUSTED_DOCUMENTS_ONLY: variable(
    flag,
    "Run only the operations of the SDK and of `TRUSTED_DOCUMENTS_FILE`.",
    { default: "false" },
  ),
  TRUSTED_DOCUMENTS_FILE: variable(
    z.string().min(1),
    'More trusted documents: a JSON file, `{"sha256:…": "query …"}`, as the client preset writes them.',
  ),
  MAX_PERSISTED_QUERIES: variable(
    count(0, 1_000_000),
    "The most documents that clients may register by Apollo's protocol. The oldest are dropped. 0: none.",
    { default: "1000" },
  ),
  INTROSPECTION: variable(flag, "Answer introspection queries. Unset: where GraphiQL is served."),
  CORS_ORIGINS: variable(
    list(
      (text) => text === "*" || (URL.canParse(text) && new URL(text).origin === text),
      "expected origins such as https://app.example.com, or *",
    ),
    "Origins whose pages may send requests, comma-separated. Unset: those on this machine; in production none.",
  ),
  TRUST_PROXY: variable(
    list(isNetwork, "expected addresses and networks such as 10.0.0.0/8, or loopback"),
    "Proxies whose `X-Forwarded-For` and `-Proto` are trusted: addresses, networks or `loopback`, comma-separated.",
  ),
  HEADERS_TIMEOUT: variable(
    count(1, 3_600_000),
    "The longest that a request's headers may take to arrive, in ms.",
    { default: "20000" },
  ),
  REQUEST_TIMEOUT: variable(
    count(1, 3_600_000),
    "The longest that a whole request may take to arrive, in ms. At least `HEADERS_TIMEOUT`.",
    { default: "60000" },
  ),
  MAX_HEADER_BYTES: variable(count(1_024, 1_048_576), "The most bytes in a request's headers.", {
    default: "16384",
  }),
  MAX_CONNECTIONS: variable(
    count(1, 1_000_000),
    "The most connections. Further ones are closed at once. Every subscription holds one.",
    { default: "20000" },
  ),
} as const;
