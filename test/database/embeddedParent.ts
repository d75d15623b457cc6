// Starts the embedded database in the given directory, reports its process id, and waits until it is killed.
import { startEmbeddedDatabase } from "../../src/database/embedded.ts";

const { pid } = await startEmbeddedDatabase({ dataDirectory: process.argv[2] ?? "" });
process.send?.(pid);
setInterval(() => {}, 60_000);
