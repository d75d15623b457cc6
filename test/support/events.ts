import { request } from "node:http";

export interface EventStream {
  /** The results so far, in their order. */
  // biome-ignore lint/suspicious/noExplicitAny: the expectations are the types here
  readonly messages: any[];
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Resolves when the stream has ended: by `complete`, or because it was cut off. */
  readonly ended: Promise<"complete" | "cut">;
  /** Resolves when there are `count` messages, or the stream has ended. */
  until(count: number): Promise<void>;
  /** Resolves to the first message that passes, or to undefined if the stream has ended without one. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  untilMessage(passes: (message: any) => boolean): Promise<any>;
  /** Stops reading: data that the service sends waits in the connection. */
  pause(): void;
  resume(): void;
  /** Breaks the connection. */
  close(): void;
}

/** Sends an operation over its own socket, and reads the server-sent events that answer it. */
export function openEvents(
  url: string,
  query: string,
  variables: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const req = request(
      url,
      {
        method: "POST",
        agent: false,
        headers: { "content-type": "application/json", accept: "text/event-stream", ...headers },
      },
      (res) => {
        const messages: unknown[] = [];
        const waiting = new Set<() => void>();
        let isComplete = false;
        let isOver = false;
        let text = "";
        res.setEncoding("utf8");
        res.on("data", (chunk: string) => {
          text += chunk;
          const blocks = text.split("\n\n");
          text = blocks.pop()!;
          for (const block of blocks) {
            const data = /^data: (.*)$/m.exec(block)?.[1];
            if (block.startsWith("event: complete")) isComplete = true;
            else if (data !== undefined) messages.push(JSON.parse(data));
          }
          for (const check of waiting) check();
        });
        res.on("error", () => {});
        const ended = new Promise<"complete" | "cut">((end) => {
          res.once("close", () => {
            isOver = true;
            for (const check of waiting) check();
            end(isComplete ? "complete" : "cut");
          });
        });
        const when = (isDone: () => boolean) =>
          new Promise<void>((done) => {
            const check = () => {
              if (!isOver && !isDone()) return;
              waiting.delete(check);
              done();
            };
            waiting.add(check);
            check();
          });
        resolve({
          messages,
          status: res.statusCode!,
          headers: res.headers,
          ended,
          until: (count) => when(() => messages.length >= count),
          async untilMessage(passes) {
            await when(() => messages.some(passes));
            return messages.find(passes);
          },
          pause: () => void res.pause(),
          resume: () => void res.resume(),
          close: () => void req.destroy(),
        });
      },
    );
    req.on("error", reject);
    req.end(JSON.stringify({ query, variables }));
  });
}
