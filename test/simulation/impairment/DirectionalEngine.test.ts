import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Packet } from "../../../src/network/Packet.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as DirectionalEngine from "../../../src/simulation/impairment/DirectionalEngine.ts"

const here = { address: "127.0.0.1", port: 1_000 }
const there = { address: "127.0.0.1", port: 2_000 }

const packet = (direction: DirectionalEngine.Direction): Packet => ({
  ...{ transport: "udp", kind: "datagram", bytes: Uint8Array.of(1, 2, 3, 4) },
  ...(direction === "outbound" ? { from: here, to: there } : { from: there, to: here })
})

/** Returns the verdicts on packets in each direction, in their order. */
const verdicts = (plan: string, order: ReadonlyArray<DirectionalEngine.Direction>) => {
  const engine = DirectionalEngine.make(FaultPlanSyntax.parseUnsafe(plan), { seed: 3 })
  const all = order.map((direction) => ({ direction, verdict: engine.decideFor(direction, packet(direction), 0) }))
  const of = (wanted: DirectionalEngine.Direction) =>
    all
      .filter(({ direction }) => direction === wanted)
      .map(({ verdict }) => ("note" in verdict ? verdict.note : verdict._tag))
  return { outbound: of("outbound"), inbound: of("inbound"), engine }
}

const directions = ["outbound", "inbound"] as const
const Order = Schema.Array(Schema.Literals(directions)).check(Schema.isMinLength(20), Schema.isMaxLength(200))

describe("DirectionalEngine", () => {
  for (const plan of ["drop=30%", "drop=30%, dup=20%, corrupt=10%, delay=1ms..9ms", "truncate=30% 127.0.0.1|*"]) {
    it.prop(
      `the fate of the nth packet in a direction does not depend on the other direction: ${plan}`,
      [Order],
      ([order]) => {
        const sorted = [...order].sort()
        const mixed = verdicts(plan, order)
        const apart = verdicts(plan, sorted)
        assert.deepStrictEqual([mixed.outbound, mixed.inbound], [apart.outbound, apart.inbound])
        assert.deepStrictEqual(mixed.engine.counts(), apart.engine.counts())
      }
    )
  }

  it("the directions have different random choices", () => {
    const order = Array.from({ length: 200 }, (_, index) => directions[index % 2]!)
    const { engine, inbound, outbound } = verdicts("drop=30%", order)
    assert.notDeepEqual(inbound, outbound)
    const dropped = [...inbound, ...outbound].filter((fate) => fate === "drop").length
    assert.deepStrictEqual(engine.counts(), [dropped])
    assert.deepStrictEqual(engine.unused(), [])
  })

  it("the numbers of packets run over both directions", () => {
    const { engine, inbound, outbound } = verdicts("drop=#2..3", ["outbound", "inbound", "outbound", "inbound"])
    assert.deepStrictEqual(
      [outbound, inbound],
      [
        ["Deliver", "drop"],
        ["drop", "Deliver"]
      ]
    )
    assert.deepStrictEqual(engine.counts(), [2])
  })

  it("heal ends the faults of both directions", () => {
    const { engine } = verdicts("drop", ["outbound", "inbound"])
    assert.deepStrictEqual(engine.counts(), [2])
    engine.heal(0)
    for (const direction of directions)
      assert.strictEqual(engine.decideFor(direction, packet(direction), 0)._tag, "Deliver")
  })
})
