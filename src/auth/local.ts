import { randomBytes, randomUUID } from "node:crypto";
import { chmod, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * On its embedded database, the service needs no configured authentication. It signs tokens with a secret of
 * its own, and leaves a token for this machine's user, whose commands find it. Both are files beside the
 * database that only their owner can read.
 */

const SECRET_FILE = "jwt-secret";
const TOKEN_FILE = "token.json";
/** Only the owner may read and write. */
const MODE = 0o600;

/** The secret that is kept with the data; created at the first start. */
export async function localSecret(dataDirectory: string): Promise<string> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const path = join(dataDirectory, SECRET_FILE);
  const own = `${path}.${randomUUID()}`;
  // Written to a file of its own and linked into place, so that nobody ever reads half of it. An existing
  // secret stays.
  await writeFile(own, randomBytes(48).toString("base64url"), { mode: MODE });
  try {
    await link(own, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(own, { force: true });
  }
  return readFile(path, "utf8");
}

/** The secret that is kept with the data; undefined if there is none. */
export async function existingLocalSecret(dataDirectory: string): Promise<string | undefined> {
  return readIfThere(join(dataDirectory, SECRET_FILE));
}

/** Leaves a token for the commands of this machine's user. @returns a function that removes it */
export async function leaveLocalToken(
  dataDirectory: string,
  left: { readonly url: string; readonly token: string },
): Promise<() => Promise<void>> {
  const path = join(dataDirectory, TOKEN_FILE);
  // An existing file would keep its mode.
  await rm(path, { force: true });
  await writeFile(path, JSON.stringify(left), { mode: MODE });
  await chmod(path, MODE);
  return () => rm(path, { force: true });
}

/**
 * The token that a service has left for its own `url`. It is given out for that URL alone, so that no other
 * program that listens on this machine is sent it.
 */
export async function findLocalToken(dataDirectory: string, url: string): Promise<string | undefined> {
  const text = await readIfThere(join(dataDirectory, TOKEN_FILE));
  if (text === undefined) return undefined;
  try {
    const left: unknown = JSON.parse(text);
    if (typeof left !== "object" || left === null || !("url" in left) || !("token" in left)) return undefined;
    return left.url === url && typeof left.token === "string" ? left.token : undefined;
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
