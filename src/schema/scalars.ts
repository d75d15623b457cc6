import { GraphQLError, Kind } from "graphql";
import { builder } from "./builder.ts";

builder.scalarType("DateTime", {
  description:
    "A point in time in the format of RFC 3339, in UTC and with milliseconds: `2026-03-01T12:00:00.000Z`. Inputs may have another offset from UTC.",
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    if (typeof value === "string" && RFC_3339.test(value) && isDay(value.slice(0, 10))) {
      const time = new Date(value);
      // Its offset may move a time out of the years that the format has.
      const year = time.getUTCFullYear();
      if (year >= 1 && year <= 9_999) return time;
    }
    throw new GraphQLError(
      `expected a time such as "2026-03-01T12:00:00.000Z", got ${JSON.stringify(value)}`,
    );
  },
});

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt](?!24)\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Whether the day is in the calendar: JavaScript takes February 30 for March 2. */
function isDay(day: string): boolean {
  const time = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day);
}

builder.scalarType("SafeInt", {
  description: "An integer from −(2⁵³ − 1) to 2⁵³ − 1, the range in which a JSON number is exact.",
  serialize: (value) => value,
  parseValue: safeInt,
  parseLiteral: (node) => safeInt(node.kind === Kind.INT ? Number(node.value) : undefined),
});

function safeInt(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw new GraphQLError(`expected a whole number below 2⁵³, got ${JSON.stringify(value)}`);
}
