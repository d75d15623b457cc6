import { type Model, VIOLATION } from "./explore.ts";

/**
 * The coherence protocol as a finite model: one tag, two transactions, two readers (each an instance of its
 * own, which reads again and again), one Redis that may lose everything, and the row in PostgreSQL that names
 * the epoch. Any process may die, or may pause for any time between two steps, so all interleavings occur.
 *
 * The promise, checked at every answer that did not run its own SQL: it shows at least every commit that
 * PostgreSQL had when the request was validated.
 */
export const RULES = {
  markBeforeCommit: "mark before COMMIT: a writer makes its tags pending before it commits",
  stampBeforeRead: "stamp before the read: the sequence is taken before the first statement",
  pendingCheck: "pending check: nothing that depends on a pending tag is stored or served",
  epochCheckAtFill: "epoch check at fill: an answer is stored in the epoch of its stamp only",
  quiesce: "quiesce: an epoch goes live after the transactions that knew an earlier one",
  lateJoiner: "late-joiner rule: a running miss is joined only if its answer still validates",
  readLease: "read lease: an epoch is given up only when nobody can be serving from it",
  epochAfterXid: "epoch after xid: a writer learns the epoch when its transaction has an id",
} as const;

export type Rule = keyof typeof RULES;

// Indexes of the state vector.
const COMMITS = 0; // committed transactions: the content of the row
const LOSSES = 1; // times Redis lost everything
const REDIS = 2; // the epoch Redis holds; 0: none
const SEQUENCE = 3;
const VERSION = 4; // of the one tag
const PENDING = 5; // bit per writer
const EPOCH = 6; // the epoch that PostgreSQL names; its state is next
const EPOCH_STATE = 7;
const AWAITED = 8; // while quiescing: 4 when the snapshot was taken, bit per transaction in it
const ENTRY = 9; // the stored answer: epoch (0: none), stamp, value
const WRITERS = 12; // two each: step, epoch
const READERS = 16; // six each: step, commits at validation, epoch, stamp, value, lease

const [LIVE, RETIRING, RETIRED, QUIESCING] = [0, 1, 2, 3];
const [UNBORN, BEGUN, NAMED, MARKED, STRANDED, UNMARKED, ENDED, GONE] = [0, 1, 2, 3, 4, 5, 6, 7];
const [IDLE, VALIDATED, FOUND, MISSED, READ, JOINED] = [0, 1, 2, 3, 4, 5];
const READER_SIZE = 6;
const LAST_EPOCH = 2;
const MAX_LOSSES = 1;

export function createProtocolModel(removed?: Rule): Model {
  const has = (rule: Rule) => rule !== removed;

  return {
    initial: [0, 0, 1, 0, 0, 0, 1, LIVE, 0, 0, 0, 0, ...[0, 0, 0, 0], ...Array(2 * READER_SIZE).fill(0)],

    steps(state, emit) {
      const to = (label: string, change: (next: number[]) => void) => {
        const next = [...state];
        change(next);
        emit(label, next);
      };
      redisAndEpoch(state, to, has);
      for (const writer of [0, 1]) writerSteps(state, writer, to, has);
      for (const reader of [0, 1]) readerSteps(state, reader, to, has);
    },

    canonical(state) {
      // The two transactions are alike, and so are the two readers.
      const weight = (writer: number) =>
        state[WRITERS + 2 * writer]! * 64 +
        state[WRITERS + 2 * writer + 1]! * 8 +
        ((state[PENDING]! >> writer) & 1) * 2 +
        ((state[AWAITED]! >> writer) & 1);
      if (weight(0) > weight(1)) {
        swap(state, WRITERS, WRITERS + 2, 2);
        state[PENDING] = swapBits(state[PENDING]!);
        state[AWAITED] = swapBits(state[AWAITED]!);
      }
      for (let index = READERS; index < READERS + READER_SIZE; index++) {
        const difference = state[index]! - state[index + READER_SIZE]!;
        if (difference > 0) swap(state, READERS, READERS + READER_SIZE, READER_SIZE);
        if (difference !== 0) break;
      }
      return state;
    },
  };
}

type To = (label: string, change: (next: number[]) => void) => void;
type Has = (rule: Rule) => boolean;

function redisAndEpoch(state: readonly number[], to: To, has: Has): void {
  if (state[REDIS] !== 0 && state[LOSSES]! < MAX_LOSSES) {
    // The stored answer may survive, because Redis can evict a part of the table alone.
    to("Redis loses the version table", (next) => {
      next[LOSSES]!++;
      next[REDIS] = next[SEQUENCE] = next[VERSION] = next[PENDING] = 0;
    });
  }
  if (state[REDIS] !== state[EPOCH] && (state[EPOCH_STATE] === LIVE || state[EPOCH_STATE] === QUIESCING)) {
    to("somebody notices the loss and retires the epoch", retire);
  }
  const isServed = [0, 1].some((reader) => state[READERS + reader * READER_SIZE + 5] === state[EPOCH]);
  if (state[EPOCH_STATE] === RETIRING && !(has("readLease") && isServed)) {
    to("the read lease has run out: the epoch is retired", (next) => {
      next[EPOCH_STATE] = RETIRED;
    });
  }
  if (state[EPOCH_STATE] === RETIRED && state[EPOCH]! < LAST_EPOCH) {
    to("the next epoch is opened, quiescing", (next) => {
      next[EPOCH]!++;
      next[EPOCH_STATE] = QUIESCING;
      next[REDIS] = next[EPOCH]!;
      next[SEQUENCE] = next[VERSION] = next[PENDING] = 0;
    });
  }
  if (state[EPOCH_STATE] === QUIESCING) {
    const running = [0, 1].filter((writer) => {
      const step = state[WRITERS + 2 * writer]!;
      const hasXid = has("epochAfterXid") ? step >= BEGUN : step === MARKED;
      return hasXid && step < ENDED;
    });
    if (state[AWAITED] === 0) {
      to("the running transactions are listed", (next) => {
        next[AWAITED] = 4 + running.reduce((mask, writer) => mask | (1 << writer), 0);
      });
    } else if (!has("quiesce") || running.every((writer) => !(state[AWAITED]! & (1 << writer)))) {
      to("none of the listed transactions is running: the epoch goes live", (next) => {
        next[EPOCH_STATE] = LIVE;
        next[AWAITED] = 0;
      });
    }
  }
}

function retire(next: number[]): void {
  // An epoch that was never live has served nobody.
  next[EPOCH_STATE] = next[EPOCH_STATE] === LIVE ? RETIRING! : RETIRED!;
  next[AWAITED] = 0;
}

function writerSteps(state: readonly number[], writer: number, to: To, has: Has): void {
  const at = WRITERS + 2 * writer;
  const bit = 1 << writer;
  const name = `writer ${writer + 1}`;
  const [step, epoch] = [state[at]!, state[at + 1]!];
  const become = (next: number[], nextStep: number, nextEpoch: number) => {
    next[at] = nextStep;
    next[at + 1] = nextEpoch;
  };
  const commit = (next: number[], after: number) => {
    next[COMMITS]!++;
    become(next, after, after === ENDED ? epoch : 0);
  };

  if (step === UNBORN) to(`${name} begins and writes its rows`, (next) => become(next, BEGUN!, 0));

  if (step === BEGUN || step === STRANDED) {
    if (state[EPOCH_STATE] === RETIRED) {
      to(`${name} sees that no epoch is served`, (next) => become(next, UNMARKED!, 0));
    } else if (state[EPOCH_STATE] !== RETIRING && (step === BEGUN || state[EPOCH] !== epoch)) {
      to(`${name} learns the epoch ${state[EPOCH]}`, (next) => become(next, NAMED!, state[EPOCH]!));
    } else if (state[EPOCH_STATE] !== RETIRING) {
      to(`${name} retires the epoch it cannot mark in`, retire);
    }
  }

  if (step === NAMED && !has("markBeforeCommit"))
    to(`${name} commits unmarked`, (next) => commit(next, ENDED!));
  if (step === NAMED && has("markBeforeCommit")) {
    if (state[REDIS] === epoch) {
      to(`${name} marks`, (next) => {
        next[PENDING]! |= bit;
        next[SEQUENCE]!++;
        become(next, MARKED!, epoch);
      });
    }
    to(`${name} cannot mark`, (next) => become(next, STRANDED!, epoch));
  }
  if (step === MARKED) to(`${name} commits`, (next) => commit(next, ENDED!));
  if (step === UNMARKED) to(`${name} commits without a mark`, (next) => commit(next, GONE!));

  if (step > UNBORN! && step < ENDED!) {
    to(`${name} dies or is rolled back`, (next) =>
      become(next, step === MARKED ? ENDED! : GONE!, step === MARKED ? epoch : 0),
    );
  }
  if (step === ENDED) {
    // By the writer, or by another process that asked PostgreSQL how the transaction ended.
    to(`${name} is released`, (next) => {
      if (state[REDIS] === epoch) {
        next[PENDING]! &= ~bit;
        next[VERSION] = ++next[SEQUENCE]!;
      }
      become(next, GONE!, 0);
    });
  }
}

function readerSteps(state: readonly number[], reader: number, to: To, has: Has): void {
  const at = READERS + reader * READER_SIZE;
  const other = READERS + (1 - reader) * READER_SIZE;
  const name = `reader ${reader + 1}`;
  const [step, before, epoch, stamp, value, lease] = state.slice(at, at + READER_SIZE) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const become = (next: number[], ...fields: number[]) => {
    for (let index = 0; index < READER_SIZE - 1; index++) next[at + index] = fields[index] ?? 0;
  };
  const isBlocked = has("pendingCheck") && state[PENDING] !== 0;
  const answer = (label: string, shown: number, atLeast: number, change: (next: number[]) => void) =>
    to(`${shown < atLeast ? VIOLATION : ""}${label}, with ${shown} of ${atLeast} commits`, change);

  if (lease !== state[EPOCH] && state[EPOCH_STATE] === LIVE) {
    to(`${name} takes a lease on epoch ${state[EPOCH]}`, (next) => {
      next[at + 5] = state[EPOCH]!;
    });
  }
  if (lease !== 0) {
    to(`${name}'s lease runs out`, (next) => {
      next[at + 5] = 0;
    });
  }

  if (step === IDLE && lease !== 0 && state[REDIS] === lease) {
    to(`${name} validates`, (next) => become(next, VALIDATED!, state[COMMITS]!, lease, state[SEQUENCE]!));
    const isRunning = state[other] === MISSED || state[other] === READ;
    const stillValid = state[other + 2] === lease && !isBlocked && state[VERSION]! <= state[other + 3]!;
    if (isRunning && (stillValid || !has("lateJoiner"))) {
      to(`${name} validates and joins the running miss`, (next) => become(next, JOINED!, state[COMMITS]!));
    }
  }
  if (step === VALIDATED) {
    const isHit =
      state[REDIS] === epoch && state[ENTRY] === epoch && !isBlocked && state[VERSION]! <= state[ENTRY + 1]!;
    if (isHit)
      to(`${name} finds an entry`, (next) => become(next, FOUND!, before, epoch, 0, state[ENTRY + 2]!));
    else to(`${name} finds nothing`, (next) => become(next, MISSED!, before, epoch, stamp));
  }
  if (step === FOUND) {
    if (lease === epoch) answer(`${name} answers from the cache`, value, before, (next) => become(next));
    else to(`${name} has no lease any more`, (next) => become(next, MISSED!, before, epoch, 0));
  }
  if (step === MISSED) {
    to(`${name} runs its statement`, (next) => become(next, READ!, before, epoch, stamp, state[COMMITS]!));
  }
  if (step === READ) {
    const finish = (next: number[]) => {
      become(next);
      if (next[other] === JOINED)
        for (let index = 0; index < READER_SIZE - 1; index++) next[other + index] = 0;
      const used = has("stampBeforeRead") ? stamp : state[SEQUENCE]!;
      const inEpoch = state[REDIS] === epoch || (!has("epochCheckAtFill") && state[REDIS] !== 0);
      if (!inEpoch || isBlocked || state[VERSION]! > used) return;
      next[ENTRY] = state[REDIS]!;
      next[ENTRY + 1] = used;
      next[ENTRY + 2] = value;
    };
    if (state[other] === JOINED) {
      answer(`${name} answers and fills; the other answers the same`, value, state[other + 1]!, finish);
    } else to(`${name} answers and fills`, finish);
    to(`${name} answers and dies before it fills`, (next) => {
      become(next);
      if (next[other] === JOINED)
        for (let index = 0; index < READER_SIZE - 1; index++) next[other + index] = 0;
    });
  }
}

function swap(state: number[], left: number, right: number, size: number): void {
  for (let index = 0; index < size; index++) {
    const kept = state[left + index]!;
    state[left + index] = state[right + index]!;
    state[right + index] = kept;
  }
}

function swapBits(mask: number): number {
  return (mask & ~3) | ((mask & 1) << 1) | ((mask >> 1) & 1);
}
