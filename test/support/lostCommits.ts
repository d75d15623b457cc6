import { createLink } from "../check/coherence/link.ts";
import { atEndOfFile } from "./cleanup.ts";

/** The same database through a network that can lose the answer to a COMMIT. */
export async function loseCommits(serverUrl: string) {
  const url = new URL(serverUrl);
  const link = await createLink(Number(url.port));
  atEndOfFile(link.close);
  url.host = `127.0.0.1:${link.port}`;
  return {
    url: url.href,
    /** The next transaction's COMMIT arrives, and its connection breaks before the client hears of it. */
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
