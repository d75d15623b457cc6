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

  /** @returns what was written of it */
  copyTo(target: Buffer): Buffer {
    let end = 0;
    for (const piece of this.#pieces) {
      // Every other piece is a comma.
      if (piece.byteLength === 1) target[end] = piece[0]!;
      else target.set(piece, end);
      end += piece.byteLength;
    }
    return target.subarray(0, end);
  }

  toString(): string {
    return this.copyTo(Buffer.allocUnsafe(this.byteLength)).toString();
  }
}
