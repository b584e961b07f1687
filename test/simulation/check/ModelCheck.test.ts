/** Services held against models. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type { Endpoint } from "../../../src/network/Endpoint.ts"
import * as Network from "../../../src/network/Network.ts"
import type * as FastCheckRandom from "../../../src/simulation/check/FastCheckRandom.ts"
import type * as Inputs from "../../../src/simulation/check/Inputs.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as Linearizability from "../../../src/simulation/Linearizability.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import type * as SimCheckError from "../../../src/simulation/SimCheckError.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"

const environment = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const failureOf = <A>(check: Effect.Effect<A, SimCheckError.SimCheckError>, env: Record<string, string> = {}) =>
  Effect.orDie(Effect.flip(environment(env)(check)))

type Command = "add" | "read"

const commands = Arbitrary.schema(Schema.Literals(["add", "read"]))

const counter: Linearizability.Spec<number, Command, number> = {
  initial: 0,
  apply: (n, command) => (command === "add" ? [n + 1, n + 1] : [n, n])
}

/** A counter over UDP; the server performs a command again that arrives twice, unless `deduplicates`. */
const server = (deduplicates: boolean) =>
  Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
    const far = yield* host("server")
    let count = 0
    const replies = new Map<string, number>()
    yield* far.start(
      Effect.gen(function* () {
        const socket = yield* (yield* Network.Network).udp({ host: far.address, port: 7 }, ([id, command], from) => {
          const key = `${from.address}:${from.port} ${id}`
          const reply = (deduplicates ? replies.get(key) : undefined) ?? (command === 1 ? ++count : count)
          replies.set(key, reply)
          socket.sendUnsafe(Uint8Array.of(id!, reply), from)
        })
      })
    )
    return { address: far.address, port: 7 }
  })

/** Opens a socket; each command is repeated until its reply comes. */
const connect = Effect.fnUntraced(function* ({ service }: SimCheck.ModelClient<Endpoint>) {
  const replies = yield* Queue.unbounded<Uint8Array>()
  const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0" }, (bytes) => Queue.offerUnsafe(replies, bytes))
  let next = 0
  return Effect.fnUntraced(function* (command: Command) {
    const id = next++
    while (true) {
      yield* socket.send(Uint8Array.of(id, command === "add" ? 1 : 0), service)
      const reply = yield* Effect.timeoutOption(Queue.take(replies), "100 millis")
      if (reply._tag === "Some" && reply.value[0] === id) return reply.value[1]!
    }
  })
})

const check = (deduplicates: boolean, options: SimCheck.Options & { readonly clients?: number }) =>
  SimCheck.model({
    ...options,
    commands,
    model: counter,
    start: server(deduplicates),
    connect,
    run: (command, request) => request(command)
  })

describe("SimCheck.model", () => {
  const plan = "dup=10%, drop=10%, delay=20% 1ms..200ms"

  it.effect("passes for a correct service under faults, with any number of clients", () =>
    Effect.gen(function* () {
      for (const clients of [1, 3]) {
        const summary = yield* environment({})(check(true, { plan, clients, runs: 30 }))
        assert.isAbove(summary.faults, 30)
      }
    })
  )

  it.effect("finds a command that a fault performs twice, and shrinks the commands and the faults", () =>
    Effect.gen(function* () {
      const error = yield* failureOf(check(false, { plan, clients: 2 }))
      const { input, plan: shrunk } = error.failure!
      assert.lengthOf(shrunk, 1)
      assert.isAtMost((JSON.parse(input!) as ReadonlyArray<unknown>).length, 3)
      assert.include(error.message, "not linearizable")
      const env = {
        SIM_SEED: `${error.failure!.seed}`,
        SIM_PLAN: FaultPlanSyntax.format(shrunk),
        SIM_INPUT: input!
      }
      assert.strictEqual((yield* failureOf(check(false, { plan, clients: 2 }), env)).message, error.message)
    })
  )

  it.effect("shows the commands of one client until the first wrong result", () =>
    Effect.gen(function* () {
      const saturated = SimCheck.model({
        commands,
        model: counter,
        start: () => Ref.make(0),
        run: (command, { service }) =>
          command === "read" ? Ref.get(service) : Ref.updateAndGet(service, (n) => Math.min(n + 1, 2))
      })
      const error = yield* failureOf(saturated)
      assert.strictEqual(error.failure!.input, '[[0,"add"],[0,"add"],[0,"add"]]')
      assert.include(
        error.message,
        [
          "ModelMismatch: the service differs from the model at command 3 (at 0s, after no fault)",
          "  add = 1",
          "  add = 2",
          "  add = 2, but the model returns 3\n"
        ].join("\n")
      )
      assert.match(error.message, / {2}0\.000000 +\* +call: add\n/)
      assert.match(error.message, / {2}0\.000000 +\* +return: add = 2\n/)
    })
  )

  it.effect("counts a command that fails as one that may have taken effect", () =>
    Effect.gen(function* () {
      const failing = (fails: (n: number) => boolean) =>
        SimCheck.model({
          commands,
          model: counter,
          runs: 30,
          start: () => Ref.make({ count: 0, calls: 0 }),
          run: (command, { service }) =>
            Effect.gen(function* () {
              const { calls, count } = yield* Ref.updateAndGet(service, ({ calls, count }) => ({
                count: command === "add" && calls % 3 !== 2 ? count + 1 : count,
                calls: calls + 1
              }))
              if (fails(calls)) yield* Effect.fail("failed")
              return count
            })
        })
      // Every third command has no effect, and fails; then that it succeeds without an effect is found.
      yield* environment({})(failing((calls) => calls % 3 === 0))
      assert.strictEqual((yield* failureOf(failing(() => false))).reason._tag, "Failed")
    })
  )

  it.effect("ends commands that never return, after the timeout", () =>
    Effect.gen(function* () {
      const stuck = SimCheck.model({
        commands,
        model: counter,
        start: () => Deferred.make<number>(),
        run: (_, { service }) => Deferred.await(service),
        timeout: "1 second",
        runs: 5
      })
      assert.isAbove((yield* environment({})(stuck)).time, 5e9)
    })
  )

  it.effect("takes commands of fast-check", () =>
    Effect.gen(function* () {
      const words: Inputs.FastCheckArbitrary<Command> = {
        generate: (random: never) => ({
          value: (random as FastCheckRandom.FastCheckRandom).nextBoolean() ? "add" : "read"
        }),
        shrink: () => []
      }
      const lost = SimCheck.model({
        commands: words,
        model: counter,
        clients: 2,
        start: () => Ref.make(0),
        run: (command, { service }) =>
          Effect.gen(function* () {
            const n = yield* Ref.get(service)
            if (command === "read") return n
            yield* Effect.sleep("1 millis")
            yield* Ref.set(service, n + 1)
            return n + 1
          })
      })
      const { failure } = yield* failureOf(lost)
      assert.lengthOf(JSON.parse(failure!.input!) as ReadonlyArray<unknown>, 2)
    })
  )
})
