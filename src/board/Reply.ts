/**
 * The lines a board sends, for programs and for people: a line begins with words and numbers in a fixed order, and what
 * follows a colon only explains. A new code may appear; a program ignores what it does not know.
 */
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Command from "./Command.ts"
import * as Grid from "./Grid.ts"
import type { Told } from "./Message.ts"

const Text = Schema.String.check(Schema.isPattern(/^[ -~]+$/))
const pair = { x: Grid.Index, y: Grid.Index, toX: Grid.Index, toY: Grid.Index }

const plain = {
  Hello: Schema.TaggedStruct("Hello", { number: Schema.Natural, size: Grid.Size }),
  Claimed: Grid.Claimed,
  RowClaimed: Grid.RowClaimed,
  Swapped: Grid.Swapped,
  Occupied: Schema.TaggedStruct("Occupied", { x: Grid.Index, y: Grid.Index, by: Schema.Natural }),
  Refused: Schema.TaggedStruct("Refused", { ...pair, by: Schema.Natural }),
  Watching: Schema.TaggedStruct("Watching", {}),
  /** So many rows follow. */
  Board: Schema.TaggedStruct("Board", { size: Grid.Size, change: Schema.Natural }),
  Bye: Schema.TaggedStruct("Bye", {})
}

/** A change that is watched. */
const Seen = Schema.TaggedStruct("Seen", { event: Grid.Change })
const Row = Schema.TaggedStruct("Row", {
  y: Grid.Index,
  owners: Schema.Array(Schema.Natural).check(Schema.isBetweenLength(1, Grid.maxSize))
})
const Help = Schema.TaggedStruct("Help", { text: Text })
const Problem = Schema.TaggedStruct("Error", { code: Schema.Literals(Command.codes), text: Text })

/** A line that a board sends. @category models @since 0.1.0 */
export const Reply = Schema.Union([...Object.values(plain), Seen, Row, Help, Problem])
/** @category models @since 0.1.0 */
export type Reply = typeof Reply.Type

type Plain = (typeof plain)[keyof typeof plain]["Type"]

/** The form of every line that is words and numbers: `<field>` stands for a number. */
const forms: { readonly [Tag in Plain["_tag"]]: string } = {
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

const head = (form: string) => form.split(":")[0]!

/** A pattern for each form, and the tag of what it stands for. */
const patterns = Object.entries(forms).map(
  ([tag, form]) => [tag, new RegExp(`^${head(form).replace(/<(\w+)>/g, "(?<$1>[0-9]{1,16})")}(?::.*)?$`)] as const
)

const prefix = { Seen: "seen ", Help: "help: " }

const mark = (owner: number) => (owner === Grid.vacant ? "." : String(owner))

/** A line without its end; the numbers of a row take `width` columns each. @category encoding @since 0.1.0 */
export const text = (reply: Reply, width = 1): string => {
  switch (reply._tag) {
    case "Seen":
      return prefix.Seen + text(reply.event)
    case "Row": {
      const owners = reply.owners.map((owner) => mark(owner).padStart(width))
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

const readPlain = (line: string): unknown => {
  for (const [_tag, pattern] of patterns) {
    const found = pattern.exec(line)
    if (found !== null) return { _tag, ...numbersOf(found.groups) }
  }
  return undefined
}

const readRow = (line: string): unknown => {
  const [y, ...owners] = line.trim().split(/ +/).slice(1)
  const all = owners.map((owner) =>
    owner === "." ? Grid.vacant : /^[0-9]{1,16}$/.test(owner) ? Number(owner) : Number.NaN
  )
  return y !== undefined && /^[0-9]{1,2}$/.test(y) ? { _tag: "Row", y: Number(y), owners: all } : undefined
}

/** What a line says, which may be any text; none if it is not a board's. @category decoding @since 0.1.0 */
export const parse = (line: string): Option.Option<Reply> => {
  const error = /^error ([a-z]+): (.*)$/.exec(line)
  if (error !== null) return decode({ _tag: "Error", code: error[1], text: error[2] })
  if (line.startsWith("row ")) return decode(readRow(line))
  if (line.startsWith(prefix.Help)) return decode({ _tag: "Help", text: line.slice(prefix.Help.length) })
  if (line.startsWith(prefix.Seen)) return decode({ _tag: "Seen", event: readPlain(line.slice(prefix.Seen.length)) })
  return decode(readPlain(line))
}

/** The lines of a whole board, its numbers below each other. @category encoding @since 0.1.0 */
export const drawn = (grid: Grid.Grid, change: number): ReadonlyArray<string> => {
  const width = Math.max(...grid.flat().map((owner) => mark(owner).length))
  return [
    text({ _tag: "Board", size: grid.length, change }),
    ...grid.map((owners, y) => text({ _tag: "Row", y, owners }, width))
  ]
}

/** The lines of what a client is told. @category encoding @since 0.1.0 */
export const lines = (told: Told): ReadonlyArray<string> => {
  switch (told._tag) {
    case "Done":
      return []
    case "Drawn":
      return drawn(told.grid, told.change)
    case "Watching":
      return [text({ _tag: "Watching" }), ...drawn(told.grid, told.change)]
    default:
      return [text(told)]
  }
}
