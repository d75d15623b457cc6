import type { Fault } from "./fault.ts";
import { instanceFaults } from "./instanceFaults.ts";
import { replicaFaults } from "./replicaFaults.ts";
import { serverFaults } from "./serverFaults.ts";

export const FAULTS: readonly Fault[] = [...instanceFaults, ...serverFaults, ...replicaFaults];

/**
 * The faults with the given names: `all`, `none`, the name of a fault, or the part of names before a colon.
 *
 * @throws Error when there is no such fault
 */
export function faultsNamed(names: readonly string[]): readonly Fault[] {
  const chosen = new Set<Fault>();
  for (const name of names) {
    if (name === "none") continue;
    const matching = FAULTS.filter(
      (fault) => name === "all" || fault.name === name || fault.name.startsWith(`${name}:`),
    );
    if (matching.length === 0) {
      throw new Error(
        `There is no fault "${name}". There are: ${FAULTS.map((fault) => fault.name).join(", ")}.`,
      );
    }
    for (const fault of matching) chosen.add(fault);
  }
  return [...chosen];
}
