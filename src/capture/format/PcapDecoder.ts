/**
 * Incremental decoder of classic pcap files (IETF draft `draft-ietf-opsawg-pcap`), from chunks of any size. It reads
 * both byte orders, times in microseconds or nanoseconds, and the modified format with longer packet headers.
 */
import { byteCount } from "../Payload.ts"
import type { Interface, Packet } from "../Pcapng.ts"
import * as InputBuffer from "./InputBuffer.ts"

/** A failure at the byte `offset` of the file. */
export interface Failure {
  readonly _tag: "Failure"
  readonly reason: "Truncated" | "Malformed"
  readonly offset: number
  readonly expected: string
  readonly found: string
}

/** A decoder of one file: `take` returns its interface, then its packets. */
export interface Decoder {
  readonly feed: (bytes: Uint8Array) => void
  readonly take: () => Interface | Packet | Failure | undefined
  readonly finish: () => Failure | undefined
}

/** Properties of a file, by its magic number. */
interface Variant {
  /** The first byte of the magic number is its lowest. */
  readonly littleEndian: boolean
  readonly resolution: 6 | 9
  /** Length of the header of a packet, in bytes. */
  readonly recordHeaderBytes: number
}

const classic = { recordHeaderBytes: 16 }

/** Variants by magic number, read in big-endian order. */
const variants: ReadonlyMap<number, Variant> = new Map<number, Variant>([
  [0xa1b2c3d4, { ...classic, littleEndian: false, resolution: 6 }],
  [0xd4c3b2a1, { ...classic, littleEndian: true, resolution: 6 }],
  [0xa1b23c4d, { ...classic, littleEndian: false, resolution: 9 }],
  [0x4d3cb2a1, { ...classic, littleEndian: true, resolution: 9 }],
  // The patches of Alexey Kuznetsov add interface, protocol and type to the header of each packet.
  [0xa1b2cd34, { littleEndian: false, resolution: 6, recordHeaderBytes: 24 }],
  [0x34cdb2a1, { littleEndian: true, resolution: 6, recordHeaderBytes: 24 }]
])

/** Returns true if a file begins with a magic number of this format. */
export const isPcap = (magic: number): boolean => variants.has(magic)

const fileHeaderBytes = 24

/** Which of the two lengths of a packet comes first: versions before 2.3 and 2.3 of some systems swap them. */
type LengthOrder = "captured first" | "captured last" | "smaller is captured"

const lengthOrderOf = (major: number, minor: number): LengthOrder => {
  if ((major === 2 && minor < 3) || major === 543) return "captured last"
  return major === 2 && minor === 3 ? "smaller is captured" : "captured first"
}

/** The state of a decoder, which changes in place. */
interface State {
  readonly maxBlockBytes: number
  readonly input: InputBuffer.InputBuffer
  variant: Variant | undefined
  lengthOrder: LengthOrder
  /** The second of the last packet, and its start in nanoseconds: most packets share it. */
  second: number
  secondNanos: bigint
  failure: Failure | undefined
}

const fail = (self: State, reason: Failure["reason"], offset: number, expected: string, found: string): Failure => {
  self.failure = { _tag: "Failure", reason, offset, expected, found }
  InputBuffer.clear(self.input)
  return self.failure
}

const takeHeader = (self: State): Interface | Failure | undefined => {
  const { input } = self
  if (InputBuffer.available(input) < fileHeaderBytes) return undefined
  const { start, view } = input
  const variant = variants.get(view.getUint32(start))
  if (variant === undefined) return fail(self, "Malformed", 0, "a magic number of pcap", `${view.getUint32(start)}`)
  const { littleEndian, resolution } = variant
  const major = view.getUint16(start + 4, littleEndian)
  if (major !== 2 && major !== 543) return fail(self, "Malformed", 4, "version 2 of the format", `version ${major}`)
  self.variant = variant
  self.lengthOrder = lengthOrderOf(major, view.getUint16(start + 6, littleEndian))
  const read: Interface = {
    _tag: "Interface",
    // The upper bits state the length of the frame check sequence.
    linkType: view.getUint32(start + 20, littleEndian) & 0xffff,
    snapLength: view.getUint32(start + 16, littleEndian),
    timestampResolution: resolution
  }
  InputBuffer.consume(input, fileHeaderBytes)
  return read
}

const timeOf = (self: State, second: number, fraction: number, resolution: number): bigint => {
  if (second !== self.second) {
    self.second = second
    self.secondNanos = BigInt(second) * 1_000_000_000n
  }
  return self.secondNanos + BigInt(resolution === 6 ? fraction * 1_000 : fraction)
}

const takePacket = (self: State, { littleEndian, recordHeaderBytes, resolution }: Variant) => {
  const { input, lengthOrder, maxBlockBytes } = self
  const available = InputBuffer.available(input)
  if (available < recordHeaderBytes) return undefined
  const { bytes, offset, start, view } = input
  const first = view.getUint32(start + 8, littleEndian)
  const second = view.getUint32(start + 12, littleEndian)
  const isSwapped = lengthOrder === "captured last" || (lengthOrder === "smaller is captured" && first > second)
  const capturedLength = isSwapped ? second : first
  if (capturedLength > maxBlockBytes) {
    const expected = `a packet of at most ${byteCount(maxBlockBytes)}`
    return fail(self, "Malformed", offset + 8, expected, `one of ${capturedLength}`)
  }
  if (available < recordHeaderBytes + capturedLength) return undefined
  const dataAt = start + recordHeaderBytes
  const seconds = view.getUint32(start, littleEndian)
  const packet: Packet = {
    _tag: "Packet",
    interface: 0,
    at: timeOf(self, seconds, view.getUint32(start + 4, littleEndian), resolution),
    bytes: bytes.subarray(dataAt, dataAt + capturedLength),
    originalLength: isSwapped ? first : second,
    comments: []
  }
  InputBuffer.consume(input, recordHeaderBytes + capturedLength)
  return packet
}

const take = (self: State) => {
  if (self.failure !== undefined) return self.failure
  return self.variant === undefined ? takeHeader(self) : takePacket(self, self.variant)
}

const finish = (self: State): Failure | undefined => {
  const { input, variant } = self
  if (self.failure !== undefined) return self.failure
  const available = InputBuffer.available(input)
  const { offset, start, view } = input
  if (variant === undefined) {
    return fail(
      self,
      "Truncated",
      0,
      `a file header of ${fileHeaderBytes} bytes`,
      `the end of the file after ${available}`
    )
  }
  if (available === 0) return undefined
  const { littleEndian, recordHeaderBytes } = variant
  const expected =
    available < recordHeaderBytes
      ? `a packet header of ${recordHeaderBytes} bytes`
      : `a packet of ${byteCount(recordHeaderBytes + view.getUint32(start + 8, littleEndian))} with its header`
  return fail(self, "Truncated", offset, expected, `the end of the file after ${available}`)
}

/** Creates a decoder of one file. */
export const make = (maxBlockBytes: number): Decoder => {
  const state: State = {
    maxBlockBytes,
    input: InputBuffer.make(),
    variant: undefined,
    lengthOrder: "captured first",
    second: 0,
    secondNanos: 0n,
    failure: undefined
  }
  return {
    feed: (bytes) => {
      if (state.failure === undefined) InputBuffer.append(state.input, bytes)
    },
    take: () => take(state),
    finish: () => finish(state)
  }
}
