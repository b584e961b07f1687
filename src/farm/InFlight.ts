/**
 * The table of the tasks that a worker holds, from the moment they are sent until their outcome.
 *
 * A packet of a farm has two kinds of id. The task id comes from the side that sends tasks, and a thread reports by it:
 * in a run it is the packet id of the dispatcher, which stays the same when the packet is tried again; in the pool of a
 * worker server the pool counts the tasks of all its clients. The wire id comes from the farm's side of a TCP
 * connection, because two workers of a host may have the same packet.
 *
 * ```
 *   Dispatcher --packet id--> thread
 *   Dispatcher --packet id--> RemoteHost --wire id--> TcpWorkerServer, SharedWorkerPool --task id--> thread
 * ```
 *
 * A table is mutable: a million packets a minute are added to and taken from two of them each.
 */
import * as Effect from "effect/Effect"
import { constTrue } from "effect/Function"

/** The tasks in flight, by key. */
export interface InFlight<Key, Value> {
  /** The tasks, in the order in which they were added. */
  readonly entries: Map<Key, Value>
  /** The time in milliseconds at which each cancelled task was cancelled, in this order. */
  readonly cancelledAt: Map<Key, number>
  /** Called after each removal. */
  readonly onRemoved: Set<() => void>
}

/** Makes an empty table. */
export const make = <Key, Value>(): InFlight<Key, Value> => ({
  entries: new Map(),
  cancelledAt: new Map(),
  onRemoved: new Set()
})

/** Adds a task, whose key must not be in flight. */
export const add = <Key, Value>(table: InFlight<Key, Value>, key: Key, value: Value): void =>
  void table.entries.set(key, value)

/** Removes a task and returns it; `undefined` if the key is not in flight. */
export const take = <Key, Value>(table: InFlight<Key, Value>, key: Key): Value | undefined => {
  const value = table.entries.get(key)
  if (!table.entries.delete(key)) return undefined
  if (table.cancelledAt.size > 0) table.cancelledAt.delete(key)
  if (table.onRemoved.size > 0) for (const notify of table.onRemoved) notify()
  return value
}

/** Removes all tasks and returns them, in the order in which they were added. */
export const takeAll = <Key, Value>(table: InFlight<Key, Value>): ReadonlyArray<readonly [key: Key, value: Value]> => {
  const all = [...table.entries]
  table.entries.clear()
  table.cancelledAt.clear()
  for (const notify of table.onRemoved) notify()
  return all
}

/** Marks a task as cancelled. Returns false if its key is not in flight, or was cancelled before. */
export const cancel = <Key, Value>(table: InFlight<Key, Value>, key: Key, nowMillis: number): boolean => {
  if (!table.entries.has(key) || table.cancelledAt.has(key)) return false
  table.cancelledAt.set(key, nowMillis)
  return true
}

/** Marks tasks as cancelled. Returns the keys of those that are in flight and were not cancelled before. */
export const cancelAll = <Key, Value>(
  table: InFlight<Key, Value>,
  keys: Iterable<Key>,
  nowMillis: number
): ReadonlyArray<Key> => [...keys].filter((key) => cancel(table, key, nowMillis))

const hasAny = <Key, Value>({ entries }: InFlight<Key, Value>, isWanted: (value: Value, key: Key) => boolean) => {
  for (const [key, value] of entries) if (isWanted(value, key)) return true
  return false
}

/** Returns the keys of the tasks whose values satisfy a condition. */
export const keysOf = <Key, Value>(
  { entries }: InFlight<Key, Value>,
  isWanted: (value: Value, key: Key) => boolean
): ReadonlyArray<Key> => [...entries].flatMap(([key, value]) => (isWanted(value, key) ? [key] : []))

/** Returns true if a task was cancelled this time ago or earlier, and has not ended. */
export const isOverdue = <Key, Value>(
  { cancelledAt }: InFlight<Key, Value>,
  nowMillis: number,
  limitMillis: number
): boolean => {
  const [first] = cancelledAt.values()
  return first !== undefined && nowMillis - first >= limitMillis
}

/** Moves the times of the cancels, up to now: this time does not count. */
export const postpone = <Key, Value>(
  { cancelledAt }: InFlight<Key, Value>,
  millis: number,
  nowMillis: number
): void => {
  for (const [key, at] of cancelledAt) cancelledAt.set(key, Math.min(nowMillis, at + millis))
}

/** Waits until no task that satisfies the condition, by default none at all, is in flight. */
export const idle = <Key, Value>(
  table: InFlight<Key, Value>,
  isWanted: (value: Value, key: Key) => boolean = constTrue
): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const resumeIfIdle = () => {
      if (hasAny(table, isWanted)) return false
      table.onRemoved.delete(resumeIfIdle)
      resume(Effect.void)
      return true
    }
    if (!resumeIfIdle()) table.onRemoved.add(resumeIfIdle)
    return Effect.sync(() => void table.onRemoved.delete(resumeIfIdle))
  })
