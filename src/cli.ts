#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";

/** So long it may be quiet, in ms, before what is compiled is given up for the sake of memory. */
const QUIET_MS = 600_000;

// Eight seconds after the last collection V8 makes the heap of a quiet process small, and with the last request's objects goes all code
// that was optimized for their kind: the next two thousand requests would cost up to three times as much, as after a start. V8 takes
// no notice of this any more when the program has been loaded, so it is loaded after it.
setFlagsFromString(`--gc-memory-reducer-start-delay-ms=${QUIET_MS}`);

// V8 puts objects among the old at once whose likes have lived on, as it has seen in the first seconds. There all that are made for a request
// have, for so little fits into the first heap; later they are garbage that is collected late, and keeps young objects from being collected.
setFlagsFromString("--no-allocation-site-pretenuring");

await import("./cli/main.ts");
