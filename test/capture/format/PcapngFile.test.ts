import { assert, describe, it } from "@effect/vitest"
import * as Files from "./CaptureBytes.ts"

const { concat, hex } = Files

describe("pcapng files", () => {
  it("shortens the name of an interface", () => {
    const name = concat(hex("0200 2823"), Files.encode("x".repeat(9_000)), hex("00000000"))
    const file = concat(
      Files.section(),
      Files.networkInterface(101, true, 0, name),
      Files.packet({ bytes: Files.udp(), micros: 0 })
    )
    assert.strictEqual(Files.readSync(file).packets[0]?.host, "x".repeat(1_024))
  })

  it("keeps sections of different byte orders and link types of interfaces apart", () => {
    const [little, big] = [Files.udp("little"), Files.udp("big")]
    const ethernet = concat(new Uint8Array(12), [8, 0], big)
    const { error, packets } = Files.readSync(
      concat(
        Files.pcapng([{ bytes: little, micros: 0 }]),
        Files.section(false),
        Files.networkInterface(101, false),
        Files.networkInterface(1, false),
        Files.packet({ bytes: ethernet, micros: 0 }, false, false, 1),
        Files.simplePacket({ bytes: big, micros: 0 }, false)
      )
    )
    assert.isUndefined(error)
    assert.deepStrictEqual(
      packets.map(({ host, layers, payload }) => [host, layers[0], new TextDecoder().decode(payload)]),
      [
        ["0", "raw", "little"],
        ["1", "eth", "big"],
        ["0", "raw", "big"]
      ]
    )
  })

  it("applies the resolution and the offset of the times of an interface", () => {
    const times = ["09000100 09000000", "09000100 06000000", "09000100 8a000000", "0e000800 e803000000000000"].map(
      (options) => {
        const file = concat(
          Files.section(),
          Files.networkInterface(101, true, 0, hex(`${options} 00000000`)),
          Files.packet({ bytes: Files.udp(), micros: 2_048 })
        )
        return Files.readSync(file).packets[0]?.at
      }
    )
    assert.deepStrictEqual(times, [2_048n, 2_048_000n, 2_000_000_000n, 1_000_002_048_000n])
  })

  it("limits a simple packet to the snap length of interface 0", () => {
    const bytes = Files.udp("hello")
    const file = (snapLength: number) =>
      concat(
        Files.section(),
        Files.networkInterface(101, true, snapLength),
        Files.simplePacket({ bytes: bytes.subarray(0, 30), micros: 0, originalLength: bytes.length })
      )
    const [cut] = Files.readSync(file(30)).packets
    assert.deepInclude(cut, { capturedLength: 30, originalLength: 33 })
    assert.include(cut?.notes ?? [], "no time (simple packet block)")
    assert.include(cut?.notes ?? [], "truncated by the snap length: 30 of 33 bytes")
    assert.strictEqual(Files.readSync(file(29)).packets[0]?.capturedLength, 29)
  })
})
