import { assert, describe, it } from "@effect/vitest"
import type { Arrow } from "../../../../src/web/Arrow.ts"
import * as Fate from "../../../../src/web/client/diagram/Fate.ts"
import * as Repeats from "../../../../src/web/client/packets/Repeats.ts"
import { arrow } from "../diagram/traces.ts"

const data = (block: number, more: Partial<Arrow> = {}) => arrow(block, block, { label: `DATA ${block}`, ...more })

const fatesOf = (packets: ReadonlyArray<Arrow>) => Repeats.mark(Repeats.none, packets)[1].map(Fate.of)

describe("Repeats", () => {
  it("marks a datagram that comes again, also in a later batch", () => {
    assert.deepStrictEqual(fatesOf([data(1), data(2), data(1)]), ["arrived", "arrived", "again"])
    const [repeats] = Repeats.mark(Repeats.none, [data(1)])
    assert.strictEqual(Fate.of(Repeats.mark(repeats, [data(1)])[1][0]!), "again")
  })

  it("does not mark one of another sender, receiver, kind or label, nor a segment of TCP", () =>
    assert.deepStrictEqual(
      fatesOf([
        data(1),
        data(1, { from: "b", to: "a" }),
        data(1, { to: "c" }),
        data(1, { kind: "ACK" }),
        data(1, { label: "DATA 7" }),
        data(1, { transport: "tcp" })
      ]),
      Array.from({ length: 6 }, () => "arrived")
    ))

  it("does not mark the packets of presence, which say the same each second", () =>
    assert.deepStrictEqual(fatesOf([data(1, { kind: "COURSE" }), data(1, { kind: "COURSE" })]), ["arrived", "arrived"]))

  it("does not mark a block whose number begins anew", () => {
    const blocks = Array.from({ length: 300 }, (_, at) => data(at))
    assert.notInclude(fatesOf([...blocks, data(0)]), "again")
    assert.strictEqual(fatesOf([...blocks, data(150)]).at(-1), "again")
  })

  it("says of a packet that is lost when it is sent again that it is lost", () =>
    assert.deepStrictEqual(fatesOf([data(1), data(1, { lost: true })]), ["arrived", "lost"]))

  it("remembers a bounded number of datagrams", () => {
    const many = Array.from({ length: Repeats.maxRememberedCount + 500 }, (_, at) => data(at, { from: `a:${at}` }))
    const [{ counts, seen }] = Repeats.mark(Repeats.none, many)
    assert.deepStrictEqual([counts.size, seen.size], [Repeats.maxRememberedCount, Repeats.maxRememberedCount])
  })
})
