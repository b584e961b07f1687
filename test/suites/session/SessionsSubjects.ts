/** Concurrency models under test, on the host's loopback and on a simulated LAN. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type * as ConcurrencyModel from "../../../src/session/ConcurrencyModel.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Handles from "../../support/Handles.ts"
import { Hosts } from "../../support/Hosts.ts"
import * as Sessions from "../../support/Sessions.ts"

/** A concurrency model under test. */
export interface Subject {
  readonly serve: <S, Ask, Message>(
    program: ConcurrencyModel.LoadableProgram<S, Ask, Message>,
    options: ConcurrencyModel.Options
  ) => Effect.Effect<ConcurrencyModel.SessionServer, unknown, Network.Network | Scope.Scope>
  readonly traits: Traits
  /** Registers a test, which runs in the time of its network. */
  readonly test: (name: string, body: Effect.Effect<void, unknown, Hosts | Scope.Scope>) => void
}

/** Differences between models. */
export interface Traits {
  /** Number of clients that are served at the same time; further clients wait. */
  readonly maxConcurrentClients: number
  /** One server counts the clients: `maxConnections` and the stats are exact at any time. */
  readonly hasExactLimit: boolean
  /** Number of clients in a test with many: smaller where each costs a process. Default 60. */
  readonly manyClients?: number
}

/** Starts a server of the test session on the server's host. */
export const start = Effect.fnUntraced(function* (
  serve: Subject["serve"],
  session: Sessions.Options = {},
  options: Partial<ConcurrencyModel.Options> = {},
  shared = Sessions.makeShared().shared
) {
  const { server } = yield* Hosts
  const where = { host: server.address, port: 0, drain: "1 second", ...options } as ConcurrencyModel.Options
  const program = Sessions.makeProgram(session, shared)
  return yield* Effect.provideService(serve(program, where), Network.Network, server.network)
})

/** Registers a test on real sockets, in real time. */
export const onLoopback: Subject["test"] = (name, body) =>
  it.live(name, () =>
    Handles.assertNoLeaks(
      body.pipe(Effect.scoped, Effect.provide(Hosts.one(NodeNetwork.layer)), Effect.timeout("50 seconds"))
    )
  )

/** Registers a test on two simulated hosts, in virtual time, after which no socket or timer is left. */
export const onSimulation: Subject["test"] = (name, body) =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const report = yield* Simulation.run(
        Effect.fnUntraced(function* (simulation) {
          const at = Effect.fnUntraced(function* (name: string) {
            const host = yield* simulation.host(name)
            return { network: yield* Effect.provide(Network.Network, host.layer), address: host.address }
          })
          const hosts = { server: yield* at("server"), client: yield* at("client"), turn: Effect.sleep("1 millis") }
          yield* body.pipe(Effect.scoped, Effect.provideService(Hosts, Hosts.of(hosts)))
        })
      )
      if (Exit.isFailure(report.exit)) return yield* Effect.failCause(report.exit.cause)
      assert.deepStrictEqual(report.leaked, { sockets: 0, timers: 0 })
    })
  )

export const traits = {
  iterative: { maxConcurrentClients: 1, hasExactLimit: true },
  fibers: { maxConcurrentClients: Infinity, hasExactLimit: true },
  select: { maxConcurrentClients: Infinity, hasExactLimit: true }
} satisfies Record<string, Traits>
