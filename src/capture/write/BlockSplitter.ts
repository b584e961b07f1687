/** Splitter of pcapng bytes into whole blocks, which keep everything that another program has written. Pure. */
import type { ByteOrder } from "../../network/names/ByteOrder.ts"
import { blockTypes, byteOrderMagic } from "../format/PcapngFormat.ts"
import type { Block } from "./BlockQueue.ts"

/** A block as it is in the file. */
export interface RawBlock {
  readonly type: number
  readonly byteOrder: ByteOrder
  readonly bytes: Uint8Array
}

/** A splitter: `feed` returns the blocks that are complete now, or the reason why the bytes are not a pcapng file. */
export interface Splitter {
  readonly feed: (bytes: Uint8Array) => ReadonlyArray<RawBlock> | string
  /** Returns the number of bytes of a block that is not complete. */
  readonly pendingBytes: () => number
}

/** Longest block; longer ones are a sign of another format. */
const maxBlockBytes = 2 ** 24

/** Length of a block without content. */
const minBlockBytes = 12

const packetTypes: ReadonlySet<number> = new Set([2, 3, 6])

/** Blocks that describe the packets after them: interfaces, names and keys of encryption. */
const headerTypes: ReadonlySet<number> = new Set([1, 4, 10])

/** Returns the part that a block has in a file. */
export const kindOf = (type: number): Block["kind"] =>
  type === blockTypes.section
    ? "section"
    : packetTypes.has(type)
      ? "packet"
      : headerTypes.has(type)
        ? "header"
        : "other"

/** Returns the byte order of a section header; undefined if it is none. */
const byteOrderOf = (view: DataView, at: number): ByteOrder | undefined =>
  view.getUint32(at, true) !== blockTypes.section
    ? undefined
    : view.getUint32(at + 8, true) === byteOrderMagic
      ? "little"
      : view.getUint32(at + 8, false) === byteOrderMagic
        ? "big"
        : undefined

const concat = (one: Uint8Array, other: Uint8Array) => {
  if (one.length === 0) return other
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}

/** Creates a splitter of one file. */
export const make = (): Splitter => {
  let pending: Uint8Array = new Uint8Array(0)
  let byteOrder: ByteOrder | undefined
  return {
    feed: (more) => {
      pending = concat(pending, more)
      const view = new DataView(pending.buffer, pending.byteOffset, pending.byteLength)
      const blocks: Array<RawBlock> = []
      let at = 0
      while (at + minBlockBytes <= pending.length) {
        byteOrder = byteOrderOf(view, at) ?? byteOrder
        if (byteOrder === undefined) return "expected a pcapng section header"
        const littleEndian = byteOrder === "little"
        const length = view.getUint32(at + 4, littleEndian)
        if (length < minBlockBytes || length % 4 !== 0 || length > maxBlockBytes)
          return `expected a block length of ${minBlockBytes} to ${maxBlockBytes}, found ${length}`
        if (at + length > pending.length) break
        blocks.push({ type: view.getUint32(at, littleEndian), byteOrder, bytes: pending.slice(at, at + length) })
        at += length
      }
      pending = pending.slice(at)
      return blocks
    },
    pendingBytes: () => pending.length
  }
}
