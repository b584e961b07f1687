import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Network from "../../../src/network/Network.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

/** Two hosts that each send two packets to a server, which increments a counter in a fiber per packet. */
const counted = (add: (counter: Ref.Ref<number>) => Effect.Effect<void>) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    const server = yield* simulation.host("server")
    const counter = yield* Ref.make(0)
    const inbox = yield* Queue.unbounded<void>()
    const listens = Effect.flatMap(Network.Network, (network) =>
      network.udp({ host: server.address, port: 9 }, () => void Queue.offerUnsafe(inbox, undefined))
    )
    yield* server.start(listens)
    yield* server.start(Effect.forever(Effect.flatMap(Queue.take(inbox), () => Effect.forkChild(add(counter)))))
    for (const name of ["a", "b"]) {
      const host = yield* simulation.host(name)
      yield* host.start(
        Effect.gen(function* () {
          const socket = yield* (yield* Network.Network).udp({ host: host.address }, () => {})
          for (const text of ["1", "2"]) yield* socket.send(bytes(text), { address: server.address, port: 9 })
          yield* Effect.never
        })
      )
    }
    yield* Effect.sleep("1 second")
    const count = yield* Ref.get(counter)
    return yield* count === 4 ? Effect.void : Effect.fail(new Error(`${count} of 4 packets were counted`))
  })

const racy = counted((counter) => Effect.flatMap(Ref.get(counter), (n) => Ref.set(counter, n + 1)))
const atomic = counted((counter) => Ref.update(counter, (n) => n + 1))

const withoutEnvironment = Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: {} }))

describe("preempt in a simulation", () => {
  it.effect("finds a race of fibers that the network alone does not show", () =>
    Effect.gen(function* () {
      yield* withoutEnvironment(SimCheck.check(racy, { runs: 50 }))
      const error = yield* Effect.flip(withoutEnvironment(SimCheck.check(racy, { runs: 50, preempt: 0.2 })))
      assert.match(error.message, /^[123] of 4 packets were counted \(at 1s, after no fault\)\n[\s\S]*\bSIM_SEED=\d+/)
    })
  )

  it.effect("finds no failure with an atomic update, and repeats every run", () =>
    withoutEnvironment(SimCheck.check(atomic, { runs: 50, preempt: 0.2 }))
  )

  it.effect("gives the same result for the same seed", () =>
    Effect.gen(function* () {
      const results = new Set<string>()
      for (let seed = 1; seed <= 30; seed++) {
        const [one, other] = yield* Effect.all([
          Simulation.run(racy, { seed, preempt: 0.3 }),
          Simulation.run(racy, { seed, preempt: 0.3 })
        ])
        assert.strictEqual(JSON.stringify(one.exit), JSON.stringify(other.exit))
        results.add(Exit.isSuccess(one.exit) ? "right" : "wrong")
      }
      assert.sameMembers([...results], ["right", "wrong"])
    })
  )
})
