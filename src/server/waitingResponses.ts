import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** By connection: the responses to pipelined requests, whose turn has not come yet. */
const waiting = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * Makes a response close with its connection although its turn has not come: a client may send requests
 * before it has the answers to earlier ones (pipelining). Node.js tells only the response whose turn it is
 * that the connection has closed. What the others stand for would never end: a stream, a place among the
 * responses in progress.
 */
export function closeWithConnection({ socket }: IncomingMessage, res: ServerResponse): void {
  // It has its turn.
  if (res.socket !== null) return;
  let others = waiting.get(socket);
  if (others === undefined) {
    others = new Set();
    waiting.set(socket, others);
    socket.once("close", () => closeAll(socket));
  }
  others.add(res);
  const remove = () => others.delete(res);
  res.once("socket", remove);
  res.once("close", remove);
}

function closeAll(socket: Socket): void {
  for (const res of waiting.get(socket) ?? []) {
    res.destroy();
    res.emit("close");
  }
}
