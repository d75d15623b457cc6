import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Runs a full garbage collection at once. */
export const collectGarbage = runInNewContext("gc") as () => void;
