import { isIP } from "node:net";
import { z } from "zod";

/** Accepts digits alone: plain coercion would read " " as 0 and "0x10" as 16. */
export const count = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, "expected a whole number in digits")
    .transform(Number)
    .pipe(z.int().min(min).max(max));
export const milliseconds = (max = 86_400_000) => count(0, max);
export const flag = z.enum(["true", "false"]).transform((value) => value === "true");
export const list = (isItem: (text: string) => boolean, rule: string) =>
  z
    .string()
    .transform((text) => text.split(",").map((item) => item.trim()))
    .refine((items) => items.every(isItem), rule);

export function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (text === "loopback") return true;
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** @param example a valid value, for the error message */
export const share = (example: string) =>
  z
    .string()
    .regex(/^(0(\.\d+)?|1(\.0+)?)$/, `expected a number from 0 to 1, such as ${example}`)
    .transform(Number);

export const isUrl = (text: string, protocols: readonly string[]): boolean =>
  URL.canParse(text) && protocols.includes(new URL(text).protocol);

export const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => isUrl(value, protocols),
      `expected a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
    );

export interface Variable<Value> {
  readonly schema: z.ZodType<Value>;
  /** As written in the environment. Without a default, an unset variable reads as undefined. */
  readonly default?: string;
  readonly description: string;
  /** Never printed, not even when it is malformed. */
  readonly isSecret?: true;
}

export const variable = <Value, Default extends string | undefined = undefined>(
  schema: z.ZodType<Value>,
  description: string,
  options: { default?: Default; isSecret?: true } = {},
) => ({ schema, description, ...options }) as Variable<Value> & { default: Default };
