import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Decrypter, Encrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { BackupError } from "./error.ts";

/**
 * Archives are encrypted in age's format (https://age-encryption.org/v1). Its chunks are authenticated one by
 * one, together with their order and the end, so that no part can be changed, moved or cut off unnoticed.
 * `age -d -i key` reads these archives too.
 */

/** A secret key that decrypts, and the public key that encrypts for it. */
export async function generateKeys(): Promise<{ secretKey: string; publicKey: string }> {
  const secretKey = await generateIdentity();
  return { secretKey, publicKey: await identityToRecipient(secretKey) };
}

const isSecret = (key: string) => key.startsWith("AGE-SECRET-KEY-");

/** @param key the public key, or the secret key that it belongs to */
export async function encrypted(source: Readable, key: string): Promise<Readable> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(isSecret(key) ? await identityToRecipient(key) : key);
  return fromWeb(await encrypter.encrypt(toWeb(source)));
}

/** @throws BackupError `BACKUP_KEY_MISSING`, `BACKUP_KEY_WRONG`; the stream fails with `BACKUP_CORRUPT` */
export async function decrypted(source: Readable, key: string | undefined): Promise<Readable> {
  if (key === undefined || !isSecret(key)) {
    source.destroy();
    throw new BackupError(
      "BACKUP_KEY_MISSING",
      "The archive is encrypted: set BACKUP_ENCRYPTION_KEY to the secret key (AGE-SECRET-KEY-1…) that belongs to the one it was made with.",
    );
  }
  const decrypter = new Decrypter();
  decrypter.addIdentity(key);
  const plain = await decrypter.decrypt(toWeb(source)).catch((cause: unknown) => {
    source.destroy();
    const isOthers = cause instanceof Error && /no identity matched/.test(cause.message);
    throw isOthers
      ? new BackupError("BACKUP_KEY_WRONG", "The archive was encrypted for another key.", cause)
      : new BackupError("BACKUP_CORRUPT", "The archive's head is damaged.", cause);
  });
  const result = fromWeb(plain);
  return Readable.from(coded(result), { objectMode: false });
}

async function* coded(source: Readable) {
  try {
    yield* source;
  } catch (cause) {
    throw new BackupError("BACKUP_CORRUPT", "The archive is damaged: a part of it does not decrypt.", cause);
  }
}

// Safe, both: Node's stream types and those of the web describe the same objects twice.
const toWeb = (source: Readable) =>
  Readable.toWeb(source) as unknown as globalThis.ReadableStream<Uint8Array>;
const fromWeb = (source: globalThis.ReadableStream<Uint8Array>) =>
  Readable.fromWeb(source as unknown as ReadableStream<Uint8Array>);
