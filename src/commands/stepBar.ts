import { Presets, SingleBar } from "cli-progress";
import type { ProgressStream } from "../import/progressBar.ts";
import { plain } from "./wording.ts";

/** How far one step of a longer operation has got. */
export interface StepProgress {
  /** `VACUUM "projects"` */
  readonly title: string;
  readonly done: number;
  /** 0 if it is not known. */
  readonly total: number;
  /** Shown instead of the figures: `12 MB`. */
  readonly detail?: string | undefined;
}

export type StepBar = ReturnType<typeof createStepBar>;

/**
 * Shows a bar for the current step on a terminal, a line for each step in a log, and nothing at all if
 * `isSilent`.
 */
export function createStepBar({
  stream,
  isSilent = false,
}: {
  readonly stream: ProgressStream;
  readonly isSilent?: boolean;
}) {
  let bar: SingleBar | undefined;
  let last: string | undefined;

  function draw({ title, done, total, detail }: StepProgress): void {
    const payload = { title: plain(title), detail: plain(detail ?? (total > 0 ? `${done}/${total}` : "")) };
    // A step without a known end is shown as half a bar: a bar with a total of 0 would be drawn as full.
    const [value, length] = total > 0 ? [done, total] : [1, 2];
    if (bar === undefined) {
      bar = new SingleBar(
        {
          stream,
          format: "{bar} {percentage} % {title} {detail}",
          barsize: 30,
          clearOnComplete: true,
          hideCursor: true,
          linewrap: false,
          // The library's signal handlers would end the process before the statement is cancelled.
          gracefulExit: false,
        },
        Presets.shades_classic,
      );
      bar.start(length, value, payload);
    } else {
      bar.setTotal(length);
      bar.update(value, payload);
    }
  }

  return {
    show(progress: StepProgress): void {
      if (isSilent) return;
      if (stream.isTTY) draw(progress);
      else if (progress.title !== last) stream.write(`${plain(progress.title)} …\n`);
      last = progress.title;
    },

    stop(): void {
      bar?.stop();
      bar = undefined;
    },
  };
}
