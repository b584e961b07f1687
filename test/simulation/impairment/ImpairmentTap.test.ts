import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ObservedPacket } from "../../../src/network/Packet.ts"
import { read, readAll, turns, until } from "../../support/Hosts.ts"
import { datagrams, run, type Side, sides, stream } from "./Impaired.ts"

const line = ({ bytes, fault, lost }: ObservedPacket) =>
  `${Buffer.from(bytes)}${fault === undefined ? "" : ` [${fault}]`}${lost ? " lost" : ""}`

/** Packets that the tap reports for a plan, outbound and inbound. */
interface Case {
  readonly plan: string
  readonly count: number
  readonly outbound: ReadonlyArray<string>
  readonly inbound?: ReadonlyArray<string>
}

describe("a tap reports each datagram once, with its fault", () => {
  const cases: ReadonlyArray<Case> = [
    { plan: "drop=#2", count: 3, outbound: ["a", "b [drop] lost", "c", "d"] },
    { plan: "drop=#1..3", count: 1, outbound: ["a [drop] lost", "b [drop] lost", "c [drop] lost", "d"] },
    { plan: "dup=#1", count: 5, outbound: ["a [dup]", "a [dup]", "b", "c", "d"], inbound: ["a [dup]", "b", "c", "d"] },
    {
      plan: "delay=#1 50ms",
      count: 4,
      outbound: ["b", "c", "d", "a [delay=50ms]"],
      inbound: ["a [delay=50ms]", "b", "c", "d"]
    },
    { plan: "reorder=#2", count: 4, outbound: ["a", "c", "b [reorder]", "d"], inbound: ["a", "b [reorder]", "c", "d"] },
    {
      plan: "corrupt=#3:6",
      count: 4,
      outbound: ["a", "b", "a [corrupt=6]", "d"],
      inbound: ["a", "b", "c [corrupt=6]", "d"]
    },
    {
      plan: "truncate=#3:0",
      count: 4,
      outbound: ["a", "b", " [truncate=0]", "d"],
      inbound: ["a", "b", "c [truncate=0]", "d"]
    },
    { plan: "dup=#1, drop=#1", count: 3, outbound: ["a [dup, drop] lost", "b", "c", "d"] },
    { plan: "chunk", count: 4, outbound: ["a", "b", "c", "d"] }
  ]
  for (const { count, inbound, outbound, plan } of cases) {
    it.live.each(sides)(`${plan}, %s impaired`, ([side]) =>
      run(
        Effect.gen(function* () {
          const { received, seen, send } = yield* datagrams(plan, side)
          yield* send("a", "b", "c", "d")
          yield* until(() => received.length >= count)
          yield* turns(5)
          assert.deepStrictEqual(seen.map(line), side === "receiver" ? (inbound ?? outbound) : outbound)
          assert.isTrue(seen.every(({ at }, i) => i === 0 || at >= seen[i - 1]!.at))
        })
      )
    )
  }
})

describe("a tap reports each piece of a stream once, with its fault", () => {
  /** Sends three pieces, each after the previous one has arrived; returns the reported packets after the handshake. */
  const exchange = Effect.fnUntraced(function* (plan: string, side: Side, lengths: ReadonlyArray<number>) {
    const { far, near, seen } = yield* stream(plan, side)
    for (const [i, text] of ["one", "two", "six"].entries()) {
      if (lengths[i] === undefined) continue
      yield* near.write(text)
      yield* read(far, lengths[i]!)
    }
    yield* near.end
    yield* Effect.exit(readAll(far))
    return seen.filter(({ kind }) => kind === "data" || kind === "fin" || kind === "rst")
  })
  const linesOf = (seen: ReadonlyArray<ObservedPacket>) =>
    seen.map((packet) => (packet.kind === "data" ? line(packet) : `${packet.kind.toUpperCase()}${line(packet)}`))
  const cases: ReadonlyArray<Case & { readonly lengths: ReadonlyArray<number> }> = [
    { plan: "drop", count: 0, lengths: [3, 3, 3], outbound: ["one", "two", "six", "FIN"] },
    {
      plan: "delay=#2 5ms",
      count: 0,
      lengths: [3, 3, 3],
      outbound: ["one", "two [delay=5ms]", "six", "FIN"]
    },
    { plan: "stall=#1 5ms", count: 0, lengths: [3, 3, 3], outbound: ["one [stall=5ms]", "two", "six", "FIN"] },
    {
      plan: "chunk=#2:2",
      count: 0,
      lengths: [3, 3, 3],
      outbound: ["one", "tw [chunk=2]", "o", "six", "FIN"],
      inbound: ["one", "two [chunk=2]", "six", "FIN"]
    },
    {
      plan: "cut=4",
      count: 0,
      lengths: [3, 1],
      outbound: ["one", "t [cut=1]", "FIN"],
      inbound: ["one", "two [cut=1]"]
    },
    { plan: "cut=3", count: 0, lengths: [3, 0], outbound: ["one", "FIN [cut]"], inbound: ["one", "two [cut]"] },
    { plan: "reset=3", count: 0, lengths: [3, 0], outbound: ["one", "RST [reset]"], inbound: ["one", "two [reset]"] },
    { plan: "delay=kind=fin 5ms", count: 0, lengths: [3, 3, 3], outbound: ["one", "two", "six", "FIN [delay=5ms]"] }
  ]
  for (const { inbound, lengths, outbound, plan } of cases) {
    it.live.each(sides)(`${plan}, %s impaired`, ([side]) =>
      run(
        Effect.gen(function* () {
          const seen = yield* exchange(plan, side, lengths)
          const expected = side === "receiver" ? (inbound ?? outbound) : outbound
          assert.deepStrictEqual(linesOf(seen).slice(0, expected.length), expected)
        })
      )
    )
  }

  it.live("data stalled for ever are reported as lost", () =>
    run(
      Effect.gen(function* () {
        const { near, seen } = yield* stream("stall=#1", "sender")
        yield* near.write("abc")
        const [data] = seen.filter(({ kind }) => kind === "data")
        assert.strictEqual(data && line(data), "abc [stall] lost")
        yield* near.abort
      })
    )
  )

  it.live("inbound data after a cut are reported as lost", () =>
    run(
      Effect.gen(function* () {
        const { far, near, seen } = yield* stream("cut=#1:1, delay=#1 1ms", "receiver")
        yield* near.write("one")
        assert.strictEqual(`${yield* readAll(far)}`, "o")
        yield* near.write("two")
        yield* until(() => seen.filter(({ kind }) => kind === "data").length === 2)
        assert.deepStrictEqual(seen.filter(({ kind }) => kind === "data").map(line), [
          "one [cut=1, delay=1ms]",
          "two [lost]"
        ])
      })
    )
  )
})
