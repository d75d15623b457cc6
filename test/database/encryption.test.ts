import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokenCipher, DecryptionError } from "../../src/database/encryption.ts";

const key = randomBytes(32).toString("hex");
const cipher = createTokenCipher(key);

describe("token encryption", () => {
  it("decrypts every text that it has encrypted", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.uuid(), (token, userId) => {
        expect(cipher.decrypt(cipher.encrypt(token, userId), userId)).toBe(token);
      }),
    );
  });

  it("makes ciphertexts that are 28 bytes longer than the text and never the same twice", () => {
    const first = cipher.encrypt("gho_token", "user");
    const second = cipher.encrypt("gho_token", "user");
    expect(first).toHaveLength(28 + 9);
    expect(first.equals(second)).toBe(false);
    expect(first.subarray(0, 12).equals(second.subarray(0, 12))).toBe(false);
  });

  it("refuses a ciphertext with any one bit changed", () => {
    const encrypted = cipher.encrypt("gho_token", "user");
    for (let bit = 0; bit < encrypted.length * 8; bit++) {
      const tampered = Buffer.from(encrypted);
      tampered.writeUInt8(tampered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => cipher.decrypt(tampered, "user")).toThrow(DecryptionError);
    }
  });

  it("refuses a ciphertext that was truncated anywhere", () => {
    const encrypted = cipher.encrypt("gho_token", "user");
    for (let length = 0; length < encrypted.length; length++) {
      expect(() => cipher.decrypt(encrypted.subarray(0, length), "user")).toThrow(DecryptionError);
    }
  });

  it("refuses ciphertexts of another user and of another key with the same error", () => {
    const encrypted = cipher.encrypt("gho_token", "user");
    const attempts = [
      () => cipher.decrypt(encrypted, "another user"),
      () => createTokenCipher(randomBytes(32).toString("hex")).decrypt(encrypted, "user"),
      () => cipher.decrypt(Buffer.alloc(0), "user"),
    ];
    const errors = attempts.map((attempt) => {
      try {
        return attempt();
      } catch (error) {
        return error;
      }
    });
    expect(errors).toEqual([new DecryptionError(), new DecryptionError(), new DecryptionError()]);
    expect(errors.map((error) => (error as Error).cause)).toEqual([undefined, undefined, undefined]);
  });

  it("does not repeat a malformed key in its error", () => {
    expect(() => createTokenCipher(`${key}0`)).toThrow(
      new RangeError("Expected a key of 64 hexadecimal digits."),
    );
  });
});
