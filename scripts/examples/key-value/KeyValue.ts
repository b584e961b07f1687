/** A key-value store as data: its commands and replies, what a command does to the store, and both as lines. Pure. */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** A word of at most 100 characters. */
const Key = Schema.String.check(Schema.isPattern(/^[!-~]{1,100}$/))

/** A text of at most 500 printable characters. */
const Value = Schema.String.check(Schema.isPattern(/^[ -~]{0,500}$/))

/** Command of a client. */
export const Command = Schema.TaggedUnion({
  Get: { key: Key },
  Set: { key: Key, value: Value },
  Delete: { key: Key }
})
export type Command = typeof Command.Type

/** Reply of the store. */
export const Reply = Schema.TaggedUnion({
  /** The value of `Get`. */
  Found: { value: Schema.String },
  /** The key of `Get` or `Delete` is not in the store. */
  Missing: {},
  Done: {}
})
export type Reply = typeof Reply.Type

/** The values by key. */
export type Store = HashMap.HashMap<string, string>

export const empty: Store = HashMap.empty()

/** Returns the store after a command, and the reply. */
export const apply = (store: Store, command: Command): readonly [Store, Reply] => {
  const { key } = command
  switch (command._tag) {
    case "Get":
      return [
        store,
        Option.match(HashMap.get(store, key), {
          onNone: () => ({ _tag: "Missing" }) as const,
          onSome: (value) => ({ _tag: "Found", value }) as const
        })
      ]
    case "Set":
      return [HashMap.set(store, key, command.value), { _tag: "Done" }]
    case "Delete":
      return HashMap.has(store, key) ? [HashMap.remove(store, key), { _tag: "Done" }] : [store, { _tag: "Missing" }]
  }
}

const decode = Schema.decodeUnknownOption(Command)

/** Parses the line of a command. None if it is not one. */
export const parse = (line: string): Option.Option<Command> => {
  const [, verb, key, value] = /^(get|set|delete) (\S+)(?: (.*))?$/.exec(line) ?? []
  if (verb === "set") return decode({ _tag: "Set", key, value })
  return value === undefined ? decode({ _tag: verb === "get" ? "Get" : "Delete", key }) : Option.none()
}

/** Formats a command as the line that `parse` reads. */
export const format = (command: Command): string =>
  command._tag === "Set" ? `set ${command.key} ${command.value}` : `${command._tag.toLowerCase()} ${command.key}`

/** Formats a reply as the line that `parseReply` reads. */
export const formatReply = (reply: Reply): string =>
  reply._tag === "Found" ? `found ${reply.value}` : reply._tag.toLowerCase()

/** Parses the line of a reply. None if it is not one. */
export const parseReply = (line: string): Option.Option<Reply> => {
  if (line === "done") return Option.some({ _tag: "Done" })
  if (line === "missing") return Option.some({ _tag: "Missing" })
  return line.startsWith("found ") ? Option.some({ _tag: "Found", value: line.slice(6) }) : Option.none()
}
