/**
 * The client of a session: its number, address and seed.
 *
 * **Example** (Seeds)
 *
 * ```ts
 * import { ClientInfo } from "effect-inet/session"
 *
 * const seeds = [1, 2, 3].map((id) => ClientInfo.seedFor(7, id))
 * new Set(seeds).size // => 3
 * ClientInfo.seedFor(7, 1) === seeds[0] // => true
 * ```
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import type * as Network from "../network/Network.ts"
import type { ClientInfo } from "./Session.ts"

/**
 * Returns the seed of client `id`, 0 to 2^32 - 1, for a server with the seed `seed`.
 *
 * The finalizer of murmur3 mixes both numbers, so that the seeds of neighbouring clients are unrelated.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seedFor = (seed: number, id: number): number => {
  let mixed = (Math.imul(seed | 0, 0x9e3779b1) + Math.imul(id | 0, 0x85ebca6b)) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/**
 * Returns the client of a connection. Its seed follows from the server's `seed`, or comes from `Random` if that is
 * undefined.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  connection: Network.Connection,
  id: number,
  seed: number | undefined
): Effect.Effect<ClientInfo> => {
  const remote = NetAddress.formatSocketAddress(connection.remote)
  return seed === undefined
    ? Effect.map(Random.next, (random) => ({ id, remote, seed: Math.floor(random * 2 ** 32) }))
    : Effect.succeed({ id, remote, seed: seedFor(seed, id) })
}
