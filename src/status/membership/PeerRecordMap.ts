/**
 * The rows of a table, as a value: each packet changes one of them, and few come or go. So each row has a place that is
 * looked up by its id, and only the places around it are copied, which leaves less behind than a map of rows. Pure.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Row } from "./PeerRecord.ts"

/** Places that are copied together: a power of 2. */
const width = 16
const bits = 4

/** Rows by id. */
export interface Rows<A> {
  readonly places: HashMap.HashMap<string, number>
  readonly groups: ReadonlyArray<ReadonlyArray<Row<A>>>
}

/** No rows. */
export const empty: Rows<never> = { places: HashMap.empty(), groups: [] }

export const size = ({ places }: Rows<unknown>): number => HashMap.size(places)

export const get = <A>({ groups, places }: Rows<A>, id: string): Row<A> | undefined => {
  const place = Option.getOrUndefined(HashMap.get(places, id))
  return place === undefined ? undefined : groups[place >> bits]![place & (width - 1)]
}

/** Puts a row in the place of the one with its id, or behind all others. */
export const set = <A>({ groups, places }: Rows<A>, row: Row<A>): Rows<A> => {
  const known = Option.getOrUndefined(HashMap.get(places, row.known.id))
  const place = known ?? HashMap.size(places)
  const at = place >> bits
  const group = groups[at]?.slice() ?? []
  group[place & (width - 1)] = row
  const after = groups.slice()
  after[at] = group
  return { places: known === undefined ? HashMap.set(places, row.known.id, place) : places, groups: after }
}

export const values = <A>({ groups }: Rows<A>): ReadonlyArray<Row<A>> => groups.flat()

const groupsOf = <A>(rows: ReadonlyArray<Row<A>>) =>
  Array.from({ length: Math.ceil(rows.length / width) }, (_, at) => rows.slice(at * width, (at + 1) * width))

/** Those that are given, in their order: ids must differ. */
export const from = <A>(rows: ReadonlyArray<Row<A>>): Rows<A> => ({
  places: HashMap.fromIterable(rows.map(({ known }, place) => [known.id, place] as const)),
  groups: groupsOf(rows)
})

/** Each row as `change` makes it, or without it where that gives undefined. */
export const filterMap = <A>(rows: Rows<A>, change: (row: Row<A>) => Row<A> | undefined): Rows<A> => {
  const all = values(rows)
  const after = all.map(change)
  const left = after.filter((row) => row !== undefined)
  if (left.length < all.length) return from(left)
  return after.every((row, at) => row === all[at]) ? rows : { places: rows.places, groups: groupsOf(left) }
}
