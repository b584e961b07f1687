/**
 * The sections of the page's state over time: which of them have changed since a version, and their JSON text. Pure.
 *
 * A section is compared with its last one as JSON text, which is sent to the browsers anyway. Rows that the schema does
 * not allow, such as a rate that is not a number, are left out: one wrong row must not stop all browsers.
 */
import * as Schema from "effect/Schema"
import { EncodedUpdate } from "./EncodedUpdate.ts"
import * as PageState from "./PageState.ts"
import * as Rows from "./sources/Rows.ts"
import * as TransferTotals from "./TransferTotals.ts"

/** The sections of a snapshot, in the order of an update. */
export const names = ["services", "connections", "transfers", "peers", "farms"] as const

/** A section of a snapshot. */
export type Name = (typeof names)[number]

/** Rows of a section, and the number of those that are left out. */
export type List<Row> = Rows.Rows<Row>

/** A section as it was sampled last. */
interface Section {
  /** JSON text of the sampled section, with rows that the schema does not allow; empty if it has none. */
  readonly sampledText: string
  /** JSON text of the section as it is sent. */
  readonly text: string
  readonly value: PageState.Snapshot[Name]
  /** Version in which it has changed last. */
  readonly changedIn: number
}

/** All sections. */
export interface PageSections {
  /** Number of samples that differed from the one before; 0 before the first. */
  readonly version: number
  readonly sections: Readonly<Record<Name, Section>>
}

const sectionOf = (value: PageState.Snapshot[Name]): Section => {
  const text = JSON.stringify(value)
  return { sampledText: text, text, value, changedIn: 0 }
}

const each = <A>(make: (name: Name) => A) =>
  Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, A>

/** The sections before the first sample: without rows. */
export const empty: PageSections = { version: 0, sections: each((name) => sectionOf(PageState.empty[name])) }

const isRow: Readonly<Record<Name, (input: unknown) => boolean>> = {
  services: Schema.is(PageState.Service),
  connections: Schema.is(PageState.Connection),
  transfers: Schema.is(PageState.Transfer),
  peers: Schema.is(PageState.Peer),
  farms: Schema.is(PageState.Farm)
}

/** Leaves out the rows that the schema does not allow. Returns the same section if there are none. */
const onlyValid = (name: Name, section: PageState.Snapshot[Name]): PageState.Snapshot[Name] => {
  const isList = "rows" in section
  const rows: ReadonlyArray<unknown> = isList ? section.rows : section
  const valid = rows.filter(isRow[name])
  if (valid.length === rows.length) return section
  const kept = isList ? { ...section, rows: valid, omitted: section.omitted + rows.length - valid.length } : valid
  return kept as PageState.Snapshot[Name]
}

/** JSON text, or undefined for a value that has none, such as one with a big integer. */
const textOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

const sampled = (name: Name, before: Section, value: PageState.Snapshot[Name], version: number): Section => {
  const sampledText = textOf(value) ?? ""
  if (sampledText !== "" && sampledText === before.sampledText) return before
  const valid = onlyValid(name, value)
  const text = valid === value ? sampledText : (textOf(valid) ?? "")
  if (text === "" || text === before.text) return { ...before, sampledText }
  return { sampledText, text, value: valid, changedIn: version }
}

/** Takes a sample. Returns the new sections, and the names of those with rows that the schema does not allow. */
export const sample = (
  before: PageSections,
  snapshot: PageState.Snapshot
): readonly [sections: PageSections, invalid: ReadonlyArray<Name>] => {
  const version = before.version + 1
  const sections = each((name) => sampled(name, before.sections[name], snapshot[name], version))
  const hasChanged = before.version === 0 || names.some((name) => sections[name].changedIn === version)
  const invalid = names.filter((name) => sections[name].sampledText !== sections[name].text)
  return [{ version: hasChanged ? version : before.version, sections }, invalid]
}

/** Returns the sections that have changed after a version, all for `undefined`; undefined if none has. */
export const since = (
  { sections }: PageSections,
  version: number | undefined,
  atMillis: number
): EncodedUpdate | undefined => {
  const changed = names.filter((name) => version === undefined || sections[name].changedIn > version)
  if (changed.length === 0) return undefined
  const update = Object.fromEntries(changed.map((name) => [name, sections[name].value]))
  const members = changed.map((name) => `,"${name}":${sections[name].text}`)
  return new EncodedUpdate({ atMillis, ...update }, `{"atMillis":${atMillis}${members.join("")}}`)
}

/** Divides `most` rows fairly: a list gets all its rows, or at least as many as any other. */
const shares = (sizes: ReadonlyArray<number>, most: number): ReadonlyArray<number> => {
  const order = sizes.map((size, index) => ({ index, size })).toSorted((one, other) => one.size - other.size)
  const found: Array<number> = sizes.map(() => 0)
  let left = most
  for (const [at, { index, size }] of order.entries()) {
    const share = Math.min(size, Math.floor(left / (order.length - at)))
    found[index] = share
    left -= share
  }
  return found
}

/** Joins lists in their order, cut to `most` rows. A long list does not displace a short one. */
export const join = <Row>(lists: ReadonlyArray<List<Row>>, most: number = Rows.maxRows): List<Row> => {
  const sizes = lists.map(({ rows }) => rows.length)
  const kept = shares(sizes, most)
  const omitted = lists.reduce((sum, list, at) => sum + list.omitted + sizes[at]! - kept[at]!, 0)
  return { rows: lists.flatMap(({ rows }, at) => rows.slice(0, kept[at])), omitted }
}

const isTotals = Schema.is(PageState.TransferTotals)

/** Joins lists of transfers as `join` does, with the totals of all. Totals that have no JSON text are left out. */
export const joinTransfers = (
  lists: ReadonlyArray<PageState.Snapshot["transfers"]>
): PageState.Snapshot["transfers"] => {
  const joined = join(lists)
  const totals = TransferTotals.join(lists)
  return totals === undefined || !isTotals(totals) ? joined : { ...joined, totals }
}
