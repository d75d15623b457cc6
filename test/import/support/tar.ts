/** An entry of a tar archive (POSIX.1-1988, ustar). Tests write it byte by byte, so that it can be wrong. */
export interface TarEntry {
  readonly name: string;
  readonly content?: string | Uint8Array;
  /** "0" file, "1" hard link, "2" symbolic link, "3" and "4" devices, "5" folder, "6" pipe. */
  readonly type?: string;
  readonly linkname?: string;
  /** The size in the header, if it is to be wrong. */
  readonly size?: number;
  readonly mode?: number;
}

export function tarOf(entries: readonly TarEntry[], options: { end?: boolean } = {}): Buffer {
  const end = options.end === false ? [] : [Buffer.alloc(1_024)];
  return Buffer.concat([...entries.flatMap((entry) => blocksOf(entry)), ...end]);
}

function blocksOf(entry: TarEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? "");
  const header = Buffer.alloc(512);
  const octal = (value: number, offset: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, offset, "latin1");
  header.write(entry.name, 0, 100, "utf8");
  octal(entry.mode ?? 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(entry.size ?? content.length, 124, 12);
  octal(0, 136, 12);
  header.write("        ", 148, "latin1");
  header.write(entry.type ?? "0", 156, "latin1");
  header.write(entry.linkname ?? "", 157, 100, "utf8");
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}
