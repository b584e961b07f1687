/** Streams with both ends on one impaired network: a fault is to happen to a piece once. */
import type * as Endpoint from "../../network/Endpoint.ts"

/** One end of a stream; `inside` if the other one is ours too: then each decides only about what it sends. */
export interface LocalEnd {
  isPeerLocal: boolean
}

/** Ends that closed before the other was known; beyond, the first is forgotten. */
const maxClosedEnds = 1_024

export const endpointKey = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

/** Which of the streams have both ends here. */
export const make = () => {
  const ends = new Map<string, LocalEnd>()
  const closedEnds = new Map<string, LocalEnd>()
  const dialledCounts = new Map<string, number>()
  return {
    register: (near: Endpoint.Endpoint, far: Endpoint.Endpoint): readonly [LocalEnd, leave: () => void] => {
      const key = `${endpointKey(near)} ${endpointKey(far)}`
      const peerKey = `${endpointKey(far)} ${endpointKey(near)}`
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
    /** Connecting to an address: whoever is accepted there meanwhile is most likely ours. */
    countDialled: (to: string, by: 1 | -1) => {
      const count = (dialledCounts.get(to) ?? 0) + by
      if (count === 0) dialledCounts.delete(to)
      else dialledCounts.set(to, count)
    },
    isDialled: (to: string) => dialledCounts.has(to)
  }
}
