/** Refusal of invalid options and environment variables of a check, each in one line. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as SimCheck from "../../../src/simulation/SimCheck.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"

const environment = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const passes = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
  yield* host("a")
  yield* host("b")
})

/** Options as a program in JavaScript gives them. */
const options = (given: object): SimCheck.Options => given

const refusal = (check: Effect.Effect<unknown, { readonly reason: { readonly _tag: string }; message: string }>) =>
  Effect.map(Effect.flip(check), ({ message, reason }) => {
    assert.strictEqual(reason._tag, "Misconfigured")
    assert.lengthOf(message.split("\n"), 1)
    return message
  })

const refused = (given: object, env: Record<string, string> = {}) =>
  refusal(environment(env)(SimCheck.check(passes, options(given))))

const whole = /must be a whole number of at least -?\d+ and at most \d+$/

describe("CheckSettings", () => {
  it.effect.each([
    [{ seed: Number.NaN }, /^invalid seed NaN: /, whole],
    [{ seed: 1e300 }, /^invalid seed 1e\+300: /, whole],
    [{ seed: 0.5 }, /^invalid seed 0.5: /, whole],
    [{ seed: Number.MAX_SAFE_INTEGER }, /^invalid seed 9007199254740991: /, whole],
    [{ runs: Number.NaN }, /^invalid runs NaN: /, whole],
    [{ runs: 1.5 }, /^invalid runs 1.5: /, whole],
    [{ runs: Number.POSITIVE_INFINITY }, /^invalid runs Infinity: /, whole],
    [{ preempt: 2 }, /^invalid preempt 2: /, /a number from 0 to 1$/],
    [{ preempt: Number.NaN }, /^invalid preempt NaN: /, /a number from 0 to 1$/],
    [{ epochMillis: Number.NaN }, /^invalid epochMillis NaN: /, /milliseconds/],
    [{ deadline: -5 }, /^invalid deadline -5: /, /a duration/],
    [{ deadline: "soon" }, /^invalid deadline "soon": /, /a duration/],
    [{ globals: "no" }, /^invalid globals "no": /, /"virtual" or "real"$/],
    [{ plan: null }, /^invalid plan null: /, /must be a fault plan/],
    [{ plan: "drop=" }, /^invalid plan: /, /column 6/],
    [{ generate: { hosts: ["nohost"] }, runs: 3 }, /^generate: unknown host nohost: /, /the hosts are a and b$/],
    [{ generate: { faultyHosts: ["x"] }, runs: 3 }, /^generate: unknown host x: /, /a and b$/],
    [{ generate: () => "drop=5%" }, /^generate returned "drop=5%" for seed 1: /, /must be a fault plan$/],
    [{ inputs: { foo: 1 } }, /^invalid inputs \{"foo":1\}: /, /arbitrary/]
  ] as const)("refuses the options %o", ([given, start, end]) =>
    Effect.map(refused(given), (message) => {
      assert.match(message, start)
      assert.match(message, end)
    })
  )

  it.effect("refuses plans that cannot be generated", () =>
    Effect.gen(function* () {
      const generate = () => {
        throw new Error("no plan")
      }
      assert.strictEqual(yield* refused({ generate }), "generate failed for seed 1: no plan")
      const nothing = yield* refused({ generate: { only: ["drop"], except: ["drop"] } })
      assert.match(nothing, /^generate failed for seed 1: .*only/)
    })
  )

  it.effect("refuses commands that are not an arbitrary", () =>
    Effect.gen(function* () {
      const commands = 5 as never
      const model = { initial: 0, apply: (n: number): readonly [number, number] => [n, n] }
      const check = SimCheck.model({ commands, model, start: () => Effect.void, run: () => Effect.succeed(0) })
      assert.match(yield* refusal(environment({})(check)), /^invalid inputs 5: must be an arbitrary/)
    })
  )

  it.effect.each([
    [{ SIM_SEED: "abc" }, 'invalid SIM_SEED "abc": must be a whole number'],
    [{ SIM_SEED: "1e300" }, 'invalid SIM_SEED "1e300": must be a whole number'],
    [{ SIM_SEED: "9007199254740991" }, "invalid SIM_SEED 9007199254740991: must be a whole number"],
    [{ SIM_RUNS: "1.5" }, 'invalid SIM_RUNS "1.5": must be a whole number'],
    [{ SIM_RUNS: "0" }, "invalid SIM_RUNS 0: must be a whole number of at least 1"],
    [{ SIM_PLAN: "drop=" }, "invalid SIM_PLAN: "],
    [{ SIM_INPUT: "[1]" }, "SIM_INPUT is set, but the check has no inputs"],
    [{ SIM_SWITCHES: "99999.7" }, "SIM_SWITCHES never applied: 99999.7; "]
  ] as const)("refuses the environment %o", ([env, expected]) =>
    Effect.map(refused({ runs: 2 }, env as Record<string, string>), (message) => assert.include(message, expected))
  )

  it.effect("names an invalid option of a single run, too", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Simulation.run(passes, { preempt: 2 }))
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) {
        assert.include(Cause.pretty(exit.cause), "invalid preempt 2: must be a number from 0 to 1")
      }
    })
  )
})
