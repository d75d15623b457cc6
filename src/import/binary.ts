/** How many of a file's first bytes are examined. git examines 8,000. */
export const sniffBytes = 8_192;

/**
 * Whether a file is binary, judged by its first bytes: they hold a NUL byte (git's rule), begin a PDF, or are
 * more than a tenth control characters. UTF-16 with a byte order mark is text, though it is full of NULs.
 */
export function isBinary(head: Uint8Array): boolean {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return false;
  if (head[0] === 0x25 && head[1] === 0x50 && head[2] === 0x44 && head[3] === 0x46) return true;
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    // Tab, line feed, form feed, carriage return, backspace and escape occur in text.
    if (byte < 0x20 && byte !== 0x1b && (byte < 0x08 || byte > 0x0d)) controls += 1;
  }
  return controls > head.length / 10;
}

/** The interpreter that a script's first line names: "python3" for "#!/usr/bin/env -S python3 -u". */
export function interpreterOf(head: Uint8Array): string | null {
  if (head[0] !== 0x23 || head[1] !== 0x21) return null;
  const end = head.indexOf(0x0a);
  const line = Buffer.from(head.subarray(2, end === -1 ? 256 : Math.min(end, 256))).toString("latin1");
  const words = line.trim().split(/\s+/);
  const name = (word: string | undefined) => word?.split("/").at(-1) || null;
  if (name(words[0]) !== "env") return name(words[0]);
  return name(words.slice(1).find((word) => !word.startsWith("-") && !word.includes("=")));
}
