/** What is around the rows of an answer that are kept on their own. Many answers have the same. */
export interface TextFrame {
  /** Before the first row, between each two, and after the last: one more than there are places. In UTF-8. */
  readonly texts: readonly Buffer[];
  /** Of all texts together. */
  readonly byteLength: number;
  /** What is between the texts: of which part, and which of its rows. */
  readonly places: readonly { readonly part: number; readonly row: number }[];
}

const NOTHING = Buffer.alloc(0);

/**
 * An answer's text, as a frame and the rows in it, which are in other answers too. Whoever keeps a thousand answers of the same rows has each
 * row's text once, outside of what the garbage collector looks through.
 */
export class AnswerText {
  readonly byteLength: number;
  readonly #frame: TextFrame;
  readonly #rows: readonly (readonly Buffer[])[];
  readonly #before: Buffer;
  readonly #after: Buffer;

  /** @param rows by part, in UTF-8; nobody changes them any more */
  constructor(
    frame: TextFrame,
    rows: readonly (readonly Buffer[])[],
    { before = NOTHING, after = NOTHING }: { readonly before?: Buffer; readonly after?: Buffer } = {},
  ) {
    this.#frame = frame;
    this.#rows = rows;
    this.#before = before;
    this.#after = after;
    let byteLength = frame.byteLength + before.byteLength + after.byteLength;
    for (const { part, row } of frame.places) byteLength += rows[part]![row]!.byteLength;
    this.byteLength = byteLength;
  }

  /** With others before and after it. */
  within(before: Buffer, after: Buffer): AnswerText {
    return new AnswerText(this.#frame, this.#rows, { before, after });
  }

  get rowCount(): number {
    return this.#frame.places.length;
  }

  /** @returns what was written of it */
  copyTo(target: Buffer): Buffer {
    const { texts, places } = this.#frame;
    let end = 0;
    const put = (piece: Buffer) => {
      // Most texts between rows are a comma.
      if (piece.byteLength === 1) target[end] = piece[0]!;
      else target.set(piece, end);
      end += piece.byteLength;
    };
    put(this.#before);
    put(texts[0]!);
    for (let index = 0; index < places.length; index++) {
      const { part, row } = places[index]!;
      put(this.#rows[part]![row]!);
      put(texts[index + 1]!);
    }
    put(this.#after);
    return target.subarray(0, end);
  }

  toString(): string {
    return this.copyTo(Buffer.allocUnsafe(this.byteLength)).toString();
  }
}
