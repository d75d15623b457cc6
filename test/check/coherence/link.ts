import { connect, createServer, type Socket } from "node:net";
import { findFreePort } from "../../support/server.ts";

/** One direction of a connection. Bytes pass at once, after a delay, or when they are released. */
function createValve(target: Socket) {
  const queue: { readonly chunk: Buffer | undefined; readonly at: number }[] = [];
  let delayMs = 0;
  let isHeld = false;
  let timer: NodeJS.Timeout | undefined;

  const put = (chunk: Buffer | undefined) => {
    if (target.destroyed) return;
    if (chunk === undefined) target.end();
    else target.write(chunk);
  };
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    while (!isHeld) {
      const head = queue[0];
      if (head === undefined) return;
      const waitMs = head.at - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(flush, Math.ceil(waitMs));
        return;
      }
      queue.shift();
      put(head.chunk);
    }
  };
  return {
    /** Undefined: the end. Bytes that are held or delayed arrive before it, as on a real network. */
    push(chunk: Buffer | undefined): void {
      if (!isHeld && delayMs === 0 && queue.length === 0) {
        put(chunk);
        return;
      }
      // Never before earlier chunks, whatever their delay was.
      queue.push({ chunk, at: Math.max(performance.now() + delayMs, queue.at(-1)?.at ?? 0) });
      flush();
    },
    hold(): void {
      isHeld = true;
    },
    letGo(): void {
      isHeld = false;
      flush();
    },
    delay(ms: number): void {
      delayMs = ms;
    },
    drop(): void {
      queue.length = 0;
      clearTimeout(timer);
    },
  };
}

export interface Connection {
  readonly toServer: ReturnType<typeof createValve>;
  readonly toClient: ReturnType<typeof createValve>;
  /** PostgreSQL's `application_name`. Empty for Redis. */
  applicationName: string;
  /** A write of the service has drained its tags, and its COMMIT or ROLLBACK has not followed yet. */
  hasDrained: boolean;
  /** Drops the server's next answer, and ends both sides. */
  loseNextAnswer(): void;
  /** Ends both sides, and drops the bytes that have not been passed on. */
  destroy(): void;
}

/** Called with the bytes that a client sends, before they are passed on. May return replacements. */
export type Watcher = (connection: Connection, chunk: Buffer) => Buffer | undefined;

export type Link = Awaited<ReturnType<typeof createLink>>;

/** A TCP proxy between one instance of the service and one server. */
export async function createLink(serverPort: number) {
  const connections = new Set<Connection>();
  let target = serverPort;
  const watchers = new Set<Watcher>();
  let isCut = false;
  let isSilent = false;
  let delayMs = 0;

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = connect({ port: target, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const connection: Connection = {
      toServer: createValve(upstream),
      toClient: createValve(client),
      applicationName: "",
      hasDrained: false,
      loseNextAnswer() {
        connection.toClient.hold();
        upstream.once("data", connection.destroy);
      },
      destroy() {
        connections.delete(connection);
        connection.toServer.drop();
        connection.toClient.drop();
        client.destroy();
        upstream.destroy();
      },
    };
    connections.add(connection);
    for (const valve of [connection.toServer, connection.toClient]) {
      valve.delay(delayMs);
      if (isSilent) valve.hold();
    }

    let isFirst = true;
    client.on("data", (chunk) => {
      if (isFirst) connection.applicationName = applicationNameIn(chunk);
      isFirst = false;
      let bytes: Buffer = chunk;
      for (const watch of [...watchers]) bytes = watch(connection, bytes) ?? bytes;
      connection.toServer.push(bytes);
    });
    upstream.on("data", (chunk) => connection.toClient.push(chunk));
    client.on("end", () => connection.toServer.push(undefined));
    upstream.on("end", () => connection.toClient.push(undefined));
    // A reset means that the client no longer listens. Bytes that it sent before may still arrive: held ones
    // do.
    client.on("error", () => connection.toServer.push(undefined));
    upstream.on("error", () => connection.destroy());
    let open = 2;
    for (const socket of [client, upstream]) {
      socket.on("close", () => {
        open--;
        if (open === 0) connections.delete(connection);
        else if (socket === client) connection.toServer.push(undefined);
        else connection.toClient.push(undefined);
      });
    }
  });
  const port = await findFreePort();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });

  const valves = () => [...connections].flatMap(({ toServer, toClient }) => [toServer, toClient]);

  return {
    port,
    /** @returns a function that removes the watcher */
    watch(watcher: Watcher): () => void {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    /** Leads to another server from now on, like an address that is moved. Open connections are destroyed. */
    lead(port: number): void {
      target = port;
      for (const connection of [...connections]) connection.destroy();
    },
    /** Resets the connections, and refuses new ones. */
    cut(): void {
      isCut = true;
      for (const connection of [...connections]) connection.destroy();
    },
    /** Keeps the connections open, but lets no byte pass. */
    silence(): void {
      isSilent = true;
      for (const valve of valves()) valve.hold();
    },
    slow(ms: number): void {
      delayMs = ms;
      for (const valve of valves()) valve.delay(ms);
    },
    /** Ends all faults. Held bytes pass now, late. */
    heal(): void {
      isCut = isSilent = false;
      delayMs = 0;
      for (const valve of valves()) {
        valve.delay(0);
        valve.letGo();
      }
    },
    async close(): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of [...connections]) connection.destroy();
      await closed;
    },
  };
}

/** Reads it from PostgreSQL's startup message, which has pairs of zero-terminated names and values. */
function applicationNameIn(chunk: Buffer): string {
  const fields = chunk.toString("latin1").split("\0");
  const index = fields.indexOf("application_name");
  return index === -1 ? "" : fields[index + 1]!;
}
