/** Scenarios with simulated hosts, for tests. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Network from "../../src/network/Network.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as SimHost from "../../src/simulation/network/SimHost.ts"
import * as Simulation from "../../src/simulation/Simulation.ts"

export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
export const bytes = (text: string) => new TextEncoder().encode(text)

/** Runs a scenario and returns its result; fails if it fails or leaks. */
export const run = Effect.fnUntraced(function* <A, E>(
  scenario: (simulation: Simulation.Simulation) => Effect.Effect<A, E>,
  plan = "",
  options: Simulation.Options = {}
) {
  const report = yield* Simulation.run(scenario, { ...options, plan: FaultPlanSyntax.parseUnsafe(plan) })
  if (Exit.isFailure(report.exit)) return yield* Effect.die(Cause.squash(report.exit.cause))
  assert.deepStrictEqual(report.leaked, { sockets: 0, timers: 0 })
  return report.exit.value
})

/** Virtual milliseconds since the start of the run. */
export const millis = Clock.currentTimeMillis

/** Appends the current time. */
export const tick = (times: Array<number>) => Effect.map(millis, (now) => void times.push(now))

/** Records the datagrams for port 9 of a host, with their times in milliseconds. */
export const listen = Effect.fnUntraced(function* (host: SimHost.SimHost, receiveBuffer?: number) {
  const received: Array<readonly [time: number, text: string]> = []
  const now = yield* Clock.Clock
  yield* host.start(
    Effect.flatMap(Network.Network, (network) =>
      network.udp({ host: "0.0.0.0", port: 9, receiveBuffer }, (data) =>
        received.push([now.currentTimeMillisUnsafe(), text(data)])
      )
    )
  )
  return received
})

/** Sends texts to port 9 of a host, `gap` milliseconds apart. */
export const send = (to: SimHost.SimHost, gap: number, ...texts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0" }, () => {})
    for (const one of texts) {
      yield* socket.send(bytes(one), { address: to.address, port: 9 })
      yield* Effect.sleep(gap)
    }
  })

export const pair = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
  return { a: yield* host("a"), b: yield* host("b") }
})
