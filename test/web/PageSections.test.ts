import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as PageSections from "../../src/web/PageSections.ts"
import * as PageState from "../../src/web/PageState.ts"
import * as Rows from "../support/web/Rows.ts"

const decode = Schema.decodeUnknownSync(Schema.toCodecJson(PageState.Update))

const snapshot = (members: Partial<PageState.Snapshot>): PageState.Snapshot => ({ ...PageState.empty, ...members })

const services = (...names: ReadonlyArray<string>) => snapshot({ services: names.map((name) => Rows.service(name)) })

const sampleAll = (snapshots: ReadonlyArray<PageState.Snapshot>) =>
  snapshots.reduce((sections, next) => PageSections.sample(sections, next)[0], PageSections.empty)

const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })))
const Most = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))

/** Snapshots that differ in few sections. */
const Snapshots = Schema.Array(
  Schema.Struct({
    services: Schema.Array(Schema.Literals(["a", "b"])),
    transfers: Schema.Literals([0, 1, 2]),
    farms: Schema.Literals([0, 1])
  })
)

const build = (shape: (typeof Snapshots.Type)[number]) =>
  snapshot({
    services: shape.services.map((name) => Rows.service(name)),
    transfers: { rows: [], omitted: shape.transfers },
    farms: { rows: [], omitted: shape.farms }
  })

describe("PageSections", () => {
  it("since returns all sections to a browser that has seen none", () => {
    const update = PageSections.since(sampleAll([services("rot13")]), undefined, 7)
    assert.deepStrictEqual(update?.update, { atMillis: 7, ...services("rot13") })
  })

  it("since returns the changed sections only, and nothing if none has changed", () => {
    const first = sampleAll([services("rot13")])
    const [second] = PageSections.sample(first, { ...services("rot13"), farms: { rows: [], omitted: 1 } })
    assert.deepStrictEqual(PageSections.since(second, first.version, 9)?.update, {
      atMillis: 9,
      farms: { rows: [], omitted: 1 }
    })
    const [third] = PageSections.sample(second, { ...services("rot13"), farms: { rows: [], omitted: 1 } })
    assert.strictEqual(third.version, second.version)
    assert.isUndefined(PageSections.since(third, second.version, 9))
  })

  it("sample makes a first version of an empty snapshot too", () =>
    assert.strictEqual(sampleAll([PageState.empty]).version, 1))

  it.prop(
    "since brings a browser that missed any samples to the newest snapshot, and its text decodes to its update",
    [Snapshots, Schema.Array(Schema.Boolean)],
    ([shapes, reads]) => {
      let sections = PageSections.empty
      let seen: number | undefined
      let known: Partial<PageState.Snapshot> = {}
      for (const [at, shape] of shapes.entries()) {
        sections = PageSections.sample(sections, build(shape))[0]
        if (at < shapes.length - 1 && reads[at] !== true) continue
        const update = PageSections.since(sections, seen, at)
        seen = sections.version
        if (update === undefined) continue
        assert.deepStrictEqual(decode(JSON.parse(update.text)), update.update)
        const { atMillis, ...changed } = update.update
        assert.strictEqual(atMillis, at)
        known = { ...known, ...changed }
      }
      if (shapes.length > 0) assert.deepStrictEqual(known, build(shapes.at(-1)!))
    }
  )

  it("sample leaves out rows that the schema does not allow, and counts them", () => {
    const rows = [Rows.connection(1), Rows.connection(2, { bytesSent: Number.NaN })]
    const [sections, invalid] = PageSections.sample(
      PageSections.empty,
      snapshot({
        services: [Rows.service("a", { sinceMillis: Number.POSITIVE_INFINITY }), Rows.service("b")],
        connections: { rows, omitted: 3 }
      })
    )
    assert.deepStrictEqual(invalid, ["services", "connections"])
    const { connections, services: kept } = PageSections.since(sections, undefined, 0)!.update
    assert.deepStrictEqual(kept, [Rows.service("b")])
    assert.deepStrictEqual(connections, { rows: [Rows.connection(1)], omitted: 4 })
    // The same wrong rows again change nothing.
    const [again] = PageSections.sample(sections, snapshot({ connections: { rows, omitted: 3 }, services: kept! }))
    assert.isUndefined(PageSections.since(again, sections.version, 0)?.update.connections)
  })

  it("sample leaves a section as it was if it has no JSON text", () => {
    const wrong = { ...Rows.connection(1), extra: 1n }
    const [sections, invalid] = PageSections.sample(
      sampleAll([services("a")]),
      snapshot({ services: services("a").services, connections: { rows: [wrong], omitted: 0 } })
    )
    assert.deepStrictEqual(invalid, ["connections"])
    assert.deepStrictEqual(PageSections.since(sections, undefined, 0)?.update.connections, { rows: [], omitted: 0 })
  })

  it.prop(
    "join keeps at most the given rows, counts the others, and cuts no list below another",
    [Sizes, Most],
    ([sizes, most]) => {
      const lists = sizes.map((size, list) => ({
        rows: Array.from({ length: size }, (_, row) => ({ list, row })),
        omitted: list
      }))
      const { omitted, rows } = PageSections.join(lists, most)
      const total = sizes.reduce((sum, size) => sum + size, 0)
      assert.strictEqual(rows.length, Math.min(most, total))
      assert.strictEqual(omitted, total - rows.length + lists.reduce((sum, list) => sum + list.omitted, 0))
      const kept = sizes.map((_, list) => rows.filter((row) => row.list === list))
      for (const [list, some] of kept.entries()) {
        // The first rows of a list, in their order.
        assert.deepStrictEqual(some, lists[list]!.rows.slice(0, some.length))
        if (some.length === sizes[list]) continue
        for (const others of kept) assert.isAtMost(others.length, some.length + 1)
      }
      assert.deepStrictEqual(rows, kept.flat())
    }
  )

  it("joinTransfers adds the totals of services, and the rows of those that count none", () => {
    const [one, other] = [Rows.transfer(1, { bytesPerSecond: 5, resent: 1 }), Rows.transfer(2, { state: "failed" })]
    assert.deepStrictEqual(PageSections.joinTransfers([{ rows: [one], omitted: 0 }]), { rows: [one], omitted: 0 })
    const totals = { running: 254, done: 4_000, notDone: 3, bytesPerSecond: 70, resent: 10 }
    const counted = { rows: [Rows.transfer(3)], omitted: 103, totals }
    const joined = PageSections.joinTransfers([{ rows: [one, other], omitted: 0 }, counted])
    assert.strictEqual(joined.omitted, 103)
    assert.deepStrictEqual(joined.totals, { running: 255, done: 4_000, notDone: 4, bytesPerSecond: 75, resent: 11 })
    const wrong = { ...counted, totals: { ...totals, resent: Number.NaN } }
    assert.deepStrictEqual(PageSections.joinTransfers([wrong]), { rows: counted.rows, omitted: 103 })
  })

  it("sample keeps the totals of transfers when it leaves out a row", () => {
    const totals = { running: 2, done: 0, notDone: 0, bytesPerSecond: 0, resent: 0 }
    const wrong = { ...Rows.transfer(2), bytes: Number.NaN }
    const transfers = { rows: [Rows.transfer(1), wrong], omitted: 0, totals }
    const [sections] = PageSections.sample(PageSections.empty, snapshot({ transfers }))
    assert.deepStrictEqual(PageSections.since(sections, undefined, 1)?.update.transfers, {
      ...{ rows: [Rows.transfer(1)], omitted: 1, totals }
    })
  })
})
