/** Who the clients of a session are. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import type * as Network from "../network/Network.ts"
import type { Client } from "./Session.ts"

/**
 * What follows from a seed for the client of a number: 0 to 2^32 - 1. Neighbouring numbers have nothing in common
 * (the finalizer of murmur3).
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

/** The client of a connection; without a seed its chances are real ones. @category constructors @since 0.1.0 */
export const make = (connection: Network.Connection, id: number, seed: number | undefined): Effect.Effect<Client> => {
  const remote = NetAddress.formatSocketAddress(connection.remote)
  return seed === undefined
    ? Effect.map(Random.next, (random) => ({ id, remote, seed: Math.floor(random * 2 ** 32) }))
    : Effect.succeed({ id, remote, seed: seedFor(seed, id) })
}
