import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ObservedPacket } from "../../../src/network/Packet.ts"
import { read, readAll, turns, until } from "../../support/Hosts.ts"
import { datagrams, run, type Side, sides, stream } from "./Impaired.ts"

const line = ({ bytes, fault, lost }: ObservedPacket) =>
  `${Buffer.from(bytes)}${fault === undefined ? "" : ` [${fault}]`}${lost ? " lost" : ""}`

/** What is told of the same program when faults happen on its way out, and on its way in. */
interface Case {
  readonly plan: string
  readonly heard: number
  readonly out: ReadonlyArray<string>
  readonly back?: ReadonlyArray<string>
}

describe("datagrams are told once, with what a fault does to them", () => {
  const cases: ReadonlyArray<Case> = [
    { plan: "drop=#2", heard: 3, out: ["a", "b [drop] lost", "c", "d"] },
    { plan: "drop=#1..3", heard: 1, out: ["a [drop] lost", "b [drop] lost", "c [drop] lost", "d"] },
    { plan: "dup=#1", heard: 5, out: ["a [dup]", "a [dup]", "b", "c", "d"], back: ["a [dup]", "b", "c", "d"] },
    {
      plan: "delay=#1 50ms",
      heard: 4,
      out: ["b", "c", "d", "a [delay=50ms]"],
      back: ["a [delay=50ms]", "b", "c", "d"]
    },
    { plan: "reorder=#2", heard: 4, out: ["a", "c", "b [reorder]", "d"], back: ["a", "b [reorder]", "c", "d"] },
    { plan: "corrupt=#3:6", heard: 4, out: ["a", "b", "a [corrupt=6]", "d"], back: ["a", "b", "c [corrupt=6]", "d"] },
    { plan: "truncate=#3:0", heard: 4, out: ["a", "b", " [truncate=0]", "d"], back: ["a", "b", "c [truncate=0]", "d"] },
    { plan: "dup=#1, drop=#1", heard: 3, out: ["a [dup, drop] lost", "b", "c", "d"] },
    { plan: "chunk", heard: 4, out: ["a", "b", "c", "d"] }
  ]
  for (const { back, heard: count, out, plan } of cases) {
    it.live.each(sides)(`${plan}, %s impaired`, ([side]) =>
      run(
        Effect.gen(function* () {
          const { heard, seen, send } = yield* datagrams(plan, side)
          yield* send("a", "b", "c", "d")
          yield* until(() => heard.length >= count)
          yield* turns(5)
          assert.deepStrictEqual(seen.map(line), side === "receiver" ? (back ?? out) : out)
          assert.isTrue(seen.every(({ at }, i) => i === 0 || at >= seen[i - 1]!.at))
        })
      )
    )
  }
})

describe("pieces of streams are told once, with what a fault does to them", () => {
  /** Sends three pieces, each when the one before has come; then what is told, without the handshake. */
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
  const told = (seen: ReadonlyArray<ObservedPacket>) =>
    seen.map((sighting) =>
      sighting.kind === "data" ? line(sighting) : `${sighting.kind.toUpperCase()}${line(sighting)}`
    )
  const cases: ReadonlyArray<Case & { readonly lengths: ReadonlyArray<number> }> = [
    { plan: "drop", heard: 0, lengths: [3, 3, 3], out: ["one", "two", "six", "FIN"] },
    {
      plan: "delay=#2 5ms",
      heard: 0,
      lengths: [3, 3, 3],
      out: ["one", "two [delay=5ms]", "six", "FIN"]
    },
    { plan: "stall=#1 5ms", heard: 0, lengths: [3, 3, 3], out: ["one [stall=5ms]", "two", "six", "FIN"] },
    {
      plan: "chunk=#2:2",
      heard: 0,
      lengths: [3, 3, 3],
      out: ["one", "tw [chunk=2]", "o", "six", "FIN"],
      back: ["one", "two [chunk=2]", "six", "FIN"]
    },
    {
      plan: "cut=4",
      heard: 0,
      lengths: [3, 1],
      out: ["one", "t [cut=1]", "FIN"],
      back: ["one", "two [cut=1]"]
    },
    { plan: "cut=3", heard: 0, lengths: [3, 0], out: ["one", "FIN [cut]"], back: ["one", "two [cut]"] },
    { plan: "reset=3", heard: 0, lengths: [3, 0], out: ["one", "RST [reset]"], back: ["one", "two [reset]"] },
    { plan: "delay=kind=fin 5ms", heard: 0, lengths: [3, 3, 3], out: ["one", "two", "six", "FIN [delay=5ms]"] }
  ]
  for (const { back, lengths, out, plan } of cases) {
    it.live.each(sides)(`${plan}, %s impaired`, ([side]) =>
      run(
        Effect.gen(function* () {
          const seen = yield* exchange(plan, side, lengths)
          const expected = side === "receiver" ? (back ?? out) : out
          assert.deepStrictEqual(told(seen).slice(0, expected.length), expected)
        })
      )
    )
  }

  it.live("what is stalled for ever is told as lost: it never leaves", () =>
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

  it.live("what comes after a cut on the way in is told as lost", () =>
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
