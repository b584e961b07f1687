/**
 * The queue of a thread: works on packets in the order of their arrival, one at a time, and collects the outcomes into
 * batches. A test needs no thread.
 *
 * Outcomes are sent together, those of half a millisecond at least. What is left of them when a long loop begins waits
 * until that reads its stop signal, or ends.
 *
 * Work that returns at once is handled in one loop, without a microtask for each packet. The record is mutable, because
 * two threads end a million empty packets a second.
 */
import { errorText } from "../FarmError.ts"
import type { StopSignal } from "../Job.ts"
import * as EncodedWork from "./EncodedWork.ts"
import { type Batch, type Ended, OutcomeCode, refusalOf } from "./NodeFarmMessage.ts"
import * as ThreadTasks from "./ThreadTasks.ts"

/** The thread around a queue. */
export interface Options {
  readonly flags: Int32Array<SharedArrayBuffer>
  readonly firstPosition: number
  /** The most bytes in a result. */
  readonly maxPacketBytes: number
  readonly work: EncodedWork.EncodedWork
  /** Returns the time in milliseconds. */
  readonly now: () => number
  /** Sends outcomes, and moves the buffers. */
  readonly send: (ended: Ended, transfer: ReadonlyArray<ArrayBufferLike>) => void
}

/** The state of a queue. */
export interface ThreadQueue {
  readonly options: Options
  readonly batches: Array<Batch>
  /** The index of the next packet in the first batch. */
  at: number
  /** The position of the next packet. */
  position: number
  /** The work that waits. */
  waiting: { readonly pending: EncodedWork.Pending; readonly signal: PacketSignal } | undefined
  /** The outcomes to send, and the buffers in them to move. */
  ended: Ended
  transfer: Set<ArrayBufferLike>
  /** The times of the last batch of outcomes and of the last outcome, in milliseconds. */
  sentAt: number
  lastOutcomeAt: number
  isFlushScheduled: boolean
}

/**
 * The time for which outcomes are collected into one batch. A message costs some 10 microseconds on both sides: 2 % of
 * this time.
 */
const maxBatchMillis = 0.5

const emptyBatch = (): Ended => ({ _tag: "Ended", outcomes: [], values: [], millis: [] })

/** Makes an empty queue. */
export const make = (options: Options): ThreadQueue => ({
  options,
  batches: [],
  at: 0,
  position: options.firstPosition,
  waiting: undefined,
  ended: emptyBatch(),
  transfer: new Set(),
  sentAt: 0,
  lastOutcomeAt: 0,
  isFlushScheduled: false
})

const flush = (queue: ThreadQueue) => {
  const { ended, options, transfer } = queue
  queue.sentAt = options.now()
  if (ended.outcomes.length === 0) return
  queue.ended = emptyBatch()
  queue.transfer = new Set()
  options.send(ended, [...transfer])
}

/** The signal of a packet: a flag in shared memory. */
class PacketSignal implements StopSignal {
  readonly stopped: () => boolean
  readonly #flags: Int32Array<SharedArrayBuffer>
  readonly #flag: number
  #controller: AbortController | undefined

  constructor(queue: ThreadQueue, flag: number) {
    this.#flags = queue.options.flags
    this.#flag = flag
    this.stopped = () => {
      // The work takes its time: the outcomes before it need not wait for its end.
      if (queue.ended.outcomes.length > 0 && queue.options.now() - queue.sentAt >= maxBatchMillis) flush(queue)
      return this.isStopped()
    }
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    this.abortIfStopped()
    return this.#controller.signal
  }

  isStopped(): boolean {
    return Atomics.load(this.#flags, this.#flag) === 1
  }

  abortIfStopped(): void {
    if (this.isStopped()) this.#controller?.abort()
  }
}

/** Sends the outcomes at the end of this turn of the event loop: the next packet may wait for a long time. */
const scheduleFlush = (queue: ThreadQueue) => {
  if (queue.isFlushScheduled || queue.ended.outcomes.length === 0) return
  queue.isFlushScheduled = true
  setImmediate(() => {
    queue.isFlushScheduled = false
    flush(queue)
  })
}

/** Adds the outcome of the packet that was begun last. */
const addOutcome = (queue: ThreadQueue, outcome: number, value: unknown) => {
  const { ended, lastOutcomeAt, options } = queue
  const now = options.now()
  Atomics.store(options.flags, ThreadTasks.runningIndex(options.flags), 0)
  ended.outcomes.push(outcome)
  ended.values.push(value)
  ended.millis.push(now - lastOutcomeAt)
  queue.lastOutcomeAt = now
  if (now - queue.sentAt >= maxBatchMillis) flush(queue)
}

/** Adds the outcome of work that was stopped. The farm waits for it: it is sent at once. */
const addStopped = (queue: ThreadQueue) => {
  addOutcome(queue, OutcomeCode.stopped, undefined)
  flush(queue)
}

const addResult = (queue: ThreadQueue, signal: PacketSignal, { transfer, value }: EncodedWork.Encoded) => {
  if (signal.isStopped()) return addStopped(queue)
  const refusal = refusalOf("result", value, queue.options.maxPacketBytes)
  if (refusal !== undefined) return addOutcome(queue, refusal.outcome, refusal.error)
  for (const buffer of transfer) if (buffer instanceof ArrayBuffer) queue.transfer.add(buffer)
  addOutcome(queue, OutcomeCode.done, value)
}

const addFailure = (queue: ThreadQueue, signal: PacketSignal, thrown: unknown) => {
  if (signal.isStopped()) addStopped(queue)
  else addOutcome(queue, OutcomeCode.failed, errorText(thrown))
}

/**
 * Continues after work that has waited, in the next turn of the event loop. A promise that the work has rejected and
 * not handled ends the thread before, while the packet is still the one that it works on.
 */
const wait = (queue: ThreadQueue, pending: EncodedWork.Pending, signal: PacketSignal) => {
  const resume = (end: () => void) =>
    setImmediate(() => {
      queue.waiting = undefined
      end()
      drain(queue)
    })
  queue.waiting = { pending, signal }
  scheduleFlush(queue)
  pending.whenEnded(
    (result) => resume(() => addResult(queue, signal, result)),
    (thrown) => resume(() => addFailure(queue, signal, thrown))
  )
}

/** Works on a packet, unless it is cancelled. */
const begin = (queue: ThreadQueue, packet: unknown, refusal: Batch["refusal"]) => {
  const { flags, work } = queue.options
  const flag = ThreadTasks.flagIndex(flags, queue.position++)
  if (refusal !== undefined) return addOutcome(queue, refusal.outcome, refusal.error)
  const signal = new PacketSignal(queue, flag)
  // Named before its flag is read: a packet that the farm cancels and does not find here is skipped.
  Atomics.store(flags, ThreadTasks.runningIndex(flags), flag + 1)
  if (signal.isStopped()) return addOutcome(queue, OutcomeCode.stopped, undefined)
  try {
    const result = work(packet, signal)
    if (result instanceof EncodedWork.Pending) wait(queue, result, signal)
    else addResult(queue, signal, result)
  } catch (thrown) {
    addFailure(queue, signal, thrown)
  }
}

/** Works on the packets until one waits, or none is left. */
const drain = (queue: ThreadQueue) => {
  for (let [batch] = queue.batches; batch !== undefined; [batch] = queue.batches) {
    while (queue.at < batch.packets.length) {
      begin(queue, batch.packets[queue.at++], batch.refusal)
      if (queue.waiting !== undefined) return
    }
    queue.batches.shift()
    queue.at = 0
  }
  flush(queue)
}

/** Adds packets, and works on them unless another waits. */
export const add = (queue: ThreadQueue, batch: Batch): void => {
  const isIdle = queue.batches.length === 0
  queue.batches.push(batch)
  if (!isIdle) return
  queue.sentAt = queue.options.now()
  queue.lastOutcomeAt = queue.sentAt
  drain(queue)
}

/** Stops the work that waits, if its task is cancelled. */
export const cancel = ({ waiting }: ThreadQueue): void => {
  if (waiting === undefined || !waiting.signal.isStopped()) return
  waiting.signal.abortIfStopped()
  waiting.pending.interrupt()
}
