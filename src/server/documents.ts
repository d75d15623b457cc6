import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import * as z from "zod";
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";

export type Documents = Awaited<ReturnType<typeof loadDocuments>>;

/** A request's parameters before they are checked: any of them may be anything. */
export type UnreadParameters = Readonly<Record<string, unknown>>;

/** The operations of the SDK; written by codegen.ts. */
const OWN_MANIFEST = new URL("../../trustedDocuments.json", import.meta.url);
const PREFIX = "sha256:";
const SHA256 = /^[0-9a-f]{64}$/;
/** The average length of a registered document, in characters; a longer one takes the place of several. */
const REGISTERED_LENGTH = 8_192;

const manifestSchema = z.record(z.string(), z.string());

/**
 * Documents that are known by their SHA-256: those that were published, and those that clients have registered.
 *
 * @throws Error for a manifest that cannot be read, or in which a text is under another's digest
 */
export async function loadDocuments({ areAlone, file, maxRegistered }: Config["trustedDocuments"]) {
  const manifests = await Promise.all(
    [OWN_MANIFEST, ...(file === undefined ? [] : [file])].map(readManifest),
  );
  return createDocuments({ trusted: new Map(manifests.flat()), areAlone, maxRegistered });
}

export function createDocuments({
  trusted,
  areAlone,
  maxRegistered,
}: {
  readonly trusted: ReadonlyMap<string, string>;
  /** Only trusted documents are run. */
  readonly areAlone: boolean;
  readonly maxRegistered: number;
}) {
  const maySend = maxRegistered > 0 && !areAlone;
  const registered = maySend
    ? new LRUCache<string, string>({
        max: maxRegistered,
        maxSize: maxRegistered * REGISTERED_LENGTH,
        sizeCalculation: (text) => text.length + 1,
      })
    : undefined;

  const find = (digest: string) => trusted.get(digest) ?? registered?.get(digest);

  return {
    /**
     * The text of the document that a request brings, or names by its digest.
     *
     * @returns undefined when it does neither, which the checks of the request report
     * @throws AppError `PERSISTED_QUERY_NOT_FOUND`, `PERSISTED_QUERY_NOT_SUPPORTED`, `UNTRUSTED_DOCUMENT`,
     *   `VALIDATION_FAILED` for a text with another digest than the request says
     */
    textOf(parameters: UnreadParameters): string | undefined {
      const { query } = parameters;
      const named = digestIn(parameters);
      const text = typeof query === "string" && query !== "" ? query : undefined;
      if (named === undefined) {
        if (text !== undefined && areAlone && !trusted.has(sha256(text))) throw untrusted();
        return text;
      }
      if (text === undefined) {
        const found = find(named.digest);
        if (found !== undefined) return found;
        throw named.isRegistration && !maySend ? notSupported() : notFound();
      }
      if (sha256(text) !== named.digest) throw mismatch();
      if (areAlone && !trusted.has(named.digest)) throw untrusted();
      if (named.isRegistration && !trusted.has(named.digest)) registered?.set(named.digest, text);
      return text;
    },

    /** Like `textOf`, for a request that was answered before: nothing is registered or refused. */
    recall(parameters: UnreadParameters): unknown {
      const named = digestIn(parameters);
      return parameters.query ?? (named && find(named.digest));
    },

    statistics: () => ({ trusted: trusted.size, registered: registered?.size ?? 0 }),
  };
}

/**
 * The digest in the draft's `documentId`, or in Apollo's extension, by which the client may also register the text.
 */
function digestIn({ documentId, extensions }: UnreadParameters) {
  if (typeof documentId === "string") {
    const digest = documentId.startsWith(PREFIX) ? documentId.slice(PREFIX.length) : documentId;
    return { digest, isRegistration: false };
  }
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: { sha256Hash?: unknown } | null };
  const digest = persistedQuery?.sha256Hash;
  return typeof digest === "string" ? { digest, isRegistration: true } : undefined;
}

async function readManifest(file: URL | string): Promise<[string, string][]> {
  const name = file instanceof URL ? "trustedDocuments.json" : file;
  const content: unknown = await readFile(file, "utf8")
    .then(JSON.parse)
    .catch((cause: unknown) => {
      throw new Error(`The trusted documents in ${name} cannot be read.`, { cause });
    });
  const result = manifestSchema.safeParse(content);
  if (!result.success)
    throw new Error(`Expected ${name} to be an object of texts by their SHA-256.`, { cause: result.error });
  return Object.entries(result.data).map(([key, text]) => {
    const digest = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key;
    if (!SHA256.test(digest) || digest !== sha256(text))
      throw new Error(`In ${name} the document under "${key}" has another SHA-256: ${sha256(text)}.`);
    return [digest, text];
  });
}

function sha256(text: string): string {
  return hash("sha256", text, "hex");
}

// In Apollo's words, which tell its clients to send the text.
function notFound(): AppError {
  return new AppError("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound");
}

function notSupported(): AppError {
  return new AppError("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported");
}

function mismatch(): AppError {
  return new AppError(
    "VALIDATION_FAILED",
    "The document's text has another SHA-256 than it is said to have.",
  );
}

function untrusted(): AppError {
  return new AppError(
    "UNTRUSTED_DOCUMENT",
    "Only operations that were published with this service are run (TRUSTED_DOCUMENTS_ONLY). Use the SDK's, or have yours added to TRUSTED_DOCUMENTS_FILE.",
  );
}
