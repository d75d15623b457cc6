import { createServer, type Socket } from "node:net";

/**
 * Lets many clients talk to one PostgreSQL session, which is all that PGlite has.
 *
 * `@electric-sql/pglite-socket` does not keep clients apart. Measured with 0.2.17: two clients that prepare a
 * statement of the same name collide ("already exists"), and both get the same advisory lock. By its source,
 * its queue stops for good after one failed call to PGlite. Here a client has the session to itself from its
 * first message until PostgreSQL is ready for the next transaction. Statement names are per client, the
 * server cleans up after a client that leaves, and a client that asks for an advisory lock waits while
 * another client holds one.
 *
 * What clients still share: settings made by SET, temporary tables, and statements prepared in SQL. A client
 * cannot NOTIFY other clients, and a running statement cannot be cancelled. While any client holds an
 * advisory lock, every other advisory lock counts as taken, and `pg_try_advisory_lock` waits instead of
 * returning false.
 */

/** The part of PGlite that is used here. */
export interface WireDatabase {
  execProtocolRawStream(
    message: Uint8Array,
    options: { onRawData: (data: Uint8Array) => void },
  ): Promise<void>;
  query<Row>(sql: string): Promise<{ rows: Row[] }>;
}

interface Client {
  readonly id: number;
  readonly socket: Socket;
  /** Bytes received and not yet executed. */
  input: Buffer;
  hasStarted: boolean;
  hasLeft: boolean;
  /** Names of the prepared statements, as PostgreSQL knows them. */
  readonly statements: Set<string>;
  /** The prepared statements that take or release an advisory lock. */
  readonly advisoryStatements: Set<string>;
}

/** Messages that belong together, up to and including the one that PostgreSQL answers. */
interface Batch {
  readonly bytes: Buffer;
  readonly usesAdvisoryLocks: boolean;
}

/** `ReadyForQuery`'s status; `undefined` in the middle of an answer (COPY, or messages without a Sync). */
type Readiness = "idle" | "transaction" | undefined;

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;

/**
 * Serves `database` on a free port of the loopback interface.
 *
 * @param options.idleInTransactionMs how long a client that has the session may be silent before it is cut
 *   off, since all other clients wait for it
 */
export async function serveWire(
  database: WireDatabase,
  options: { maxConnections: number; idleInTransactionMs: number },
) {
  const clients = new Set<Client>();
  let nextId = 1;
  /** The client that has the session. All others wait. */
  let owner: Client | undefined;
  let readiness: Readiness = "idle";
  let advisoryHolder: Client | undefined;
  let isPumping = false;
  let pumping = Promise.resolve();
  let idleTimer: NodeJS.Timeout | undefined;

  const server = createServer((socket) => {
    if (clients.size >= options.maxConnections) {
      socket.end(errorResponse("FATAL", "53300", "sorry, too many clients already"));
      return;
    }
    const client: Client = {
      id: nextId++,
      socket,
      input: Buffer.alloc(0),
      hasStarted: false,
      hasLeft: false,
      statements: new Set(),
      advisoryStatements: new Set(),
    };
    clients.add(client);
    socket.setNoDelay(true);
    socket.on("data", (data) => {
      client.input = client.input.length === 0 ? data : Buffer.concat([client.input, data]);
      pump();
    });
    // A reset connection is closed next, and there is no peer left to tell.
    socket.on("error", () => {});
    socket.on("close", () => {
      client.hasLeft = true;
      pump();
    });
  });

  function pump(): void {
    if (isPumping) return;
    isPumping = true;
    clearTimeout(idleTimer);
    pumping = run().finally(() => {
      isPumping = false;
      if (owner) idleTimer = setTimeout(cutOff, options.idleInTransactionMs, owner);
    });
  }

  /**
   * Works until no client has anything to do. Nothing in here may reject: the other clients would wait
   * forever.
   */
  async function run(): Promise<void> {
    for (;;) {
      for (const client of [...clients].filter(({ hasLeft }) => hasLeft)) await cleanUp(client);
      const next = pick();
      if (!next) return;
      const [client, batch] = next;
      // Least recently served first: the client goes to the end of the line.
      clients.delete(client);
      clients.add(client);
      owner = client;
      await execute(batch.bytes, (data) => client.socket.writable && client.socket.write(data));
      if (batch.usesAdvisoryLocks && readiness === "idle") await findAdvisoryHolder(client);
      if (readiness === "idle") owner = undefined;
      // One turn of the event loop, so that other clients' data and disconnections come in.
      await new Promise(setImmediate);
    }
  }

  function pick(): [Client, Batch] | undefined {
    for (const client of owner ? [owner] : clients) {
      const batch = takeBatch(client, (candidate) => {
        const mustWait =
          candidate.usesAdvisoryLocks && advisoryHolder !== undefined && advisoryHolder !== client;
        if (!mustWait) return candidate;
        // In a transaction the client cannot wait: the holder could never get the session to release its
        // lock.
        return client === owner ? { bytes: lockNotAvailable, usesAdvisoryLocks: false } : undefined;
      });
      if (batch) return [client, batch];
    }
    return undefined;
  }

  async function execute(bytes: Uint8Array, onData: (data: Buffer) => void): Promise<void> {
    readiness = undefined;
    const watch = watchReadiness((status) => {
      readiness = status;
    });
    try {
      await database.execProtocolRawStream(bytes, {
        onRawData: (data) => {
          // PGlite reuses its buffer for what follows.
          const copy = Buffer.from(data);
          watch(copy);
          onData(copy);
        },
      });
    } catch (error) {
      onData(errorResponse("FATAL", "XX000", `the embedded database failed: ${String(error)}`));
      if (owner) owner.hasLeft = true;
    }
  }

  /** Undoes what a departed client would have left in the session. */
  async function cleanUp(client: Client): Promise<void> {
    clients.delete(client);
    client.socket.destroy();
    if (owner === client) {
      // Ends an unfinished COPY, then an unfinished series of messages. Both are no-ops otherwise.
      if (readiness === undefined) {
        await execute(Buffer.concat([message("f", cString("client has gone")), message("S")]), () => {});
      }
      if (readiness !== "idle") await execute(message("Q", cString("ROLLBACK")), () => {});
      owner = undefined;
      readiness = "idle";
    }
    if (advisoryHolder === client) {
      await execute(message("Q", cString("SELECT pg_advisory_unlock_all()")), () => {});
      advisoryHolder = undefined;
    }
    if (client.statements.size > 0) {
      const closes = [...client.statements].map((name) => message("C", Buffer.from("S"), cString(name)));
      await execute(Buffer.concat([...closes, message("S")]), () => {});
    }
    readiness = "idle";
  }

  async function findAdvisoryHolder(client: Client): Promise<void> {
    const { rows } = await database
      .query<{ count: number }>("SELECT count(*)::int AS count FROM pg_locks WHERE locktype = 'advisory'")
      .catch(() => ({ rows: [{ count: 0 }] }));
    advisoryHolder = rows[0]?.count ? client : undefined;
  }

  function cutOff(client: Client): void {
    client.socket.end(
      errorResponse("FATAL", "25P03", "terminating connection due to idle-in-transaction timeout"),
    );
    client.hasLeft = true;
    pump();
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("Expected the address of a TCP socket.");

  return {
    port: address.port,
    /**
     * Runs `work` with the session to itself. If a client has the session or is about to get it, returns
     * false without running it.
     */
    async exclusively(work: () => Promise<void>): Promise<boolean> {
      if (isPumping || owner) return false;
      isPumping = true;
      const working = work().finally(() => {
        isPumping = false;
        pump();
      });
      // `close` waits for the work. A failure is reported to the caller of `exclusively`.
      pumping = working.catch(() => {});
      await working;
      return true;
    },
    /** Cuts every client off, undoes their open transactions, and stops listening. */
    async close(): Promise<void> {
      server.close();
      for (const client of clients) client.hasLeft = true;
      // First waits for what is under way, then cleans up after each client.
      await pumping;
      pump();
      await pumping;
      clearTimeout(idleTimer);
    },
  };
}

/**
 * Takes the next batch from the client's input, if the batch is complete and `admit` lets it through. `admit`
 * may put another batch in its place.
 */
function takeBatch(client: Client, admit: (batch: Batch) => Batch | undefined): Batch | undefined {
  if (!client.hasStarted) {
    const startup = takeStartup(client);
    return startup && { bytes: startup, usesAdvisoryLocks: false };
  }
  const parts: Buffer[] = [];
  let usesAdvisoryLocks = false;
  for (let offset = 0; client.input.length - offset >= 5; ) {
    const type = String.fromCharCode(client.input[offset] ?? 0);
    const end = offset + 1 + client.input.readUInt32BE(offset + 1);
    if (end > client.input.length) return undefined;
    if (type === "X") {
      client.hasLeft = true;
      client.socket.end();
      return undefined;
    }
    const body = client.input.subarray(offset + 5, end);
    usesAdvisoryLocks ||= mentionsAdvisoryLock(client, type, body);
    parts.push(renameStatement(client, type, body) ?? client.input.subarray(offset, end));
    offset = end;
    // PostgreSQL answers Query, Sync, Flush and FunctionCall at once, and the end of a COPY too. COPY data
    // needs no waiting either.
    if ("QSHFcfd".includes(type)) {
      const batch = admit({ bytes: Buffer.concat(parts), usesAdvisoryLocks });
      if (batch) client.input = client.input.subarray(offset);
      return batch;
    }
  }
  return undefined;
}

/** Answers the requests that may precede the start-up message, and returns that message. */
function takeStartup(client: Client): Buffer | undefined {
  while (client.input.length >= 8) {
    const length = client.input.readUInt32BE(0);
    const code = client.input.readUInt32BE(4);
    if (client.input.length < length) return undefined;
    const startup = client.input.subarray(0, length);
    client.input = client.input.subarray(length);
    if (code === SSL_REQUEST || code === GSS_REQUEST) client.socket.write("N");
    else if (code === CANCEL_REQUEST) client.socket.end();
    else {
      client.hasStarted = true;
      return startup;
    }
  }
  return undefined;
}

/**
 * Puts a name of this client's own in place of the statement name in a Parse, Bind, Describe or Close.
 * Undefined: the message names no statement.
 */
function renameStatement(client: Client, type: string, body: Buffer): Buffer | undefined {
  const isAboutStatement = (type === "D" || type === "C") && body[0] === 0x53; // "S"; otherwise it is about a portal
  const start = type === "P" ? 0 : type === "B" ? body.indexOf(0) + 1 : isAboutStatement ? 1 : undefined;
  if (start === undefined) return undefined;
  const end = body.indexOf(0, start);
  if (end === start) return undefined; // the unnamed statement
  const name = `c${client.id}_${body.toString("utf8", start, end)}`;
  if (type === "P") client.statements.add(name);
  if (type === "C") client.statements.delete(name);
  return message(type, body.subarray(0, start), cString(name), body.subarray(end + 1));
}

function mentionsAdvisoryLock(client: Client, type: string, body: Buffer): boolean {
  if (type !== "Q" && type !== "P" && type !== "B") return false;
  const start = type === "B" ? body.indexOf(0) + 1 : 0;
  const name = body.toString("utf8", start, body.indexOf(0, start));
  if (type === "B") return name !== "" && client.advisoryStatements.has(name);
  const mentions = /advisory/i.test(body.toString("utf8"));
  if (type === "P" && name !== "" && mentions) client.advisoryStatements.add(name);
  return mentions;
}

/** Finds ReadyForQuery in a stream of answers, however the stream is cut into pieces. */
function watchReadiness(onReady: (readiness: "idle" | "transaction") => void) {
  let header = Buffer.alloc(0);
  let remaining = 0;
  let isReady = false;
  return (data: Buffer) => {
    for (let offset = 0; offset < data.length; ) {
      if (remaining > 0) {
        if (isReady) onReady(data[offset] === 0x49 ? "idle" : "transaction"); // "I"; otherwise "T" or "E"
        isReady = false;
        const skipped = Math.min(remaining, data.length - offset);
        remaining -= skipped;
        offset += skipped;
      } else {
        const taken = data.subarray(offset, offset + 5 - header.length);
        header = Buffer.concat([header, taken]);
        offset += taken.length;
        if (header.length < 5) return;
        isReady = header[0] === 0x5a; // "Z"
        remaining = header.readUInt32BE(1) - 4;
        header = Buffer.alloc(0);
      }
    }
  };
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf8");
}

function errorResponse(severity: string, code: string, text: string): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`].map(cString);
  return message("E", ...fields, Buffer.from([0]));
}

/** Raised by PostgreSQL itself, so that the client's transaction fails as it should. */
const lockNotAvailable = message(
  "Q",
  cString(
    "DO $$ BEGIN RAISE EXCEPTION 'another connection holds an advisory lock' USING ERRCODE = 'lock_not_available'; END $$",
  ),
);
