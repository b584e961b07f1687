/** Inputs, preemptions and faults of a check, shrunk together. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Network from "../../../src/network/Network.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import type * as SimCheckError from "../../../src/simulation/SimCheckError.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"

const environment = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const failureOf = <A>(
  check: Effect.Effect<A, SimCheckError.SimCheckError>,
  env: Record<string, string> = {}
): Effect.Effect<SimCheckError.SimCheckError> => Effect.orDie(Effect.flip(environment(env)(check)))

/** Sends numbers from one host to another; returns those that arrived, in their order. */
const transfer = Effect.fnUntraced(function* ({ host }: Simulation.Simulation, values: ReadonlyArray<number>) {
  const [a, b] = [yield* host("a"), yield* host("b")]
  const received: Array<number> = []
  yield* b.start(
    Effect.flatMap(Network.Network, ({ udp }) => udp({ host: b.address, port: 9 }, ([n]) => received.push(n!)))
  )
  yield* a.run(
    Effect.gen(function* () {
      const socket = yield* (yield* Network.Network).udp({ host: a.address }, () => {})
      for (const value of values) {
        yield* socket.send(Uint8Array.of(value), { address: b.address, port: 9 })
        yield* Effect.sleep("10 millis")
      }
    })
  )
  yield* Effect.sleep("1 second")
  return received
})

const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
const inputs = Arbitrary.array(Arbitrary.schema(Byte), { maxLength: 20 })

/** Fails if a large number arrives twice: it needs an input and a fault. */
const largeOnce = Effect.fnUntraced(function* (simulation: Simulation.Simulation, values: ReadonlyArray<number>) {
  const received = yield* transfer(simulation, [...new Set(values)])
  const twice = received.find((value, at) => value >= 100 && received.indexOf(value) !== at)
  if (twice !== undefined) yield* Effect.fail(new Error(`${twice} arrived twice`))
})

const plan = "dup=30%, drop=10%, delay=20% 1ms..5ms"

/** Returns the environment variables of the line that repeats a failure. */
const environmentOf = ({ failure }: SimCheckError.SimCheckError): Record<string, string> => ({
  SIM_SEED: `${failure!.seed}`,
  SIM_PLAN: FaultPlanSyntax.format(failure!.plan) || "none",
  ...(failure!.input === undefined ? {} : { SIM_INPUT: failure!.input }),
  ...(failure!.switches === undefined ? {} : { SIM_SWITCHES: failure!.switches })
})

describe("SimCheck with inputs", () => {
  it.effect("shrinks the input and the faults together", () =>
    Effect.gen(function* () {
      const error = yield* failureOf(SimCheck.check(largeOnce, { inputs, plan }))
      assert.deepStrictEqual(
        [error.failure!.input, FaultPlanSyntax.format(error.failure!.plan)],
        ["[100]", "dup=#1 a>b"]
      )
      assert.match(error.message, /^100 arrived twice \(at .*\n\n {2}input: \[100\]\n\n/)
      assert.include(error.message, `SIM_PLAN='dup=#1 a>b' SIM_INPUT='[100]' npx vitest run `)
    })
  )

  it.effect("repeats the failure from the printed input", () =>
    Effect.gen(function* () {
      const found = yield* failureOf(SimCheck.check(largeOnce, { inputs, plan }))
      const again = yield* failureOf(SimCheck.check(largeOnce, { inputs, plan }), environmentOf(found))
      assert.strictEqual(again.message, found.message)
      const other = { ...environmentOf(found), SIM_INPUT: "[99]" }
      assert.deepInclude(yield* environment(other)(SimCheck.check(largeOnce, { inputs, plan })), { runs: 1, faults: 1 })
    })
  )

  it.effect("repeats an input without a JSON form by its position", () =>
    Effect.gen(function* () {
      const bytes = Arbitrary.map(inputs, (values) => Uint8Array.from(values))
      const scenario = (simulation: Simulation.Simulation, values: Uint8Array) => largeOnce(simulation, [...values])
      const found = yield* failureOf(SimCheck.check(scenario, { inputs: bytes, plan }))
      assert.match(found.failure!.input!, /^~\d+(\.\d+)*$/)
      assert.include(found.message, "\n  input: bytes(64)\n")
      const again = yield* failureOf(SimCheck.check(scenario, { inputs: bytes, plan }), environmentOf(found))
      assert.strictEqual(again.reason.message, "100 arrived twice")
      assert.strictEqual(again.failure!.input, found.failure!.input)
    })
  )

  it.effect("takes the same input for the same seed", () =>
    Effect.gen(function* () {
      const seen: Array<ReadonlyArray<number>> = []
      const record = (_: Simulation.Simulation, values: ReadonlyArray<number>) => Effect.sync(() => seen.push(values))
      yield* environment({})(SimCheck.check((s, i) => Effect.asVoid(record(s, i)), { inputs, runs: 20 }))
      const first = seen.splice(0).filter((_, at) => at % 2 === 0)
      yield* environment({ SIM_SEED: "7" })(SimCheck.check((s, i) => Effect.asVoid(record(s, i)), { inputs }))
      assert.deepStrictEqual(seen, [first[6], first[6]])
      assert.isAbove(new Set(first.map((values) => values.length)).size, 5)
    })
  )

  it.effect.each([
    [{ SIM_INPUT: "{" }, 'invalid SIM_INPUT "{"'],
    [{ SIM_INPUT: "~99999", SIM_SEED: "1" }, "seed 1 has no such input"],
    [{ SIM_SWITCHES: "x" }, 'invalid SIM_SWITCHES "x"']
  ] as const)("rejects %o", ([env, expected]) =>
    Effect.gen(function* () {
      const error = yield* failureOf(SimCheck.check(largeOnce, { inputs }), env as unknown as Record<string, string>)
      assert.strictEqual(error.reason._tag, "Misconfigured")
      assert.include(error.message, expected)
    })
  )

  it.effect("shrinks the preemptions, and repeats them", () =>
    Effect.gen(function* () {
      const lost = Effect.fnUntraced(function* () {
        const counter = yield* Ref.make(0)
        const add = Effect.flatMap(Ref.get(counter), (n) => Ref.set(counter, n + 1))
        yield* Effect.all([add, add, add], { concurrency: "unbounded" })
        const count = yield* Ref.get(counter)
        if (count < 3) yield* Effect.fail(new Error(`${count} of 3`))
      })
      const found = yield* failureOf(SimCheck.check(lost, { preempt: 0.3 }))
      assert.match(found.failure!.switches!, /^\d+\.\d+$/)
      assert.include(found.message, `SIM_SWITCHES=${found.failure!.switches} npx`)
      const again = yield* failureOf(SimCheck.check(lost, { preempt: 0.3 }), environmentOf(found))
      assert.strictEqual(again.message, found.message)
      const none = { ...environmentOf(found), SIM_SWITCHES: "none" }
      assert.deepInclude(yield* environment(none)(SimCheck.check(lost, { preempt: 0.3 })), { runs: 1 })
    })
  )
})
