import { assert, describe, it } from "@effect/vitest"
import type * as Packet from "../../../src/network/Packet.ts"
import * as TcpArrows from "../../../src/web/lab/TcpArrows.ts"

const link = { latencyNanos: 20e6, nanosPerByte: 0 }

const segment = (kind: Packet.Kind, atMillis: number, arrivesMillis: number | undefined): TcpArrows.Segment => ({
  packet: {
    transport: "tcp",
    kind,
    from: { address: "10.0.0.1", port: 40_000 },
    to: { address: "10.0.0.2", port: 1_067 },
    bytes: new Uint8Array(3),
    at: BigInt(atMillis * 1e6),
    host: "client",
    ...(arrivesMillis !== undefined && { arrives: BigInt(arrivesMillis * 1e6) })
  },
  path: "40000>1067",
  departedAt: atMillis * 1e6
})

const timesOf = (copies: ReadonlyArray<TcpArrows.Copy>) =>
  copies.map(({ arrivesMillis, heldMillis, sentMillis }) => [sentMillis, arrivesMillis, heldMillis])

describe("TcpArrows", () => {
  it("returns one arrow for a segment that arrives at once", () => {
    assert.deepStrictEqual(TcpArrows.make(link)(segment("data", 5, 25)), [
      { sentMillis: 5, arrivesMillis: 25, lost: false, isRepetition: false }
    ])
  })

  it("returns the lost copies of a segment, which a doubling timeout sends again", () => {
    const copies = TcpArrows.make(link)(segment("data", 5, 25 + 600))
    assert.deepStrictEqual(timesOf(copies), [
      [5, undefined, undefined],
      [205, undefined, undefined],
      [605, 625, undefined]
    ])
    assert.deepStrictEqual(
      copies.map(({ isRepetition, lost }) => [lost, isRepetition]),
      [
        [true, false],
        [true, true],
        [false, true]
      ]
    )
  })

  it("keeps a segment behind a lost one until that arrives", () => {
    const arrows = TcpArrows.make(link)
    arrows(segment("data", 0, 220))
    assert.deepStrictEqual(timesOf(arrows(segment("data", 10, 220))), [[10, 30, 220]])
    assert.deepStrictEqual(timesOf(arrows(segment("fin", 20, 420))), [
      [20, undefined, undefined],
      [400, 420, undefined]
    ])
  })

  it("does not keep an ACK behind a lost segment", () => {
    const arrows = TcpArrows.make(link)
    arrows(segment("data", 0, 220))
    assert.deepStrictEqual(timesOf(arrows(segment("ack", 10, 30))), [[10, 30, undefined]])
  })

  it("returns one lost arrow for a segment that never arrives", () => {
    assert.deepStrictEqual(timesOf(TcpArrows.make(link)(segment("syn", 1_000, undefined))), [
      [1_000, undefined, undefined]
    ])
  })
})
