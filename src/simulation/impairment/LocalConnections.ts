/** Streams with both ends on one impaired network: a fault is to happen to a piece once. */
import type * as Endpoint from "../../network/Endpoint.ts"

/** One end of a stream; `inside` if the other one is ours too: then each decides only about what it sends. */
export interface End {
  inside: boolean
}

/** Ends that closed before the other was known; beyond, the first is forgotten. */
const maxEarly = 1_024

export const nameOf = ({ address, port }: Endpoint.Endpoint) => `${address} ${port}`

/** Which of the streams have both ends here. */
export const make = () => {
  const ends = new Map<string, End>()
  const early = new Map<string, End>()
  const dialled = new Map<string, number>()
  return {
    enter: (near: Endpoint.Endpoint, far: Endpoint.Endpoint): readonly [End, leave: () => void] => {
      const key = `${nameOf(near)} ${nameOf(far)}`
      const mateKey = `${nameOf(far)} ${nameOf(near)}`
      const mate = ends.get(mateKey) ?? early.get(mateKey)
      const end: End = { inside: mate !== undefined }
      if (mate !== undefined) mate.inside = true
      early.delete(mateKey)
      ends.set(key, end)
      const leave = () => {
        if (ends.get(key) === end) ends.delete(key)
        if (end.inside) return
        early.set(key, end)
        if (early.size > maxEarly) early.delete(early.keys().next().value!)
      }
      return [end, leave]
    },
    /** Connecting to an address: whoever is accepted there meanwhile is most likely ours. */
    dial: (to: string, by: 1 | -1) => {
      const count = (dialled.get(to) ?? 0) + by
      if (count === 0) dialled.delete(to)
      else dialled.set(to, count)
    },
    isDialled: (to: string) => dialled.has(to)
  }
}
