import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** NIST SP 800-38D, section 8.2.2: 96 random bits are safe for 2^32 messages under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export type TokenCipher = ReturnType<typeof createTokenCipher>;

/**
 * The ciphertext was not made by `encrypt` with this key and this associated data. The error does not say
 * which of the three is wrong.
 */
export class DecryptionError extends Error {
  constructor() {
    super("The stored token cannot be decrypted.");
    this.name = "DecryptionError";
  }
}

/**
 * Encrypts GitHub access tokens at rest: AES-256-GCM, laid out as nonce (12 bytes), tag (16), ciphertext. The
 * tag also authenticates the associated data, the user's id, so a ciphertext copied into another user's row
 * is worthless there.
 *
 * @param hexKey 64 hexadecimal digits
 * @throws RangeError if the key is anything else; the message does not repeat the key
 */
export function createTokenCipher(hexKey: string) {
  if (!/^[0-9a-fA-F]{64}$/.test(hexKey)) {
    throw new RangeError("Expected a key of 64 hexadecimal digits.");
  }
  const key = Buffer.from(hexKey, "hex");

  return {
    encrypt(plaintext: string, associatedData: string): Buffer {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(associatedData, "utf8"));
      const ciphertext = Buffer.concat([cipher.update(plaintext, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
    },

    /**
     * @throws DecryptionError without a cause: OpenSSL's own message would tell nothing, and the error should
     *   tell nothing
     */
    decrypt(encrypted: Uint8Array, associatedData: string): string {
      try {
        const bytes = Buffer.from(encrypted.buffer, encrypted.byteOffset, encrypted.byteLength);
        const nonce = bytes.subarray(0, NONCE_BYTES);
        const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
        decipher.setAAD(Buffer.from(associatedData, "utf8"));
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        const plaintext = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
        return Buffer.concat([plaintext, decipher.final()]).toString("utf8");
      } catch {
        throw new DecryptionError();
      }
    },
  };
}
