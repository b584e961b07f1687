/**
 * Lines that a board server sends: encoder and parser. A line begins with words and numbers in a fixed order; text
 * after a colon is an explanation for people. Later versions may add codes: a client ignores lines that it does not
 * know.
 */
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Command from "./Command.ts"
import * as Grid from "./Grid.ts"
import type { Message } from "./Message.ts"

const Text = Schema.String.check(Schema.isPattern(/^[ -~]+$/))
const pair = { x: Grid.Index, y: Grid.Index, toX: Grid.Index, toY: Grid.Index }

const simpleReplies = {
  Hello: Schema.TaggedStruct("Hello", { number: Schema.Natural, size: Grid.Size }),
  Claimed: Grid.Claimed,
  RowClaimed: Grid.RowClaimed,
  Swapped: Grid.Swapped,
  Occupied: Schema.TaggedStruct("Occupied", { x: Grid.Index, y: Grid.Index, by: Schema.Natural }),
  Refused: Schema.TaggedStruct("Refused", { ...pair, by: Schema.Natural }),
  Watching: Schema.TaggedStruct("Watching", {}),
  /** `size` rows follow. */
  Board: Schema.TaggedStruct("Board", { size: Grid.Size, change: Schema.Natural }),
  Bye: Schema.TaggedStruct("Bye", {})
}

/** A change, as sent to watchers. */
const Seen = Schema.TaggedStruct("Seen", { event: Grid.Change })
const Row = Schema.TaggedStruct("Row", {
  y: Grid.Index,
  owners: Schema.Array(Schema.Natural).check(Schema.isBetweenLength(1, Grid.maxSize))
})
const Help = Schema.TaggedStruct("Help", { text: Text })
const Problem = Schema.TaggedStruct("Error", { code: Schema.Literals(Command.codes), text: Text })

/** Line of a board server. @category models @since 0.1.0 */
export const Reply = Schema.Union([...Object.values(simpleReplies), Seen, Row, Help, Problem])
/** @category models @since 0.1.0 */
export type Reply = typeof Reply.Type

type SimpleReply = (typeof simpleReplies)[keyof typeof simpleReplies]["Type"]

/** Templates of the lines with words and numbers only. `<field>` stands for a number. */
const forms: { readonly [Tag in SimpleReply["_tag"]]: string } = {
  Hello: "hello <number> size <size>: you are client <number>; help lists the commands",
  Claimed: "claimed <x> <y> by <by> change <change>",
  RowClaimed: "claimed row <y> by <by> change <change>",
  Swapped: "swapped <x> <y> with <toX> <toY> by <by> change <change>",
  Occupied: "occupied <x> <y> by <by>",
  Refused: "refused <x> <y> with <toX> <toY> by <by>: neither square is yours, and you are client <by>",
  Watching: "watching: the board now, then every change, in lines that begin with seen",
  Board: "board <size> change <change>: x goes to the right, y goes down, from 0",
  Bye: "bye: your squares stay yours"
}

const beforeColon = (form: string) => form.split(":")[0]!

/** A tag with the pattern of its template. */
const patterns = Object.entries(forms).map(
  ([tag, form]) =>
    [tag, new RegExp(`^${beforeColon(form).replace(/<(\w+)>/g, "(?<$1>[0-9]{1,16})")}(?::.*)?$`)] as const
)

const prefix = { Seen: "seen ", Help: "help: " }

const ownerText = (owner: number) => (owner === Grid.vacantNumber ? "." : String(owner))

/** Formats a line without its end. The numbers of a row take `width` columns each. @category encoding @since 0.1.0 */
export const format = (reply: Reply, width = 1): string => {
  switch (reply._tag) {
    case "Seen":
      return prefix.Seen + format(reply.event)
    case "Row": {
      const owners = reply.owners.map((owner) => ownerText(owner).padStart(width))
      return `row ${String(reply.y).padStart(2)} ${owners.join(" ")}`
    }
    case "Help":
      return prefix.Help + reply.text
    case "Error":
      return `error ${reply.code}: ${reply.text}`
    default: {
      const fields: Readonly<Record<string, unknown>> = reply
      return forms[reply._tag].replace(/<(\w+)>/g, (_, name: string) => String(fields[name]))
    }
  }
}

const decode = Schema.decodeUnknownOption(Reply)

const numbersOf = (groups: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(Object.entries(groups).map(([name, digits]) => [name, Number(digits)]))

const parseSimple = (line: string): unknown => {
  for (const [_tag, pattern] of patterns) {
    const found = pattern.exec(line)
    if (found !== null) return { _tag, ...numbersOf(found.groups) }
  }
  return undefined
}

const parseRow = (line: string): unknown => {
  const [y, ...owners] = line.trim().split(/ +/).slice(1)
  const all = owners.map((owner) =>
    owner === "." ? Grid.vacantNumber : /^[0-9]{1,16}$/.test(owner) ? Number(owner) : Number.NaN
  )
  return y !== undefined && /^[0-9]{1,2}$/.test(y) ? { _tag: "Row", y: Number(y), owners: all } : undefined
}

/** Parses a line, which may be any text. None if it is not a line of a board server. @category decoding @since 0.1.0 */
export const parse = (line: string): Option.Option<Reply> => {
  const error = /^error ([a-z]+): (.*)$/.exec(line)
  if (error !== null) return decode({ _tag: "Error", code: error[1], text: error[2] })
  if (line.startsWith("row ")) return decode(parseRow(line))
  if (line.startsWith(prefix.Help)) return decode({ _tag: "Help", text: line.slice(prefix.Help.length) })
  if (line.startsWith(prefix.Seen)) return decode({ _tag: "Seen", event: parseSimple(line.slice(prefix.Seen.length)) })
  return decode(parseSimple(line))
}

/** Formats a whole board. The numbers are aligned in columns. @category encoding @since 0.1.0 */
export const formatBoard = (grid: Grid.Grid, change: number): ReadonlyArray<string> => {
  const width = Math.max(...grid.flat().map((owner) => ownerText(owner).length))
  return [
    format({ _tag: "Board", size: grid.length, change }),
    ...grid.map((owners, y) => format({ _tag: "Row", y, owners }, width))
  ]
}

/** Formats a message of the board as lines for the client. @category encoding @since 0.1.0 */
export const formatMessage = (message: Message): ReadonlyArray<string> => {
  switch (message._tag) {
    case "Done":
      return []
    case "Snapshot":
      return formatBoard(message.grid, message.change)
    case "Watching":
      return [format({ _tag: "Watching" }), ...formatBoard(message.grid, message.change)]
    default:
      return [format(message)]
  }
}
