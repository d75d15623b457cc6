/**
 * Says that nobody waits for something any more. It does what an AbortSignal does; but each request has one, hardly any of
 * them is ever used, and to make an AbortController takes longer than the look-up of a cached row.
 */
export class Interruption {
  #isOver = false;
  #reason: unknown;
  #listeners: (() => void)[] | undefined;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What whoever waits is told; undefined before. */
  get reason(): unknown {
    return this.#reason;
  }

  /** The first call counts. Listeners are called at once, and never again. */
  interrupt(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  }

  /** At once, if it is over already. */
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

  /** @throws the reason, when it is over */
  throwIfOver(): void {
    if (this.#isOver) throw this.#reason;
  }
}
