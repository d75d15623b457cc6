import { createLink } from "../check/coherence/link.ts";
import { atEndOfFile } from "./cleanup.ts";

/** Gives an address of the same database behind a proxy that can lose the answer to a COMMIT. */
export async function loseCommits(serverUrl: string) {
  const url = new URL(serverUrl);
  const link = await createLink(Number(url.port));
  atEndOfFile(link.close);
  url.host = `127.0.0.1:${link.port}`;
  return {
    url: url.href,
    /** The next COMMIT reaches the server, and its connection breaks before the client gets the answer. */
    loseNext(): void {
      const stop = link.watch((connection, chunk) => {
        if (!chunk.includes("COMMIT\0")) return undefined;
        stop();
        connection.loseNextAnswer();
        return chunk;
      });
    },
  };
}
