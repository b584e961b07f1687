import { assert, describe, it } from "@effect/vitest"
import * as ReceiveBuffer from "../../../../src/simulation/network/udp/ReceiveBuffer.ts"

/** Payloads at which the memory of a datagram on the loopback interface changes, as Linux 6.18 reports it. */
const measured = {
  IPv4: [
    [0, 832],
    [197, 832],
    [198, 1_280],
    [645, 1_280],
    [646, 2_304],
    [1_669, 2_304],
    [1_670, 4_352],
    [3_717, 4_352],
    [3_718, 8_448],
    [7_813, 8_448],
    [7_814, 16_640],
    [16_004, 16_640],
    [16_005, 16_837],
    [65_507, 66_339]
  ],
  IPv6: [
    [0, 832],
    [184, 832],
    [185, 1_280],
    [632, 1_280],
    [633, 2_304],
    [1_656, 2_304],
    [1_657, 4_352],
    [3_704, 4_352],
    [3_705, 8_448],
    [7_800, 8_448],
    [7_801, 16_640],
    [15_991, 16_640],
    [15_992, 16_824],
    [65_488, 66_320],
    [65_489, 67_144],
    [65_507, 67_144]
  ]
} as const

describe("ReceiveBuffer", () => {
  for (const family of ["IPv4", "IPv6"] as const)
    it(`charges for datagrams of ${family} what Linux does`, () => {
      const charged = measured[family].map(([size]) => [size, ReceiveBuffer.chargeOf(size, family)])
      assert.deepStrictEqual(
        charged,
        measured[family].map((one) => [...one])
      )
    })

  it("charges more than the payload, and never less for a larger one", () => {
    const sizes = Array.from({ length: 65_527 }, (_, size) => size)
    const isWrong = (family: "IPv4" | "IPv6") => (size: number) =>
      ReceiveBuffer.chargeOf(size, family) <= size ||
      ReceiveBuffer.chargeOf(size + 1, family) < ReceiveBuffer.chargeOf(size, family)
    assert.deepStrictEqual([sizes.find(isWrong("IPv4")), sizes.find(isWrong("IPv6"))], [undefined, undefined])
  })

  it("grants twice what is requested, within limits", () => {
    assert.deepStrictEqual(
      [undefined, 0, 1_152, 1_153, 4_194_304, 1e9].map(ReceiveBuffer.granted),
      [212_992, 2_304, 2_304, 2_306, 8_388_608, 8_388_608]
    )
  })
})
