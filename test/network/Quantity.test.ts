import { assert, it } from "@effect/vitest"
import * as Quantity from "../../src/network/Quantity.ts"

it("Quantity.format uses the plural for any number but 1", () => {
  assert.deepStrictEqual(
    [0, 1, 2].map((count) => Quantity.format(count, "packet")),
    ["0 packets", "1 packet", "2 packets"]
  )
  assert.strictEqual(Quantity.format(2, "guess", "guesses"), "2 guesses")
})
