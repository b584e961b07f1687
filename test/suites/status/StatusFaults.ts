/** Properties of status peers under arbitrary network faults. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Network from "../../../src/network/Network.ts"
import type * as FaultArbitrary from "../../../src/simulation/faults/FaultArbitrary.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusPeer from "../../../src/status/StatusPeer.ts"
import * as TftpChecksum from "../../support/tftp/TftpChecksum.ts"
import { type Load, type LoadPeer, optionsOf, recordChanges, summary } from "./StatusTestNetwork.ts"

const names = ["a", "b", "c", "d"]

/** Any fault of datagrams, and crashes of one host. */
export const faults: FaultArbitrary.Options = {
  hosts: names,
  faultyHosts: ["d"],
  transport: "udp",
  faultPeriod: "20 seconds"
}

/** Drops corrupted packets, as UDP's own checksum does. */
const checked = Layer.effect(Network.Network, Effect.map(Network.Network, TftpChecksum.withChecksum))

interface FaultedPeer {
  readonly name: string
  /** The peer of the current run, and its changes. */
  readonly peer: () => LoadPeer
  readonly changes: Array<Peer.Change<Load>>
}

const start = Effect.fnUntraced(function* (host: SimHost.SimHost) {
  let running: LoadPeer | undefined
  const changes: Array<Peer.Change<Load>> = []
  yield* host.start(
    Effect.gen(function* () {
      const peer = yield* StatusPeer.make(optionsOf(host.name))
      yield* recordChanges(peer, changes)
      running = peer
    }).pipe(Effect.provide(checked))
  )
  const member: FaultedPeer = { name: host.name, peer: () => running!, changes }
  return member
})

export const members = Effect.fnUntraced(function* (simulation: Simulation.Simulation, count = names.length) {
  const hosts = yield* Effect.forEach(names.slice(0, count), (name) => simulation.host(name))
  const all = yield* Effect.forEach(hosts, start)
  return all as ReadonlyArray<FaultedPeer>
})

export const tagsOf = ({ changes }: FaultedPeer, name?: string) =>
  changes.filter(({ peer }) => name === undefined || peer.name === name).map(({ _tag }) => _tag)

const intervalMillis = 1_000

/** Safety: no running peer is declared down under moderate faults. */
export const noFalseDowns = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const all = yield* members(simulation)
  yield* Effect.sleep("2 minutes")
  for (const one of all) {
    assert.notInclude(tagsOf(one), "Down", one.name)
    assert.lengthOf(summary(one.peer()), all.length)
  }
})

/** Changes that some run of the scenario reaches. */
export const sometimes = ["Down", "Restarted", "Suspect"] as const

/** Liveness: three intervals after the faults, all tables are equal and contain the latest payloads. */
export const scenario = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const all = yield* members(simulation)
  yield* Effect.sleep("10 seconds")
  yield* Effect.forEach(all.slice(0, 3), ({ peer }, jobs) => peer().publish({ jobs }))
  // The last fault window has ended by now; delayed packets may still arrive.
  yield* Effect.sleep("11 seconds")
  yield* simulation.heal
  yield* Effect.sleep(3 * intervalMillis)
  for (const { name, peer } of all) {
    assert.deepStrictEqual(summary(peer()), ["a alive 0", "b alive 1", "c alive 2", "d alive 0"], name)
  }
  const seen = new Set(all.flatMap((one) => tagsOf(one)))
  for (const tag of sometimes) yield* simulation.sometimes(tag, seen.has(tag))
})
