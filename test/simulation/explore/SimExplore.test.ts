import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Network from "../../../src/network/Network.ts"
import * as Explorer from "../../../src/simulation/explore/Explorer.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as SimCheckError from "../../../src/simulation/SimCheckError.ts"
import * as SimExplore from "../../../src/simulation/SimExplore.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"

const environment = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

/** Sends twelve blocks in stop and wait; fails if losses and duplicates alternate `depth` times with none too many. */
const alternation = (depth: number) =>
  Effect.fnUntraced(function* ({ host, sometimes }: Simulation.Simulation, blocks = 12) {
    const [a, b] = [yield* host("a"), yield* host("b")]
    let level = 0
    yield* b.start(
      Effect.gen(function* () {
        let wanted = 0
        const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0", port: 9 }, ([block], from) => {
          if (block === wanted) wanted++
          socket.sendUnsafe(Uint8Array.of(wanted), from)
        })
      })
    )
    const send = Effect.gen(function* () {
      const answers: Array<number> = []
      const socket = yield* (yield* Network.Network).udp({ host: "0.0.0.0" }, ([n]) => answers.push(n!))
      for (let next = 0; next < blocks; ) {
        yield* socket.send(Uint8Array.of(next), { address: b.address, port: 9 })
        yield* Effect.sleep("100 millis")
        const { length } = answers
        next = Math.max(next, ...answers.splice(0))
        if (length === 1) continue
        level = (level % 2 === 0) === (length === 0) ? level + 1 : Math.max(0, level - 1)
        yield* sometimes(`level ${level}`)
      }
    })
    yield* a.run(send)
    if (level >= depth) yield* Effect.fail(new Error(`level ${level}`))
  })

const options: SimExplore.Options = {
  generate: { hosts: ["a", "b"], transport: "udp", faultPeriod: "2 seconds", only: ["drop", "dup", "delay"] },
  runs: 3_000
}

const explore = (depth: number, more: SimExplore.Options) =>
  environment({})(SimExplore.explore((simulation) => alternation(depth)(simulation), { ...options, ...more }))

const failureOf = (exploration: Effect.Effect<SimExplore.Summary, SimCheckError.SimCheckError>) =>
  Effect.map(Effect.flip(exploration), (error) => error.failure!)

/** Returns the number of runs until the failure is found. */
const runsToFailure = Effect.fnUntraced(function* (seed: number, fresh: number) {
  const explorer = yield* Explorer.make((simulation) => alternation(5)(simulation), { ...options, seed, fresh })
  for (let runs = 1; runs <= options.runs!; runs++) {
    if ((yield* explorer.step).failure !== undefined) return runs
  }
  return Number.POSITIVE_INFINITY
}, environment({}))

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1]!

describe("SimExplore", () => {
  it.live("finds a failure that needs five faults in order in fewer runs than independent runs do", () =>
    Effect.gen(function* () {
      const seeds = Array.from({ length: 9 }, (_, index) => 100_000 * (index + 1))
      const explored = yield* Effect.forEach(seeds, (seed) => runsToFailure(seed, 0.25))
      const independent = yield* Effect.forEach(seeds, (seed) => runsToFailure(seed, 1))
      assert.isBelow(median(explored), median(independent), `${explored} and ${independent}`)
    })
  )

  it.live("makes the same runs for the same options", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* explore(99, { runs: 150 }), yield* explore(99, { runs: 150 })]
      assert.deepStrictEqual(one.corpus, other.corpus)
      assert.isAbove(one.corpus.length, 5)
      assert.isBelow(one.corpus.length, 150)
      assert.strictEqual(one.features, other.features)
    })
  )

  it.live("continues with the corpus of an earlier exploration", () =>
    Effect.gen(function* () {
      const { corpus, features } = yield* explore(99, { runs: 300 })
      const again = yield* explore(99, { runs: corpus.length, corpus })
      const anew = yield* explore(99, { runs: corpus.length })
      assert.isAtLeast(again.features, 0.9 * features)
      assert.isBelow(anew.features, again.features)
    })
  )

  it.live("explains a failure, whose line repeats it", () =>
    Effect.gen(function* () {
      const { command, faults, plan, seed } = yield* failureOf(explore(3, {}))
      assert.isAtMost(faults, 3)
      const env = { SIM_SEED: `${seed}`, SIM_PLAN: FaultPlanSyntax.format(plan) }
      assert.include(command, `SIM_SEED=${seed}`)
      const exploration = SimExplore.explore((simulation) => alternation(3)(simulation), options)
      const again = yield* failureOf(environment(env)(exploration))
      assert.deepStrictEqual(again.plan, plan)
    })
  )

  it.live("explores inputs, which are shrunk with the faults, and in the line that repeats it", () =>
    Effect.gen(function* () {
      const inputs = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })))
      const exploration = SimExplore.explore(alternation(4), { ...options, inputs, seed: 7 })
      const { input, plan, seed } = yield* failureOf(environment({})(exploration))
      assert.isBelow(Number(input), 12)
      const env = { SIM_SEED: `${seed}`, SIM_PLAN: FaultPlanSyntax.format(plan), SIM_INPUT: input! }
      const again = yield* failureOf(environment(env)(exploration))
      assert.strictEqual(again.input, input)
    })
  )

  it.live("fails if a state is never reached", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(explore(99, { runs: 20, sometimes: ["level 99"] }))
      assert.match(error.message, /^no run reached "level 99"/)
    })
  )
})
