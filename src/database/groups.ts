/**
 * Runs calls in groups, one after the other: what comes while a group runs is the next one's.
 *
 * @param take takes the next group out of those that wait, of which there is one at least
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
