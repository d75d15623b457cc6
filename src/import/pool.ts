/**
 * Runs tasks that add further tasks, at most `concurrency` at a time, newest first. A tree is therefore
 * walked depth first, and the waiting tasks are the siblings on one path, not a whole level. Rejects with the
 * first error, once the tasks in flight have ended: the caller may then delete a folder that they were
 * reading.
 */
export async function drain<Task>(
  first: Task,
  concurrency: number,
  run: (task: Task, add: (task: Task) => void) => Promise<void>,
): Promise<void> {
  const waiting: Task[] = [first];
  let running = 0;
  let failure: { readonly error: unknown } | null = null;
  await new Promise<void>((resolve) => {
    const next = () => {
      while (failure === null && running < concurrency) {
        const task = waiting.pop();
        if (task === undefined) break;
        running += 1;
        run(task, (added) => void waiting.push(added))
          .catch((error: unknown) => {
            failure ??= { error };
          })
          .finally(() => {
            running -= 1;
            next();
          });
      }
      if (running === 0) resolve();
    };
    next();
  });
  // TypeScript does not see that the callbacks assign it.
  const failed = failure as { readonly error: unknown } | null;
  if (failed) throw failed.error;
}
