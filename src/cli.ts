#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";

/** How long the process may be idle before V8 shrinks its heap and drops optimized code with it, in ms. */
const QUIET_MS = 600_000;

// By default, V8 shrinks the heap of an idle process eight seconds after the last garbage collection. The
// last request's objects go, and with their hidden classes all code that was optimized for them. The next two
// thousand requests would then cost up to three times as much, as after a start. V8 ignores this flag once
// the program is loaded, so the program is loaded below.
setFlagsFromString(`--gc-memory-reducer-start-delay-ms=${QUIET_MS}`);

// V8 pretenures an allocation site (it allocates the site's objects in the old generation) if enough of them
// survived in the first seconds. In those, all objects of a request survive a scavenge, because so little
// fits into the first, small heap. Later such objects become garbage that is collected late, and that keeps
// young objects from being collected.
setFlagsFromString("--no-allocation-site-pretenuring");

await import("./cli/main.ts");
