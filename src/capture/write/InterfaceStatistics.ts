/** Interface statistics blocks of pcapng: the packets of an interface, and those that the capture lacks. Pure. */
import type { ByteOrder } from "../../network/names/ByteOrder.ts"

/** Counts of an interface since the start of the capture. */
export interface InterfaceStatistics {
  /** Number of the interface in its section. */
  readonly interface: number
  /** Time of the counts in nanoseconds, for an interface whose times are in nanoseconds. */
  readonly at: bigint
  /** Packets that arrived, also those that a filter rejected. */
  readonly received: bigint
  /** Packets that were dropped, because they arrived faster than they were written. */
  readonly dropped: bigint
  /** Packets that a filter accepted. */
  readonly accepted?: bigint | undefined
}

/** Block type. */
export const blockType = 5

const optionCodes = { end: 0, received: 4, dropped: 5, accepted: 6, droppedBySystem: 7 } as const

const headerBytes = 20

/** Length of an option with a number of 64 bits. */
const optionBytes = 12

const optionsOf = ({ accepted, dropped, received }: InterfaceStatistics) =>
  [
    [optionCodes.received, received],
    [optionCodes.dropped, dropped],
    [optionCodes.accepted, accepted]
  ] as const

/** Returns the length of an encoded block. */
export const lengthOf = (hasFilter: boolean) => headerBytes + (hasFilter ? 3 : 2) * optionBytes + 4 + 4

/** Encodes a block. */
export const encode = (statistics: InterfaceStatistics): Uint8Array => {
  const length = lengthOf(statistics.accepted !== undefined)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, blockType, true)
  view.setUint32(4, length, true)
  view.setUint32(8, statistics.interface, true)
  view.setUint32(12, Number(BigInt.asUintN(32, statistics.at >> 32n)), true)
  view.setUint32(16, Number(BigInt.asUintN(32, statistics.at)), true)
  let at = headerBytes
  for (const [code, value] of optionsOf(statistics)) {
    if (value === undefined) continue
    view.setUint16(at, code, true)
    view.setUint16(at + 2, 8, true)
    view.setBigUint64(at + 4, value, true)
    at += optionBytes
  }
  view.setUint32(length - 4, length, true)
  return bytes
}

/** Decodes a whole block; undefined if it is malformed. Drops of the operating system are included. */
export const decode = (bytes: Uint8Array, byteOrder: ByteOrder = "little"): InterfaceStatistics | undefined => {
  if (bytes.length < headerBytes + 4) return undefined
  const littleEndian = byteOrder === "little"
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = new Map<number, bigint>()
  for (let at = headerBytes; at + 4 <= bytes.length - 4; ) {
    const code = view.getUint16(at, littleEndian)
    const length = view.getUint16(at + 2, littleEndian)
    if (code === optionCodes.end) break
    if (at + 4 + length > bytes.length - 4) return undefined
    if (length === 8) values.set(code, view.getBigUint64(at + 4, littleEndian))
    at += 4 + ((length + 3) & ~3)
  }
  const count = (code: number) => values.get(code) ?? 0n
  return {
    interface: view.getUint32(8, littleEndian),
    at: (BigInt(view.getUint32(12, littleEndian)) << 32n) | BigInt(view.getUint32(16, littleEndian)),
    received: count(optionCodes.received),
    dropped: count(optionCodes.dropped) + count(optionCodes.droppedBySystem),
    accepted: values.get(optionCodes.accepted)
  }
}
