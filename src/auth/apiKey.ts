import { hash, randomBytes } from "node:crypto";

/**
 * API keys: `sck_` and 256 random bits. So many cannot be guessed or tried through, so what is kept of a key
 * is its plain SHA-256, by which it is also looked up. The beginning tells keys from tokens, and lets
 * scanners for leaked secrets know them.
 */

const BEGINNING = "sck_";
const KEY = /^sck_[A-Za-z0-9_-]{43}$/;
/** What is shown of a key: 48 of its bits. */
const PREFIX_LENGTH = 12;

export interface NewApiKey {
  /** Given out once. */
  readonly secret: string;
  readonly hash: string;
  readonly prefix: string;
}

export function generateApiKey(): NewApiKey {
  const secret = BEGINNING + randomBytes(32).toString("base64url");
  return { secret, hash: digestOf(secret), prefix: secret.slice(0, PREFIX_LENGTH) };
}

/** Whether it has an API key's form. */
export const isApiKey = (text: string): boolean => KEY.test(text);

/** What stands for a secret wherever it must not be itself: SHA-256, base64url. */
export const digestOf = (secret: string): string => hash("sha256", secret, "base64url");
