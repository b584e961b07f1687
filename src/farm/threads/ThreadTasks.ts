/**
 * The tasks of a thread, and the memory that the thread and the farm share. A test needs no thread.
 *
 * A thread ends its tasks in the order of their arrival, and both sides count them from 0: messages carry no ids. This
 * count is the position of a task. The positions in flight have no gap, and are at most as many as the capacity.
 *
 * The state is mutable, because two threads end a million empty packets a second.
 */
import * as InFlight from "../InFlight.ts"
import type { Task } from "../Worker.ts"

/** The state of the tasks of one thread. */
export interface ThreadTasks {
  /**
   * For each position in flight, at the index position modulo capacity, 1 while its task is cancelled. The last element
   * is 1 plus the index of the task that the thread works on, and 0 between tasks; a crash leaves its value. The farm
   * writes the flags, the thread the last element.
   */
  readonly flags: Int32Array<SharedArrayBuffer>
  /** The position of each task, by id. */
  readonly inFlight: InFlight.InFlight<number, number>
  sentCount: number
}

/** Makes the state of a new thread. */
export const make = (capacity: number): ThreadTasks => ({
  flags: new Int32Array(new SharedArrayBuffer(4 * (capacity + 1))),
  inFlight: InFlight.make(),
  sentCount: 0
})

/** Returns the index of the flag of a task. */
export const flagIndex = ({ length }: Int32Array, position: number) => position % (length - 1)

/** Returns the index of the element that names the task being worked on. */
export const runningIndex = ({ length }: Int32Array) => length - 1

/** Adds tasks that are sent to the thread in this order. */
export const add = (tasks: ThreadTasks, sent: ReadonlyArray<Task>): void => {
  for (const { id } of sent) InFlight.add(tasks.inFlight, id, tasks.sentCount++)
}

/** Removes the oldest tasks, and returns their ids. */
export const end = ({ flags, inFlight }: ThreadTasks, count: number): ReadonlyArray<number> => {
  const ids: Array<number> = []
  for (const [id, position] of inFlight.entries) {
    if (ids.length === count) break
    ids.push(id)
    if (inFlight.cancelledAt.has(id)) Atomics.store(flags, flagIndex(flags, position), 0)
    InFlight.take(inFlight, id)
  }
  return ids
}

/** Cancels tasks: the thread skips those that wait, and the one that it works on reads its flag. */
export const cancel = ({ flags, inFlight }: ThreadTasks, ids: Iterable<number>, nowMillis: number): void => {
  for (const id of InFlight.cancelAll(inFlight, ids, nowMillis)) {
    Atomics.store(flags, flagIndex(flags, inFlight.entries.get(id)!), 1)
  }
}

/** Returns the id of the task that the thread works on. */
export const running = ({ flags, inFlight }: ThreadTasks): number | undefined => {
  const index = Atomics.load(flags, runningIndex(flags)) - 1
  return InFlight.keysOf(inFlight, (position) => flagIndex(flags, position) === index)[0]
}

/** Returns true if the thread works on a task that was cancelled this time ago or earlier, and has to be killed. */
export const isOverdue = (tasks: ThreadTasks, nowMillis: number, limitMillis: number): boolean => {
  const cancelledAt = tasks.inFlight.cancelledAt.get(running(tasks) ?? -1)
  return cancelledAt !== undefined && nowMillis - cancelledAt >= limitMillis
}
