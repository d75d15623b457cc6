import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { atEndOfFile } from "./cleanup.ts";

/** Matches `+1795902688.745519 [0 127.0.0.1:54134] "evalsha" "cef4…" …`, and captures the first two words. */
const COMMAND = /^\+[\d.]+ \[[^\]]*\] "([^"]*)"(?: "([^"]*)")?/;

/**
 * Reports every command that a Redis server runs, by MONITOR. It uses its own socket, because ioredis throws
 * if a command comes in the same packet as the answer to MONITOR: it takes the command for an answer.
 *
 * @returns a function that ends it earlier than at the end of the test file
 */
export async function monitorRedis(
  url: string,
  onCommand: (command: string, argument: string | undefined) => void,
): Promise<() => void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const end = (): void => {
    socket.destroy();
  };
  socket.on("error", () => {});
  atEndOfFile(async () => end());
  const lines = createInterface({ input: socket });
  socket.write("MONITOR\r\n");
  await once(lines, "line");
  lines.on("line", (line) => {
    const found = COMMAND.exec(line);
    if (found !== null) onCommand(found[1]!.toLowerCase(), found[2]);
  });
  return end;
}
