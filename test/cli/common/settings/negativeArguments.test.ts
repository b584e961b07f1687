import { assert, describe, it } from "@effect/vitest"
import * as negativeArguments from "../../../../src/cli/common/settings/negativeArguments.ts"

describe("negativeArguments", () => {
  it("marks what begins with a minus and a digit, up to --", () => {
    const args = ["primes", "count", "-5..10", "-o", "--json", "-", "-.5", "--", "-5..10"]
    const encoded = negativeArguments.encode(args)
    assert.deepStrictEqual(
      encoded.map((arg, index) => arg !== args[index]),
      [false, false, true, false, false, false, true, false, false]
    )
    assert.isTrue(encoded.every((arg, index) => arg === args[index] || !arg.startsWith("-")))
    assert.deepStrictEqual(encoded.map(negativeArguments.decode), args)
  })
})
