/** The text around those rows of an answer that are kept on their own. Many answers share one frame. */
export interface TextFrame {
  /**
   * The texts before the first row, between the rows and after the last: one more than there are places. In
   * UTF-8.
   */
  readonly texts: readonly Buffer[];
  /** Bytes of all texts together. */
  readonly byteLength: number;
  /** What goes between the texts: indexes of rows. */
  readonly places: readonly number[];
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
  readonly #rows: readonly Buffer[];
  readonly #before: Buffer;
  readonly #after: Buffer;

  /** @param rows in UTF-8; must not change any more */
  constructor(
    frame: TextFrame,
    rows: readonly Buffer[],
    {
      before = NOTHING,
      after = NOTHING,
      betweenBytes = bytesBetween(frame, rows),
    }: { readonly before?: Buffer; readonly after?: Buffer; readonly betweenBytes?: number } = {},
  ) {
    this.#frame = frame;
    this.#rows = rows;
    this.#before = before;
    this.#after = after;
    this.byteLength = before.byteLength + betweenBytes + after.byteLength;
  }

  /** The same text, now between these two. */
  within(before: Buffer, after: Buffer): AnswerText {
    const betweenBytes = this.byteLength - this.#before.byteLength - this.#after.byteLength;
    return new AnswerText(this.#frame, this.#rows, { before, after, betweenBytes });
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
      put(this.#rows[places[index]!]!);
      put(texts[index + 1]!);
    }
    put(this.#after);
    return target.subarray(0, end);
  }

  toString(): string {
    return this.copyTo(Buffer.allocUnsafe(this.byteLength)).toString();
  }
}

function bytesBetween({ byteLength, places }: TextFrame, rows: readonly Buffer[]): number {
  let sum = byteLength;
  for (const place of places) sum += rows[place]!.byteLength;
  return sum;
}
