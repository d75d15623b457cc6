import { hash, randomBytes } from "node:crypto";

/**
 * API keys: `sck_` and 256 random bits. Nobody can guess or enumerate that many, so the service keeps a key's
 * plain SHA-256 alone, and looks the key up by it. The prefix tells keys from tokens, and lets scanners for
 * leaked secrets recognize them.
 */

const BEGINNING = "sck_";
const KEY = /^sck_[A-Za-z0-9_-]{43}$/;
/** How much of a key is shown, in characters: `sck_` and 48 of its bits. */
const PREFIX_LENGTH = 12;

export interface NewApiKey {
  /** Given out once, and never stored. */
  readonly secret: string;
  readonly hash: string;
  readonly prefix: string;
}

export function generateApiKey(): NewApiKey {
  const secret = BEGINNING + randomBytes(32).toString("base64url");
  return { secret, hash: digestOf(secret), prefix: secret.slice(0, PREFIX_LENGTH) };
}

/** Whether the text has the form of an API key. */
export const isApiKey = (text: string): boolean => KEY.test(text);

/** The digest that stands in for a secret wherever the secret itself must not appear: SHA-256, base64url. */
export const digestOf = (secret: string): string => hash("sha256", secret, "base64url");
