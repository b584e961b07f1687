/**
 * The tasks of a thread, and the memory that the thread and the farm share. A test needs no thread.
 *
 * A thread ends its tasks in the order of their arrival, and both sides count them from 0: messages carry no ids. This
 * count is the position of a task. The positions that the thread has have no gap, and are at most as many as the
 * capacity.
 *
 * The state is mutable, because two threads end a million empty packets a second.
 */
import * as InFlight from "../InFlight.ts"
import type { Task } from "../Worker.ts"

/** The state of the tasks of one thread. */
export interface ThreadTasks {
  /**
   * For each position at the thread, at the index position modulo capacity, 1 while its task is cancelled. The last
   * element is 1 plus the index of the task that the thread works on, and 0 between tasks; a crash leaves its value.
   * The farm writes the flags, the thread the last element: before it reads the flag of this task.
   */
  readonly flags: Int32Array<SharedArrayBuffer>
  /** The position of each task, by id. */
  readonly inFlight: InFlight.InFlight<number, number>
  /** The tasks in flight that are not sent to the thread yet: the last ones. */
  waiting: ReadonlyArray<Task>
  /** The positions of tasks that were cancelled before the thread began them: they are not in flight any more. */
  readonly skipped: Set<number>
  /** The tasks that were added, sent, and ended. */
  addedCount: number
  sentCount: number
  endedCount: number
  /** The id of the task that was sent last, if its buffers were moved to the thread and it has not ended. */
  movedId: number | undefined
}

/** Makes the state of a new thread. */
export const make = (capacity: number): ThreadTasks => ({
  flags: new Int32Array(new SharedArrayBuffer(4 * (capacity + 1))),
  inFlight: InFlight.make(),
  waiting: [],
  skipped: new Set(),
  addedCount: 0,
  sentCount: 0,
  endedCount: 0,
  movedId: undefined
})

/** Returns the index of the flag of a task. */
export const flagIndex = ({ length }: Int32Array, position: number) => position % (length - 1)

/** Returns the index of the element that names the task being worked on. */
export const runningIndex = ({ length }: Int32Array) => length - 1

/** Adds tasks, which wait until `takeBatch` returns them, in this order. */
export const add = (tasks: ThreadTasks, added: ReadonlyArray<Task>): void => {
  for (const { id } of added) InFlight.add(tasks.inFlight, id, tasks.addedCount++)
  tasks.waiting = tasks.waiting.length === 0 ? added : [...tasks.waiting, ...added]
}

/**
 * Returns the number of waiting tasks to send together. A task whose buffers are moved is sent alone, and only to a
 * thread that has no other task: its buffers are lost with the thread.
 */
const batchSize = ({ endedCount, sentCount, waiting }: ThreadTasks, maxTasks: number) => {
  if (waiting[0]?.transfer !== undefined) return sentCount === endedCount ? Math.min(1, maxTasks) : 0
  const moved = waiting.findIndex(({ transfer }) => transfer !== undefined)
  return Math.min(moved < 0 ? waiting.length : moved, maxTasks)
}

/** Removes the next tasks to send from the waiting ones, up to a number, and returns them. */
export const takeBatch = (tasks: ThreadTasks, maxTasks: number): ReadonlyArray<Task> => {
  const { endedCount, flags, movedId, sentCount, waiting } = tasks
  // The thread may still have tasks that it skips.
  const free = runningIndex(flags) - (sentCount - endedCount)
  const count = movedId === undefined ? batchSize(tasks, Math.min(maxTasks, free)) : 0
  const batch = count === waiting.length ? waiting : waiting.slice(0, count)
  tasks.waiting = waiting.slice(count)
  tasks.sentCount += count
  if (batch[0]?.transfer !== undefined) tasks.movedId = batch[0].id
  return batch
}

/** Removes the oldest tasks, and returns their ids: undefined for one that was skipped. */
export const end = (tasks: ThreadTasks, count: number): ReadonlyArray<number | undefined> => {
  const { endedCount, flags, inFlight, skipped } = tasks
  const ids: Array<number | undefined> = []
  const passSkipped = () => {
    while (ids.length < count && skipped.delete(endedCount + ids.length)) {
      Atomics.store(flags, flagIndex(flags, endedCount + ids.length), 0)
      ids.push(undefined)
    }
  }
  tasks.endedCount += count
  tasks.movedId = undefined
  if (skipped.size > 0) passSkipped()
  for (const [id, position] of inFlight.entries) {
    if (ids.length === count) break
    ids.push(id)
    if (inFlight.cancelledAt.has(id)) Atomics.store(flags, flagIndex(flags, position), 0)
    InFlight.take(inFlight, id)
    if (skipped.size > 0) passSkipped()
  }
  return ids
}

/** Removes tasks from those that wait to be sent: the positions of the others have no gap. */
const removeWaiting = (tasks: ThreadTasks, removed: ReadonlySet<number>) => {
  const waiting = tasks.waiting.filter(({ id }) => !removed.has(id))
  if (waiting.length === tasks.waiting.length) return
  tasks.waiting = waiting
  tasks.addedCount = tasks.sentCount
  for (const { id } of waiting) tasks.inFlight.entries.set(id, tasks.addedCount++)
}

/**
 * Cancels tasks. Those that are not begun end at once, and their ids are returned: the thread skips the ones that it
 * has. The one that it works on reads its flag.
 */
export const cancel = (tasks: ThreadTasks, ids: Iterable<number>, nowMillis: number): ReadonlyArray<number> => {
  const { flags, inFlight, sentCount, skipped } = tasks
  const cancelled = InFlight.cancelAll(inFlight, ids, nowMillis)
  for (const id of cancelled) {
    const position = inFlight.entries.get(id)!
    if (position < sentCount) Atomics.store(flags, flagIndex(flags, position), 1)
  }
  // A task that the thread begins from here on has its flag.
  const begun = running(tasks)
  const ended = cancelled.filter((id) => id !== begun)
  for (const id of ended) {
    const position = inFlight.entries.get(id)!
    if (position < sentCount) skipped.add(position)
  }
  if (ended.length > 0) removeWaiting(tasks, new Set(ended))
  for (const id of ended) InFlight.take(inFlight, id)
  return ended
}

/** Returns the id of the task that the thread works on. */
export const running = ({ flags, inFlight, sentCount }: ThreadTasks): number | undefined => {
  const index = Atomics.load(flags, runningIndex(flags)) - 1
  if (index < 0) return undefined
  for (const [id, position] of inFlight.entries) {
    if (position >= sentCount) return undefined
    if (flagIndex(flags, position) === index) return id
  }
  return undefined
}

/** Returns the id of the task that is lost with the thread: the one it works on, or whose buffers it has. */
export const lost = (tasks: ThreadTasks): number | undefined => {
  const { inFlight, movedId } = tasks
  return running(tasks) ?? (movedId !== undefined && inFlight.entries.has(movedId) ? movedId : undefined)
}

/** Returns true if the thread works on a task that was cancelled this time ago or earlier, and has to be killed. */
export const isOverdue = (tasks: ThreadTasks, nowMillis: number, limitMillis: number): boolean => {
  const cancelledAt = tasks.inFlight.cancelledAt.get(running(tasks) ?? -1)
  return cancelledAt !== undefined && nowMillis - cancelledAt >= limitMillis
}
