import { Presets, SingleBar } from "cli-progress";
import type { ImportProgress } from "./upload.ts";

export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean | undefined };

const titles: Readonly<Record<ImportProgress["phase"], string>> = {
  fetch: "Fetching",
  extract: "Unpacking",
  scan: "Scanning",
  detect: "Detecting the stack",
  upload: "Uploading",
};

/**
 * Shows how far an import has got: a bar on a terminal, a line for each phase in a log (a bar there would be
 * a thousand lines of control characters), nothing at all if `isQuiet`.
 */
export function createProgressBar({
  stream,
  isQuiet = false,
}: {
  stream: ProgressStream;
  isQuiet?: boolean;
}) {
  if (isQuiet) return { onProgress: () => {}, stop: () => {} };
  return stream.isTTY ? bar(stream) : lines(stream);
}

export type ProgressBar = {
  readonly onProgress: (progress: ImportProgress) => void;
  readonly stop: () => void;
};

function bar(stream: ProgressStream): ProgressBar {
  const single = new SingleBar(
    {
      stream,
      format: "{title} {bar} {count}",
      barsize: 30,
      clearOnComplete: true,
      hideCursor: true,
      // The library's signal handlers would end the process before an aborted upload has told the service.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let isStarted = false;
  return {
    onProgress({ phase, done, total }) {
      const payload = {
        title: titles[phase].padEnd(19),
        count: total === undefined ? number(done) : `${number(done)}/${number(total)}`,
      };
      // A bar with a total of 0 would be drawn as full.
      const length = Math.max(total ?? done * 2, 1);
      if (isStarted) {
        single.setTotal(length);
        single.update(done, payload);
      } else single.start(length, done, payload);
      isStarted = true;
    },
    stop() {
      if (isStarted) single.stop();
      isStarted = false;
    },
  };
}

function lines(stream: ProgressStream): ProgressBar {
  let last: ImportProgress["phase"] | undefined;
  return {
    onProgress({ phase, total }) {
      if (phase === last) return;
      last = phase;
      const size = phase === "upload" && total !== undefined ? ` ${number(total)} files` : "";
      stream.write(`${titles[phase]}${size} …\n`);
    },
    stop() {},
  };
}

function number(count: number): string {
  return count.toLocaleString("en");
}
