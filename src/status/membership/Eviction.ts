/**
 * Who has to go when there are too many. Pure.
 *
 * Somebody who makes up thousands of peers a second must not push out those who are there. So those who were heard a
 * few times, over some time, go after all others; and from one address with many peers go more than from one with few.
 */
import type { PeerRecord } from "./PeerRecord.ts"

/** Heard less often, a peer is a newcomer. */
const minEstablishedPackets = 3

/** A full table has room for so large a part of it from one address, however well its peers are known. */
const addressQuotaDivisor = 4

/** When there is no room, a quarter of the table is made free at once: looking for it is what costs. */
export const batchSize = (maxPeers: number): number => Math.max(1, Math.floor(maxPeers / 4))

const isEstablished = ({ received, receivedAt, info: { interval, startedAt, state } }: PeerRecord<unknown>) =>
  (state === "alive" || state === "suspect") && received >= minEstablishedPackets && receivedAt - startedAt >= interval

/**
 * The rows to take out of a full table, so that there is room: newcomers, the dead, and what is too much from one
 * address, a share of the table at most; from crowded addresses first, there those not heard for longest. If there
 * are none of these, one of the others: least recently heard.
 */
export const evict = <A>(records: ReadonlyArray<PeerRecord<A>>, maxPeers: number): ReadonlyArray<PeerRecord<A>> => {
  const addressCounts = new Map<string, { size: number }>()
  const ranked = records
    .filter(({ info }) => !info.self)
    .sort((one, other) => other.receivedAt - one.receivedAt)
    .map((record) => {
      const count = addressCounts.get(record.info.address.address)
      if (count === undefined) addressCounts.set(record.info.address.address, { size: 1 })
      return { record, addressRank: count === undefined ? 0 : count.size++ }
    })
  const evictable = ranked.filter(
    ({ addressRank, record }) => addressRank >= maxPeers / addressQuotaDivisor || !isEstablished(record)
  )
  if (evictable.length === 0) return ranked.slice(-1).map(({ record }) => record)
  return evictable
    .sort((one, other) => other.addressRank - one.addressRank || one.record.receivedAt - other.record.receivedAt)
    .slice(0, batchSize(maxPeers))
    .map(({ record }) => record)
}
