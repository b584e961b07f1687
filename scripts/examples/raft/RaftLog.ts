/** The log of a server: a snapshot, and the entries after it. Indices begin at 1. */
import * as Schema from "effect/Schema"
import * as KeyValue from "./KeyValue.ts"

const { Int, Struct } = Schema

export const Members = Schema.Array(Schema.String)

/** Effect of an entry when it is committed; a membership applies as soon as it is in the log. */
export const Command = Schema.Union([
  Schema.TaggedStruct("Request", { request: KeyValue.Request }),
  Schema.TaggedStruct("Members", { members: Members }),
  /** Committed first by each leader: entries of earlier terms are committed with it (section 5.4.2). */
  Schema.TaggedStruct("Noop", {})
])
export type Command = typeof Command.Type

export const Entry = Struct({ term: Int, command: Command })
export type Entry = typeof Entry.Type

/** The state machine after the entry at `index`, in place of all entries up to it (section 7). */
export const Snapshot = Struct({ index: Int, term: Int, members: Members, machine: KeyValue.State })

/** `entries[0]` has the index after that of the snapshot. */
export const Log = Struct({ snapshot: Snapshot, entries: Schema.Array(Entry) })
export type Log = typeof Log.Type

export const lastIndex = ({ entries, snapshot }: Log): number => snapshot.index + entries.length

/** Returns the term of an entry; undefined if the log does not have it, or no longer. */
export const termAt = ({ entries, snapshot }: Log, index: number): number | undefined =>
  index === snapshot.index ? snapshot.term : entries[index - snapshot.index - 1]?.term

export const lastTerm = (log: Log): number => termAt(log, lastIndex(log))!

export const entryAt = ({ entries, snapshot }: Log, index: number): Entry | undefined =>
  entries[index - snapshot.index - 1]

/** Returns the entries from `index` on, at most `max`. */
export const entriesFrom = ({ entries, snapshot }: Log, index: number, max = Number.POSITIVE_INFINITY) =>
  entries.slice(index - snapshot.index - 1, index - snapshot.index - 1 + max)

/** Returns the log without the entries from `index` on, and with others in their place. */
export const replaceFrom = ({ entries, snapshot }: Log, index: number, others: ReadonlyArray<Entry>): Log => ({
  snapshot,
  entries: [...entries.slice(0, index - snapshot.index - 1), ...others]
})

/** Returns the index of the last membership in the log, that of the snapshot if no entry has one. */
export const membersIndex = ({ entries, snapshot }: Log): number =>
  snapshot.index + 1 + entries.findLastIndex(({ command }) => command._tag === "Members")

/** Returns the last membership in the log, committed or not (dissertation, section 4.1). */
export const membersOf = (log: Log): ReadonlyArray<string> => {
  const command = entryAt(log, membersIndex(log))?.command
  return command?._tag === "Members" ? command.members : log.snapshot.members
}

/** Replaces the entries up to `index` by a snapshot of the state machine after them. */
export const compact = (log: Log, index: number, machine: KeyValue.State): Log => {
  const members = membersOf(replaceFrom(log, index + 1, []))
  return { snapshot: { index, term: termAt(log, index)!, members, machine }, entries: entriesFrom(log, index + 1) }
}
