/**
 * Signals that nobody waits for a result any more. It does what an AbortSignal does. But each request has
 * one, hardly any of them is ever used, and creating an AbortController takes longer than looking up a cached
 * row.
 */
export class Interruption {
  #isOver = false;
  #reason: unknown;
  #listeners: (() => void)[] | undefined;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The reason that waiting code is given; undefined before the interruption. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Only the first call counts. Listeners are called at once, and only once. */
  interrupt(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  }

  /** Calls the listener at once if the interruption is over already. */
  listen(listener: () => void): void {
    if (this.#isOver) {
      listener();
      return;
    }
    if (this.#listeners === undefined) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  ignore(listener: () => void): void {
    const index = this.#listeners?.indexOf(listener) ?? -1;
    if (index >= 0) this.#listeners!.splice(index, 1);
  }

  /** @throws the reason, once it is over */
  throwIfOver(): void {
    if (this.#isOver) throw this.#reason;
  }
}
