/**
 * Eviction from a full peer table. Pure.
 *
 * A sender of thousands of forged ids a second must not evict the real peers. So peers with several packets over some
 * time are evicted last, and addresses with many peers lose more of them than addresses with few.
 */
import type { PeerRecord } from "./PeerRecord.ts"

/** Packets of one incarnation from which a peer counts as established. */
const minEstablishedPackets = 3

/** Share of a full table that one address may hold, as a divisor, even if all its peers are established. */
const addressQuotaDivisor = 4

/** Returns the number of records to evict at once: a quarter of the table, since the search is the expensive part. */
export const batchSize = (maxPeers: number): number => Math.max(1, Math.floor(maxPeers / 4))

const isEstablished = ({ received, receivedAt, info: { interval, startedAt, state } }: PeerRecord<unknown>) =>
  (state === "alive" || state === "suspect") && received >= minEstablishedPackets && receivedAt - startedAt >= interval

/**
 * Returns the records to remove from a full table, at most `batchSize`. First come peers that are not established,
 * `down` or `left`, and those beyond the quota of their address: the most crowded addresses first, then the least
 * recently received. If there are none, one other peer: the least recently received.
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
