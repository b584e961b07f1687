/**
 * The rows of a table, as a value: each packet changes one of them, and few come or go. So each record has a place that is
 * looked up by its id, and only the places around it are copied, which leaves less behind than a map of rows. Pure.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { PeerRecord } from "./PeerRecord.ts"

/** Places that are copied together: a power of 2. */
const chunkSize = 16
const chunkBits = 4

/** Rows by id. */
export interface PeerRecordMap<A> {
  readonly slots: HashMap.HashMap<string, number>
  readonly chunks: ReadonlyArray<ReadonlyArray<PeerRecord<A>>>
}

/** No rows. */
export const empty: PeerRecordMap<never> = { slots: HashMap.empty(), chunks: [] }

export const size = ({ slots }: PeerRecordMap<unknown>): number => HashMap.size(slots)

export const get = <A>({ chunks, slots }: PeerRecordMap<A>, id: string): PeerRecord<A> | undefined => {
  const slot = Option.getOrUndefined(HashMap.get(slots, id))
  return slot === undefined ? undefined : chunks[slot >> chunkBits]![slot & (chunkSize - 1)]
}

/** Puts a record in the place of the one with its id, or behind all others. */
export const set = <A>({ chunks, slots }: PeerRecordMap<A>, record: PeerRecord<A>): PeerRecordMap<A> => {
  const existing = Option.getOrUndefined(HashMap.get(slots, record.info.id))
  const slot = existing ?? HashMap.size(slots)
  const index = slot >> chunkBits
  const chunk = chunks[index]?.slice() ?? []
  chunk[slot & (chunkSize - 1)] = record
  const after = chunks.slice()
  after[index] = chunk
  return { slots: existing === undefined ? HashMap.set(slots, record.info.id, slot) : slots, chunks: after }
}

export const values = <A>({ chunks }: PeerRecordMap<A>): ReadonlyArray<PeerRecord<A>> => chunks.flat()

const chunksOf = <A>(records: ReadonlyArray<PeerRecord<A>>) =>
  Array.from({ length: Math.ceil(records.length / chunkSize) }, (_, at) =>
    records.slice(at * chunkSize, (at + 1) * chunkSize)
  )

/** Those that are given, in their order: ids must differ. */
export const from = <A>(records: ReadonlyArray<PeerRecord<A>>): PeerRecordMap<A> => ({
  slots: HashMap.fromIterable(records.map(({ info }, place) => [info.id, place] as const)),
  chunks: chunksOf(records)
})

/** Each record as `change` makes it, or without it where that gives undefined. */
export const filterMap = <A>(
  records: PeerRecordMap<A>,
  change: (record: PeerRecord<A>) => PeerRecord<A> | undefined
): PeerRecordMap<A> => {
  const all = values(records)
  const after = all.map(change)
  const kept = after.filter((record) => record !== undefined)
  if (kept.length < all.length) return from(kept)
  return after.every((record, at) => record === all[at]) ? records : { slots: records.slots, chunks: chunksOf(kept) }
}
