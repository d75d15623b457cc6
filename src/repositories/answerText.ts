/**
 * A text in pieces, some of which are in other texts too. Whoever keeps a thousand texts of the same pieces has each piece once,
 * outside of what the garbage collector looks through.
 */
export class AnswerText {
  readonly byteLength: number;
  readonly #pieces: readonly Buffer[];

  /** @param pieces in UTF-8; nobody changes them any more */
  constructor(pieces: readonly Buffer[]) {
    this.#pieces = pieces;
    this.byteLength = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** With others before and after it. */
  within(before: Buffer, after: Buffer): AnswerText {
    return new AnswerText([before, ...this.#pieces, after]);
  }

  get pieceCount(): number {
    return this.#pieces.length;
  }

  /** All of it, as its caller's own. */
  toBuffer(): Buffer {
    const text = Buffer.allocUnsafeSlow(this.byteLength);
    let end = 0;
    for (const piece of this.#pieces) {
      // Every other piece is a comma.
      if (piece.byteLength === 1) text[end] = piece[0]!;
      else text.set(piece, end);
      end += piece.byteLength;
    }
    return text;
  }

  toString(): string {
    return this.toBuffer().toString();
  }
}
