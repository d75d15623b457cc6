// Starts the embedded database of the directory that is given, reports its process, and waits to be ended.
import { startEmbeddedDatabase } from "../../src/database/embedded.ts";

const { pid } = await startEmbeddedDatabase({ dataDirectory: process.argv[2] ?? "" });
process.send?.(pid);
setInterval(() => {}, 60_000);
