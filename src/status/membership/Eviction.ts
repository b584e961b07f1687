/**
 * Who has to go when there are too many. Pure.
 *
 * Somebody who makes up thousands of peers a second must not push out those who are there. So those who were heard a
 * few times, over some time, go after all others; and from one address with many peers go more than from one with few.
 */
import type { Row } from "./PeerRecord.ts"

/** Heard less often, a peer is a newcomer. */
const established = 3

/** A full table has room for so large a part of it from one address, however well its peers are known. */
const quota = 4

/** When there is no room, a quarter of the table is made free at once: looking for it is what costs. */
export const share = (maxPeers: number): number => Math.max(1, Math.floor(maxPeers / 4))

const isEstablished = ({ heard, heardAt, known: { interval, startedAt, state } }: Row<unknown>) =>
  (state === "alive" || state === "suspect") && heard >= established && heardAt - startedAt >= interval

/**
 * The rows to take out of a full table, so that there is room: newcomers, the dead, and what is too much from one
 * address, a share of the table at most; from crowded addresses first, there those not heard for longest. If there
 * are none of these, one of the others: least recently heard.
 */
export const evict = <A>(rows: ReadonlyArray<Row<A>>, maxPeers: number): ReadonlyArray<Row<A>> => {
  const crowds = new Map<string, { size: number }>()
  const ranked = rows
    .filter(({ known }) => !known.self)
    .sort((one, other) => other.heardAt - one.heardAt)
    .map((row) => {
      const crowd = crowds.get(row.known.address.address)
      if (crowd === undefined) crowds.set(row.known.address.address, { size: 1 })
      return { row, place: crowd === undefined ? 0 : crowd.size++ }
    })
  const loose = ranked.filter(({ place, row }) => place >= maxPeers / quota || !isEstablished(row))
  if (loose.length === 0) return ranked.slice(-1).map(({ row }) => row)
  return loose
    .sort((one, other) => other.place - one.place || one.row.heardAt - other.row.heardAt)
    .slice(0, share(maxPeers))
    .map(({ row }) => row)
}
