import { MARK, RELEASE } from "../../../src/coherence/scripts.ts";
import type { Watcher } from "./link.ts";

/**
 * Breaks the protocol of the instance whose link to Redis this watches. The instance believes that its writes
 * are marked and released, but Redis never gets these commands. Each of them is replaced by an ECHO of the
 * expected answer, so the order of the replies stays the same.
 */
export const swallowMarks: Watcher = (_connection, chunk) => {
  const commands = commandsIn(chunk);
  // A chunk that is not made of whole commands passes unchanged.
  if (commands === undefined) return undefined;
  return Buffer.concat(
    commands.map(({ bytes, words }) => {
      if (words[0]?.toLowerCase() !== "evalsha") return bytes;
      if (words[1] === MARK.sha1) return echo("marked");
      if (words[1] === RELEASE.sha1) return echo("released");
      return bytes;
    }),
  );
};

const echo = (text: string) => Buffer.from(`*2\r\n$4\r\nECHO\r\n$${text.length}\r\n${text}\r\n`);

/** The commands of a chunk (arrays of bulk strings), each with its first two words. */
function commandsIn(chunk: Buffer): { bytes: Buffer; words: string[] }[] | undefined {
  const commands: { bytes: Buffer; words: string[] }[] = [];
  let at = 0;
  const number = (mark: string): number => {
    const end = chunk.indexOf("\r\n", at);
    if (end === -1 || chunk.toString("latin1", at, at + 1) !== mark) return Number.NaN;
    const value = Number(chunk.toString("latin1", at + 1, end));
    at = end + 2;
    return value;
  };
  while (at < chunk.length) {
    const from = at;
    const words: string[] = [];
    const count = number("*");
    if (Number.isNaN(count)) return undefined;
    for (let index = 0; index < count; index++) {
      const length = number("$");
      if (Number.isNaN(length) || at + length + 2 > chunk.length) return undefined;
      if (index < 2) words.push(chunk.toString("latin1", at, at + length));
      at += length + 2;
    }
    commands.push({ bytes: chunk.subarray(from, at), words });
  }
  return commands;
}
