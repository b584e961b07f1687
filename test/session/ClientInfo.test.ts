import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { seedFor } from "../../src/session/ClientInfo.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))

describe("Client.seedFor", () => {
  it.effect.prop("spreads the seeds of 1,000 clients over all values, without duplicates", [Seed], ([seed]) =>
    Effect.sync(() => {
      const seeds = Array.from({ length: 1_000 }, (_, id) => seedFor(seed, id + 1))
      assert.strictEqual(new Set(seeds).size, 1_000)
      assert.isTrue(seeds.every((one) => Number.isInteger(one) && one >= 0 && one < 2 ** 32))
      const low = seeds.filter((one) => one < 2 ** 31).length
      assert.isTrue(low > 400 && low < 600, `${low} of 1,000 are in the lower half`)
      assert.notStrictEqual(seeds[0], seedFor(seed ^ 1, 1))
    })
  )
})
