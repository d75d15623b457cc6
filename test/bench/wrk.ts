import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs a command that contains wrk, until it ends.
 *
 * @param name names the server in errors
 * @throws Error when a request failed, or when the output has no count of requests
 */
export async function runWrk([command, ...args]: readonly string[], name: string) {
  const wrk = spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  wrk.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  await once(wrk, "close");
  const failed = /Non-2xx.*|Socket errors.*/.exec(output);
  if (failed) throw new Error(`wrk at ${name}: ${failed[0]}`);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
  if (Number.isNaN(requests)) throw new Error(`wrk at ${name} says nothing of requests:\n${output}`);
  return { requests, perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]), output };
}
