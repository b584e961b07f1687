import { assert, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as PortOrder from "../../../src/inspect/scan/PortOrder.ts"

it.prop(
  "PortOrder.shuffle keeps each port, and its order follows from the seed",
  [Schema.Int, Schema.Int],
  ([seed, other]) => {
    const ports = Array.from({ length: 300 }, (_, index) => index + 1)
    const shuffled = PortOrder.shuffle(ports, seed)
    assert.deepStrictEqual(
      [...shuffled].sort((one, next) => one - next),
      ports
    )
    assert.deepStrictEqual(PortOrder.shuffle(ports, seed), shuffled)
    assert.notDeepEqual(shuffled, ports)
    if (seed >>> 0 !== other >>> 0) assert.notDeepEqual(PortOrder.shuffle(ports, other), shuffled)
  }
)
