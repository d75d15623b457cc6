/**
 * Runs calls in groups, one group at a time. Calls that arrive while a group runs wait for the next group.
 *
 * @param take takes the next group out of the waiting calls, of which there is at least one
 * @param run settles each call of the group, and never rejects
 */
export function createGroups<Call>(
  take: (waiting: Call[]) => readonly Call[],
  run: (group: readonly Call[]) => Promise<void>,
): (call: Call) => void {
  const waiting: Call[] = [];
  let isRunning = false;

  async function runAll(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) await run(take(waiting));
    isRunning = false;
  }

  return (call) => {
    waiting.push(call);
    if (!isRunning) void runAll();
  };
}
