/** Send rate of one peer in a mesh: one packet per peer and interval, up to its maximum rate. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Simulation from "../../../src/simulation/Simulation.ts"
import * as HostStatus from "../../../src/status/HostStatus.ts"
import * as StatusPeer from "../../../src/status/StatusPeer.ts"
import * as Mesh from "../../../src/status/transport/Mesh.ts"
import { BenchError } from "../child.ts"
import type { Comparison, Measure } from "../harness.ts"

export const ours = "Mesh"

const seconds = 60

/** Addresses without a host: a mesh also sends to unreachable peers. */
const peers = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ address: `10.0.${100 + (n >> 8)}.${n & 255}` }))

const sent = Effect.fnUntraced(function* (count: number, seed: number) {
  const { exit } = yield* Simulation.run(
    Effect.fnUntraced(function* (simulation) {
      const host = yield* simulation.host("one")
      const peer = yield* Effect.provide(
        StatusPeer.make({
          name: "one",
          schema: HostStatus.HostStatus,
          payload: HostStatus.initialPosition,
          transport: Mesh.make({ peers: peers(count) })
        }),
        host.layer
      )
      yield* Effect.sleep(`${seconds} seconds`)
      return (yield* peer.stats).sent
    }),
    { seed }
  )
  return Exit.isSuccess(exit) ? exit.value / seconds : yield* new BenchError({ message: `the mesh: ${exit.cause}` })
})

const measure = (count: number): Measure => {
  let seed = 0
  return {
    name: `sent by one of ${count.toLocaleString("en")} in a mesh`,
    unit: "1/s",
    contestants: [ours],
    lowerIsBetter: true,
    oncePerRound: true,
    sample: () => Effect.suspend(() => Effect.scoped(sent(count - 1, ++seed)))
  }
}

const [small, large] = [measure(20), measure(4_000)]

export const measures: ReadonlyArray<Measure> = [small, large]

export const comparisons: ReadonlyArray<Comparison> = [
  {
    measure: large.name,
    contestant: ours,
    peer: ours,
    peerMeasure: small.name,
    bar: { subject: "figure", comparator: "<=", value: 1_000 }
  }
]
