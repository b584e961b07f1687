/**
 * Registry of connections whose both ends are on one impaired network, so that a fault applies to each segment once.
 */
import * as Endpoint from "../../network/Endpoint.ts"

/** One end of a connection. If the peer is local too, each end applies the plan only to the data it sends. */
export interface LocalEnd {
  isPeerLocal: boolean
}

/** Limit of ends that closed before their peer registered; beyond it, the oldest is removed. */
const maxClosedEnds = 1_024

/** Returns the key of the direction of a connection from one end to the other. */
export const directionKey = (from: Endpoint.Endpoint, to: Endpoint.Endpoint): string =>
  `${Endpoint.format(from)} ${Endpoint.format(to)}`

/** Creates a registry. */
export const make = () => {
  const ends = new Map<string, LocalEnd>()
  const closedEnds = new Map<string, LocalEnd>()
  const dialledCounts = new Map<string, number>()
  return {
    register: (near: Endpoint.Endpoint, far: Endpoint.Endpoint): readonly [LocalEnd, leave: () => void] => {
      const key = directionKey(near, far)
      const peerKey = directionKey(far, near)
      const peer = ends.get(peerKey) ?? closedEnds.get(peerKey)
      const end: LocalEnd = { isPeerLocal: peer !== undefined }
      if (peer !== undefined) peer.isPeerLocal = true
      closedEnds.delete(peerKey)
      ends.set(key, end)
      const leave = () => {
        if (ends.get(key) === end) ends.delete(key)
        if (end.isPeerLocal) return
        closedEnds.set(key, end)
        if (closedEnds.size > maxClosedEnds) closedEnds.delete(closedEnds.keys().next().value!)
      }
      return [end, leave]
    },
    /** Counts a connection attempt to an address; connections accepted there meanwhile are most likely local. */
    countDialled: (to: string, by: 1 | -1) => {
      const count = (dialledCounts.get(to) ?? 0) + by
      if (count === 0) dialledCounts.delete(to)
      else dialledCounts.set(to, count)
    },
    isDialled: (to: string) => dialledCounts.has(to)
  }
}
