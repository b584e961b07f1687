/** Who a peer is: an id that outlives it, and an incarnation that does not. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Network from "../network/Network.ts"

/** One life of a peer. */
export interface Identity {
  readonly id: string
  readonly incarnation: number
}

const mask64 = (1n << 64n) - 1n

const encoder = new TextEncoder()

/** FNV-1a with 64 bits; never 0. */
const fnv1a64 = (bytes: Uint8Array) => {
  let state = 0xcbf29ce484222325n
  for (const byte of bytes) state = ((state ^ BigInt(byte)) * 0x100000001b3n) & mask64
  return (state || 1n).toString(16).padStart(16, "0")
}

/** A peer of the course is known by its name alone. */
export const courseId = (name: string) => `course:${name}`

/** What tunnels have, which have no hardware. */
const zeroMac = "00:00:00:00:00:00"

/**
 * The same id each time for a name on a host, as its hardware address tells; an incarnation by the clock, in
 * microseconds, so that the later one is the greater one.
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
