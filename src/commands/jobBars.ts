import { MultiBar, Presets, type SingleBar } from "cli-progress";
import type { ProgressStream } from "../import/progressBar.ts";
import { plain } from "./wording.ts";

export type JobBars = ReturnType<typeof createJobBars>;

/**
 * A bar for each running job, below the printed lines. Without a terminal (a log, a pipe) there are lines
 * alone and no bars.
 */
export function createJobBars({
  stream,
  isInteractive,
  print,
}: {
  readonly stream: ProgressStream;
  readonly isInteractive: boolean;
  readonly print: (line: string) => void;
}) {
  const bars = new Map<string, SingleBar>();
  let all: MultiBar | undefined;

  function open(): MultiBar {
    all ??= new MultiBar(
      {
        stream,
        format: "{name} {bar} {percentage} % {task}",
        barsize: 30,
        clearOnComplete: true,
        hideCursor: true,
        linewrap: false,
        // Otherwise a line above the bars overwrites those that have not changed.
        forceRedraw: true,
        // The library's signal handlers would end the process before the jobs are given back.
        gracefulExit: false,
      },
      Presets.shades_classic,
    );
    return all;
  }

  function close(): void {
    bars.clear();
    all?.stop();
    all = undefined;
  }

  return {
    isInteractive,

    show(id: string, name: string, percentage: number, task: string): void {
      if (!isInteractive) return;
      const payload = { name: plain(name), task: plain(task) };
      const bar = bars.get(id);
      if (bar) bar.update(percentage, payload);
      else bars.set(id, open().create(100, percentage, payload));
    },

    end(id: string): void {
      const bar = bars.get(id);
      if (!bar) return;
      bars.delete(id);
      all?.remove(bar);
      if (bars.size === 0) close();
    },

    /** Prints a line above the bars. */
    say(line: string): void {
      if (all) all.log(`${plain(line)}\n`);
      else print(plain(line));
    },

    close,
  };
}
