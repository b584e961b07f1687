/** Messages between a scan and the threads that connect for it, as arrays of numbers and texts. */
import type { Outcome, Probe } from "./PortTest.ts"

/** Message to a thread. */
export type ToThread =
  /** Tests: `ids` and `ports` side by side, each with the index of its address in `addresses`. */
  | {
      readonly _tag: "Start"
      readonly ids: ReadonlyArray<number>
      readonly ports: ReadonlyArray<number>
      readonly addressIndices: ReadonlyArray<number>
      readonly addresses: ReadonlyArray<string>
    }
  | { readonly _tag: "Cancel"; readonly ids: ReadonlyArray<number> }
  /** Requests `Settled`, after all answers that have arrived. */
  | { readonly _tag: "Settle"; readonly number: number }

/** Message from a thread. */
export type FromThread =
  | {
      readonly _tag: "Answers"
      readonly ids: ReadonlyArray<number>
      readonly outcomes: ReadonlyArray<Outcome>
      readonly rttMillis: ReadonlyArray<number>
    }
  | { readonly _tag: "Settled"; readonly number: number }

/** Encodes tests. */
export const start = (probes: ReadonlyArray<Probe>): ToThread => {
  const indices = new Map<string, number>()
  const indexOf = (address: string) => {
    const known = indices.get(address)
    if (known !== undefined) return known
    indices.set(address, indices.size)
    return indices.size - 1
  }
  const addressIndices = probes.map(({ address }) => indexOf(address))
  return {
    _tag: "Start",
    ids: probes.map(({ id }) => id),
    ports: probes.map(({ port }) => port),
    addressIndices,
    addresses: [...indices.keys()]
  }
}
