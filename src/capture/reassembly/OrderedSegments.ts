/**
 * Segments in the order of their sequence numbers: a balanced tree (AVL) that never changes. Many segments in any order
 * take little time each. Pure.
 */
import * as SequenceNumber from "../analysis/SequenceNumber.ts"

/** Place of a segment in a stream. */
export interface Ordered {
  readonly seq: number
  /** Number of bytes of the stream that the segment covers. */
  readonly length: number
}

/** Segments in their order; undefined is none. */
export type OrderedSegments<S extends Ordered> =
  | {
      readonly segment: S
      readonly height: number
      readonly before: OrderedSegments<S>
      readonly after: OrderedSegments<S>
    }
  | undefined

const heightOf = (tree: OrderedSegments<Ordered>) => tree?.height ?? 0

const node = <S extends Ordered>(before: OrderedSegments<S>, segment: S, after: OrderedSegments<S>) => ({
  segment,
  height: 1 + Math.max(heightOf(before), heightOf(after)),
  before,
  after
})

/** Joins two trees whose heights differ by at most two. */
const balanced = <S extends Ordered>(before: OrderedSegments<S>, segment: S, after: OrderedSegments<S>) => {
  const lean = heightOf(before) - heightOf(after)
  if (before !== undefined && lean > 1) {
    const middle = before.after
    return middle === undefined || heightOf(before.before) >= middle.height
      ? node(before.before, before.segment, node(middle, segment, after))
      : node(node(before.before, before.segment, middle.before), middle.segment, node(middle.after, segment, after))
  }
  if (after !== undefined && lean < -1) {
    const middle = after.before
    return middle === undefined || heightOf(after.after) >= middle.height
      ? node(node(before, segment, middle), after.segment, after.after)
      : node(node(before, segment, middle.before), middle.segment, node(middle.after, after.segment, after.after))
  }
  return node(before, segment, after)
}

/**
 * Inserts a segment behind those with the same or a lower sequence number. One that covers no more bytes than another
 * with the same number is left out: the tree is then the same one.
 */
export const insert = <S extends Ordered>(tree: OrderedSegments<S>, segment: S): OrderedSegments<S> => {
  if (tree === undefined) return node<S>(undefined, segment, undefined)
  if (tree.segment.seq === segment.seq && tree.segment.length >= segment.length) return tree
  if (SequenceNumber.isBefore(segment.seq, tree.segment.seq)) {
    const before = insert(tree.before, segment)
    return before === tree.before ? tree : balanced(before, tree.segment, tree.after)
  }
  const after = insert(tree.after, segment)
  return after === tree.after ? tree : balanced(tree.before, tree.segment, after)
}

/** Returns the first segment; undefined if there is none. */
export const first = <S extends Ordered>(tree: OrderedSegments<S>): S | undefined => {
  let at = tree
  while (at?.before !== undefined) at = at.before
  return at?.segment
}

/** Removes the first segment. */
export const withoutFirst = <S extends Ordered>(tree: OrderedSegments<S>): OrderedSegments<S> =>
  tree?.before === undefined ? tree?.after : balanced(withoutFirst(tree.before), tree.segment, tree.after)
