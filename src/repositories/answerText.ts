/** The text around those rows of an answer that are kept on their own. Many answers share one frame. */
export interface TextFrame {
  /**
   * The texts before the first row, between the rows and after the last: one more than there are places. In
   * UTF-8.
   */
  readonly texts: readonly Buffer[];
  /** Bytes of all texts together. */
  readonly byteLength: number;
  /** What goes between the texts: which part, and which of the part's rows. */
  readonly places: readonly { readonly part: number; readonly row: number }[];
}

const NOTHING = Buffer.alloc(0);

/**
 * An answer's text, as a frame and the rows in it, which other answers share. A cache that keeps a thousand
 * answers made of the same rows has each row's text once, and outside of the heap that the garbage collector
 * looks through.
 */
export class AnswerText {
  readonly byteLength: number;
  readonly #frame: TextFrame;
  readonly #rows: readonly (readonly Buffer[])[];
  readonly #before: Buffer;
  readonly #after: Buffer;

  /** @param rows by part, in UTF-8; must not change any more */
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

  /** The same text between two others. */
  within(before: Buffer, after: Buffer): AnswerText {
    return new AnswerText(this.#frame, this.#rows, { before, after });
  }

  get rowCount(): number {
    return this.#frame.places.length;
  }

  /** @returns the part of `target` that was written */
  copyTo(target: Buffer): Buffer {
    const { texts, places } = this.#frame;
    let end = 0;
    const put = (piece: Buffer) => {
      // Most texts between rows are a single comma.
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
