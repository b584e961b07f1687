/** The identity of a peer: an id that survives restarts, and an incarnation that identifies one run. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Network from "../network/Network.ts"

/** Identity of one run of a peer. */
export interface Identity {
  readonly id: string
  readonly incarnation: number
}

const uint64Mask = (1n << 64n) - 1n

const encoder = new TextEncoder()

/** Hashes bytes with 64-bit FNV-1a; never returns 0, which is not a valid id. */
const fnv1a64 = (bytes: Uint8Array) => {
  let state = 0xcbf29ce484222325n
  for (const byte of bytes) state = ((state ^ BigInt(byte)) * 0x100000001b3n) & uint64Mask
  return (state || 1n).toString(16).padStart(16, "0")
}

/** Returns the id of a peer of the course, which has only a name. */
export const courseId = (name: string) => `course:${name}`

/** Hardware address that interfaces without hardware report, such as tunnels. */
const zeroMac = "00:00:00:00:00:00"

/**
 * Creates the identity of a peer. The id is a hash of its name and the host's hardware address, so that it survives
 * restarts. The incarnation is the start time in microseconds, so that a later run has a greater one.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly name: string
  readonly id?: string | undefined
  readonly course: boolean
}): Effect.fn.Return<Identity, never, Network.Network> {
  const { course, name } = options
  if (course) return { id: courseId(name), incarnation: 0 }
  const interfaces = yield* (yield* Network.Network).interfaces
  const mac = interfaces.find(({ loopback, mac }) => !loopback && mac !== zeroMac)?.mac ?? ""
  const id = options.id ?? fnv1a64(encoder.encode(`${mac}\0${name}`))
  const startedAtMicros = (yield* Clock.currentTimeNanos) / 1_000n
  return { id, incarnation: Number(startedAtMicros > 0n ? startedAtMicros : 0n) }
})
