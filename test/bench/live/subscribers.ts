import { connect, type Socket } from "node:net";
import { AS_ADMINISTRATOR } from "../../support/access.ts";

const QUERY = `subscription ($jobId: ID!) { conversionJobEvents(jobId: $jobId) { cursor events { sequence type currentTask createdAt } } }`;

interface Subscriber {
  readonly socket: Socket;
  text: string;
  lastSequence: number;
  events: number;
}

/**
 * Subscribers on bare sockets: they share the machine with the service, and their own work must not be
 * measured.
 */
export function createSubscribers(url: string) {
  const { hostname, port, pathname } = new URL(url);
  const subscribers: Subscriber[] = [];
  let latencies: number[] = [];
  let deliveries: number[] = [];
  let messages = 0;
  let isClosing = false;

  function open(jobId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const body = JSON.stringify({ query: QUERY, variables: { jobId } });
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\naccept: text/event-stream\r\nauthorization: ${AS_ADMINISTRATOR.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        );
      });
      const subscriber: Subscriber = { socket, text: "", lastSequence: 0, events: 0 };
      subscribers.push(subscriber);
      socket.setEncoding("latin1");
      socket.on("data", (chunk) => {
        subscriber.text += chunk;
        if (receive(subscriber)) resolve();
      });
      socket.on("error", reject);
      socket.on("close", () => {
        if (!isClosing) reject(new Error(`A subscription ended: ${subscriber.text.slice(-500)}`));
      });
    });
  }

  /** @returns whether a message was complete. A message may come in parts; an empty line ends it. */
  function receive(subscriber: Subscriber): boolean {
    const end = subscriber.text.lastIndexOf("\n\n");
    if (end === -1) return false;
    const now = performance.timeOrigin + performance.now();
    let found = false;
    for (const [, data] of subscriber.text.slice(0, end).matchAll(/^data: (\{.*\})$/gm)) {
      found = true;
      messages++;
      const { events } = JSON.parse(data!).data.conversionJobEvents;
      for (const { sequence, type, currentTask, createdAt } of events) {
        if (sequence !== subscriber.lastSequence + 1) {
          throw new Error(`Expected event ${subscriber.lastSequence + 1}, got ${sequence}.`);
        }
        subscriber.lastSequence = sequence;
        subscriber.events++;
        if (type !== "PROGRESS") continue;
        latencies.push(now - Number(currentTask));
        deliveries.push(now - Date.parse(createdAt));
      }
    }
    subscriber.text = subscriber.text.slice(end + 2);
    return found;
  }

  return {
    /** Resolves when each subscriber has received its first message. */
    async open(jobIds: readonly string[], count: number): Promise<void> {
      for (let index = 0; index < count; index += 50) {
        const batch = Array.from({ length: Math.min(50, count - index) }, (_, n) =>
          open(jobIds[(index + n) % jobIds.length]!),
        );
        await Promise.all(batch);
      }
    },
    reset(): void {
      latencies = [];
      deliveries = [];
      messages = 0;
      for (const subscriber of subscribers) subscriber.events = 0;
    },
    /** The times from before the report was sent until a subscriber had the event, in ms. */
    latencies: () => latencies,
    /** The times from the event's own time, just before its transaction was committed, in ms. */
    deliveries: () => deliveries,
    messages: () => messages,

    /** @throws Error when a subscriber has not received every event of the round */
    assertComplete(reports: number, jobs: number): void {
      const expected = reports / jobs;
      for (const { events } of subscribers) {
        if (events < Math.floor(expected) || events > Math.ceil(expected)) {
          throw new Error(`Expected ${expected} events for each subscriber, got ${events}.`);
        }
      }
    },
    close(): void {
      isClosing = true;
      for (const { socket } of subscribers) socket.destroy();
    },
  };
}
