import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as CacheIndex from "../../../src/tftp/fallback/CacheIndex.ts"

const entryOf = (url: string, bytes: number): CacheIndex.Entry => ({
  url,
  file: `${url}.data`,
  bytes,
  validatedAtMillis: 0,
  mustRevalidate: false,
  etag: undefined,
  lastModified: undefined
})

const urlsOf = (entries: ReadonlyArray<CacheIndex.Entry> | undefined) => entries?.map(({ url }) => url)

describe("CacheIndex", () => {
  it("removes the least recently used entries for a new file", () => {
    const index = CacheIndex.make(100)
    for (const url of ["a", "b", "c"]) index.put(entryOf(url, 30))
    index.use("a")
    const room = index.reserve()
    assert.deepStrictEqual(urlsOf(room.grow(50)), ["b", "c"])
    assert.deepStrictEqual(urlsOf(room.grow(30)), ["a"])
    assert.strictEqual(room.grow(21), undefined)
    assert.strictEqual(room.end(entryOf("d", 80)), undefined)
    assert.deepStrictEqual(urlsOf(index.reserve().grow(21)), ["d"])
  })

  it("frees a reservation that ends without a file, once", () => {
    const index = CacheIndex.make(100)
    const room = index.reserve()
    assert.deepStrictEqual(room.grow(100), [])
    assert.strictEqual(index.reserve().grow(1), undefined)
    room.end()
    room.end()
    const other = index.reserve()
    assert.deepStrictEqual(other.grow(100), [])
    assert.strictEqual(index.reserve().grow(1), undefined)
  })

  it("returns the entry that a file replaces", () => {
    const index = CacheIndex.make(100)
    index.put(entryOf("a", 40))
    const room = index.reserve()
    room.grow(10)
    assert.strictEqual(room.end(entryOf("a", 10))?.bytes, 40)
    assert.strictEqual(index.find("a")?.bytes, 10)
    assert.strictEqual(index.remove("a")?.bytes, 10)
    assert.deepStrictEqual(index.reserve().grow(100), [])
  })

  it("shrinks to its limit when it was loaded", () => {
    const index = CacheIndex.make(50)
    for (const url of ["a", "b", "c"]) index.put(entryOf(url, 30))
    assert.deepStrictEqual(urlsOf(index.shrink()), ["a", "b"])
    assert.deepStrictEqual(index.shrink(), [])
  })

  const Step = Schema.Struct({
    url: Schema.Literals(["a", "b", "c", "d"]),
    bytes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 })),
    keeps: Schema.Boolean
  })

  it.prop("never exceeds its limit", [Schema.Array(Step)], ([steps]) => {
    const index = CacheIndex.make(100)
    const open: Array<readonly [CacheIndex.Reservation, number]> = []
    const stored = new Map<string, number>()
    for (const { bytes, keeps, url } of steps) {
      const room = index.reserve()
      const removed = room.grow(bytes)
      for (const entry of removed ?? []) stored.delete(entry.url)
      if (removed !== undefined && keeps) {
        room.end(entryOf(url, bytes))
        stored.set(url, bytes)
      } else if (removed !== undefined) open.push([room, bytes])
      if (open.length > 2) open.shift()![0].end()
      const total = [...stored.values(), ...open.map(([, reserved]) => reserved)].reduce((sum, one) => sum + one, 0)
      assert.isAtMost(total, 100)
      for (const name of ["a", "b", "c", "d"]) assert.strictEqual(index.find(name)?.bytes, stored.get(name))
    }
  })
})
