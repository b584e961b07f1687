import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as OrderedSegments from "../../../src/capture/reassembly/OrderedSegments.ts"

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

interface Segment extends OrderedSegments.Ordered {
  readonly id: number
}

type Tree = OrderedSegments.OrderedSegments<Segment>

const takeAll = (from: Tree): ReadonlyArray<Segment> => {
  const all: Array<Segment> = []
  for (let tree = from; tree !== undefined; tree = OrderedSegments.withoutFirst(tree)) {
    all.push(OrderedSegments.first(tree)!)
    assert.isAtMost(tree.height, 1.45 * Math.log2(sizeOf(tree) + 2))
  }
  return all
}

const sizeOf = (tree: Tree): number => (tree === undefined ? 0 : 1 + sizeOf(tree.before) + sizeOf(tree.after))

const insertAll = (segments: ReadonlyArray<Segment>) =>
  segments.reduce<Tree>((tree, segment) => OrderedSegments.insert(tree, segment), undefined)

/** The same by a sorted array. */
const model = (segments: ReadonlyArray<Segment>, start: number) => {
  const kept: Array<Segment> = []
  for (const one of segments) {
    if (!kept.some(({ length, seq }) => seq === one.seq && length >= one.length)) kept.push(one)
  }
  return kept.toSorted((one, other) => ((one.seq - start) >>> 0) - ((other.seq - start) >>> 0))
}

describe("OrderedSegments", () => {
  it.prop(
    "are those of a sorted array, across the wrap of sequence numbers",
    [between(0, 2 ** 32 - 1), Arbitrary.array(Arbitrary.all([between(0, 60), between(1, 9)]), { maxLength: 80 })],
    ([start, pairs]) => {
      const segments = pairs.map(([at, length], id) => ({ seq: (start + at) >>> 0, length, id }))
      assert.deepStrictEqual(takeAll(insertAll(segments)), model(segments, start))
    }
  )

  it.each([
    ["ascending", (at: number) => at],
    ["descending", (at: number) => 40_000 - at],
    ["scattered", (at: number) => (at * 7_919) % 40_009]
  ])("takes at most 23 steps for each of 40,000 %s segments", (_, seqOf) => {
    const tree = insertAll(Array.from({ length: 40_000 }, (_, at) => ({ seq: 2 * seqOf(at), length: 1, id: at })))
    assert.strictEqual(sizeOf(tree), 40_000)
    assert.isAtMost(tree!.height, 23)
  })
})
