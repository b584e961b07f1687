import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CaptureLimits from "../../../src/capture/write/CaptureLimits.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** A limit, or none for 0. */
const arbitraryAmounts = Arbitrary.map(
  Arbitrary.all([between(0, 400), between(0, 6), between(0, 40)]),
  ([bytes, packets, nanos]): CaptureLimits.Amounts => ({
    bytes: bytes === 0 ? undefined : bytes,
    packets: packets === 0 ? undefined : packets,
    nanos: nanos === 0 ? undefined : BigInt(nanos)
  })
)

/** Lengths of packets, and the times between them; a negative length is one of a header. */
const arbitraryBlocks = Arbitrary.array(Arbitrary.all([between(-30, 120), between(0, 20)]), { maxLength: 40 })

interface File {
  bytes: number
  readonly packets: Array<{ readonly bytes: number; readonly at: bigint }>
}

const trailerBytes = 7

/** Performs the actions as a writer does. */
const run = (limits: CaptureLimits.Limits, blocks: ReadonlyArray<readonly [bytes: number, gap: number]>) => {
  let state = CaptureLimits.initial
  let headerBytes = 0
  let at = 0n
  let stopped = 0
  const files: Array<File> = [{ bytes: 0, packets: [] }]
  for (const [bytes, gap] of blocks) {
    at += BigInt(gap)
    const isHeader = bytes <= 0
    const event: CaptureLimits.Event = isHeader
      ? { _tag: "Header", bytes: -bytes }
      : { _tag: "Packet", bytes, headerBytes, trailerBytes, at }
    const [next, actions] = CaptureLimits.step(limits, state, event)
    state = next
    for (const action of actions) {
      assert.strictEqual(stopped, 0)
      if (action === "Stop") stopped++
      if (action === "NextFile") files.push({ bytes: headerBytes, packets: [] })
      if (action !== "Write") continue
      files.at(-1)!.bytes += Math.abs(bytes)
      if (!isHeader) files.at(-1)!.packets.push({ bytes, at })
    }
    if (isHeader && stopped === 0) headerBytes -= bytes
  }
  return { files, state, stopped }
}

const spanOf = (packets: File["packets"]) => packets.at(-1)!.at - packets[0]!.at

describe("CaptureLimits", () => {
  it.effect.prop(
    "writes a prefix of the packets, each once, and stops once",
    [arbitraryAmounts, arbitraryAmounts, arbitraryBlocks],
    ([file, total, blocks]) =>
      Effect.sync(() => {
        const { files, state, stopped } = run({ file, total }, blocks)
        const written = files.flatMap(({ packets }) => packets.map(({ bytes }) => bytes))
        const given = blocks.map(([bytes]) => bytes).filter((bytes) => bytes > 0)
        assert.deepStrictEqual(written, given.slice(0, written.length))
        assert.strictEqual(stopped === 1, state.reached !== undefined)
        if (stopped === 0) assert.strictEqual(written.length, given.length)
        assert.strictEqual(state.files, files.length)
      })
  )

  it.effect.prop(
    "no file exceeds its limits, except one of a single packet, and none is empty but the last",
    [arbitraryAmounts, arbitraryBlocks],
    ([file, blocks]) =>
      Effect.sync(() => {
        const { files } = run({ file }, blocks)
        for (const { bytes, packets } of files) {
          if (files.length > 1) assert.isAbove(packets.length, 0)
          assert.isAtMost(packets.length, file.packets ?? Number.POSITIVE_INFINITY)
          const headers = blocks.some(([length]) => length <= 0)
          // A header between two packets of a file is not counted before it comes.
          if (packets.length > 1 && !headers)
            assert.isAtMost(bytes + trailerBytes, file.bytes ?? Number.POSITIVE_INFINITY)
          if (packets.length > 1 && file.nanos !== undefined)
            assert.isBelow(Number(spanOf(packets)), Number(file.nanos))
        }
      })
  )

  it.effect.prop(
    "the whole capture does not exceed its limits",
    [arbitraryAmounts, arbitraryAmounts, arbitraryBlocks],
    ([file, total, blocks]) =>
      Effect.sync(() => {
        const { files, state } = run({ file, total }, blocks)
        const packets = files.flatMap(({ packets }) => packets)
        assert.isAtMost(packets.length, total.packets ?? Number.POSITIVE_INFINITY)
        if (packets.length > 0 && total.nanos !== undefined)
          assert.isBelow(Number(spanOf(packets)), Number(total.nanos))
        if (blocks.some(([length]) => length <= 0)) return
        const bytes = files.reduce((sum, file) => sum + file.bytes + trailerBytes, 0)
        if (packets.length > 0) assert.isAtMost(bytes, total.bytes ?? Number.POSITIVE_INFINITY)
        if (total.packets !== undefined && packets.length === total.packets)
          assert.strictEqual(state.reached, "packets")
      })
  )

  it("stops when its time is over without a packet", () => {
    const [state, actions] = CaptureLimits.step({}, CaptureLimits.initial, { _tag: "TimeOut" })
    assert.deepStrictEqual([state.reached, actions], ["time", ["Stop"]])
    assert.deepStrictEqual(CaptureLimits.step({}, state, { _tag: "TimeOut" })[1], [])
  })
})
