import type { LocalEntry } from "./localEntry.ts";
import type { TagRecorder } from "./tags.ts";

/** What an answer depends on: tags, and the other answers that are its parts. */
export class Dependencies implements TagRecorder {
  readonly tags = new Set<string>();
  readonly parts = new Set<LocalEntry>();
  #isLocal = true;

  add(tag: string): void {
    this.tags.add(tag);
  }

  /** @param part an entry of the store. A change that invalidates the part invalidates the answer too. */
  addPart(part: LocalEntry): void {
    this.parts.add(part);
  }

  /** The first level lacked something that the answer is made of. */
  noteAbsent(): void {
    this.#isLocal = false;
  }

  /** Whether everything that the answer is made of was in the first level. */
  get isLocal(): boolean {
    return this.#isLocal;
  }

  get areNone(): boolean {
    return this.tags.size + this.parts.size === 0;
  }

  /** The answer's own tags and those of its parts. */
  all(): string[] {
    return allTags(this.tags, this.parts);
  }
}

/** The tags and those of the parts, each once. */
export function allTags(tags: Iterable<string>, parts: Iterable<LocalEntry>): string[] {
  const all = new Set(tags);
  for (const part of parts) for (const tag of part.tags) all.add(tag);
  return [...all];
}
