import pg from "pg";

const { TIMESTAMPTZ } = pg.types.builtins;
const [ZERO, DASH] = [0x30, 0x2d];

const parseAny = pg.types.getTypeParser(TIMESTAMPTZ, "text") as (text: string) => unknown; // Safe: text is what it parses.

/**
 * Parses `2026-11-24 22:47:05.123+00`, or the form that PostgreSQL uses in JSON,
 * `2026-11-24T22:47:05.123+00:00`, digit by digit. Each row has several times, and the general parser with
 * its regular expressions was a twentieth of a list's cost. Times that look different are left to the general
 * parser: other time zones, infinity, years before 1000.
 */
export function parseTime(text: string): unknown {
  const zone = text.length - (text.endsWith("+00:00") ? 6 : 3);
  const isPlain =
    text.charCodeAt(4) === DASH && text.charCodeAt(0) !== ZERO && zone >= 19 && text.startsWith("+00", zone);
  if (!isPlain) return parseAny(text.replace("T", " "));
  let ms = 0;
  // From the decimal point to the zone: up to six digits, of which the first three count.
  for (let at = 20, unit = 100; at < zone && unit >= 1; at++, unit /= 10) ms += digit(text, at) * unit;
  return new Date(
    Date.UTC(
      two(text, 0) * 100 + two(text, 2),
      two(text, 5) - 1,
      two(text, 8),
      two(text, 11),
      two(text, 14),
      two(text, 17),
      ms,
    ),
  );
}

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - ZERO;
}

function two(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

/** How `pg` parses the results of the service's own statements. Prisma has parsers of its own. */
export const rowTypes: pg.CustomTypesConfig = {
  // biome-ignore lint/suspicious/noExplicitAny: as in the types of `pg`
  getTypeParser: (id: number, format?: any): any =>
    id === TIMESTAMPTZ && format !== "binary" ? parseTime : pg.types.getTypeParser(id, format),
};
