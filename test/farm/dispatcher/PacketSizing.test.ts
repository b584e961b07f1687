import { assert, describe, it } from "@effect/vitest"
import * as PacketSizing from "../../../src/farm/dispatcher/PacketSizing.ts"

const options = { targetMillis: 100, initialSize: 5, workerCount: 2, totalUnits: undefined }

/** Makes the throughput of a worker that has done packets: units and milliseconds. */
const measured = (...packets: ReadonlyArray<readonly [units: number, millis: number]>) => {
  const throughput = PacketSizing.make()
  for (const [units, millis] of packets) PacketSizing.record(throughput, units, millis, options.targetMillis)
  return throughput
}

describe("PacketSizing", () => {
  it("begins with the initial size, grows by a factor of 16, and ends at the target time", () => {
    const sizeAfter = (...packets: ReadonlyArray<readonly [units: number, millis: number]>) =>
      PacketSizing.nextSize(measured(...packets), options, undefined)
    assert.strictEqual(sizeAfter(), 5)
    assert.strictEqual(sizeAfter([5, 0.01]), 80)
    assert.strictEqual(sizeAfter([5, 0]), 80)
    assert.strictEqual(sizeAfter([5, 0.01], [80, 20]), 400)
    assert.strictEqual(sizeAfter([5, 1_000]), 1)
  })

  it("gives each worker ten packets of a short job at least, and smaller ones towards its end", () => {
    const throughput = measured([1_000, 100])
    const sized = (totalUnits: number, remainingUnits: number) =>
      PacketSizing.nextSize(throughput, { ...options, totalUnits }, remainingUnits)
    assert.strictEqual(sized(1_000_000, 1_000_000), 1_000)
    assert.strictEqual(sized(2_000, 2_000), 100)
    assert.strictEqual(sized(1_000_000, 400), 100)
    assert.strictEqual(sized(1_000_000, 1), 62)
  })

  it("estimates from recent packets", () => {
    assert.isUndefined(PacketSizing.estimateMillis(PacketSizing.make(), 10))
    assert.strictEqual(PacketSizing.estimateMillis(measured([10, 20]), 5), 10)
    const slower = measured(...Array.from({ length: 20 }, () => [10, 20] as const), [10, 200], [10, 200], [10, 200])
    assert.isAbove(PacketSizing.estimateMillis(slower, 10)!, 100)
  })

  it("has a window that covers the latency, within the capacity and the bytes", () => {
    const windowOf = (throughput: PacketSizing.Throughput, latencyMillis: number, windowBytes?: number) =>
      PacketSizing.windowSize(throughput, 64, latencyMillis, windowBytes)
    assert.strictEqual(windowOf(measured(), 1_000), 2)
    assert.strictEqual(windowOf(measured([1, 100]), 0), 2)
    assert.strictEqual(windowOf(measured([1, 100]), 250), 4)
    assert.strictEqual(windowOf(measured([1, 0]), 1), 64)
    const large = { ...measured([1, 1]), packetBytes: 1_000 }
    assert.strictEqual(windowOf(large, 40, 8_000), 8)
    assert.strictEqual(windowOf(large, 40, 100), 2)
  })
})
