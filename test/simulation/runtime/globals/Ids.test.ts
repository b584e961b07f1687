import { assert, describe, it } from "@effect/vitest"
import * as Snowflake from "effect/cluster/Snowflake"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Simulation from "../../../../src/simulation/Simulation.ts"
import { run } from "../../../support/Simulated.ts"

/** Ids of all kinds that programs take from effect. */
const ids = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  const snowflakes = yield* Snowflake.Generator
  return [
    yield* random.uuidV4(),
    yield* random.uuidV7(),
    yield* random.ulid,
    yield* random.intBetween(0, 1e9),
    [...(yield* random.randomBytes(8))].join(),
    `${snowflakes.nextUnsafe()}`
  ]
}).pipe(Effect.provide(Layer.merge(SecureRandom.layerWebCrypto, Snowflake.layerGenerator)))

const scenario = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
  return [yield* (yield* host("a")).run(ids), yield* (yield* host("b")).run(ids)] as const
})

describe("ids in a run", () => {
  it.effect("come from the seed", () =>
    Effect.gen(function* () {
      const epochMillis = Date.UTC(2026, 5, 1)
      const [one, other] = [yield* run(scenario, "", { epochMillis }), yield* run(scenario, "", { epochMillis })]
      assert.deepStrictEqual(one, other)
      const another = yield* run(scenario, "", { epochMillis, seed: 2 })
      for (const [index, id] of another[0].slice(0, 5).entries()) assert.notStrictEqual(id, one[0][index])
      for (const [index, id] of one[1].slice(0, 5).entries()) assert.notStrictEqual(id, one[0][index])
    })
  )
})
