/** Incremental decoder of pcapng files, from chunks of any size. Memory is bounded by the longest block. */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { byteCount } from "./Payload.ts"
import { type Block, type Interface, PcapngError } from "./Pcapng.ts"
import {
  blockTypes,
  byteOrderMagic,
  nameRecordTypes,
  nanosPerSecond,
  optionCodes,
  ticksPerSecond
} from "./PcapngFormat.ts"

/** Limits of a decoder. @category models @since 0.1.0 */
export interface Options {
  /** Maximum length of a block. Default 16 MiB. */
  readonly maxBlockBytes?: number | undefined
}

/** A decoder of one file. @category models @since 0.1.0 */
export interface Decoder {
  /** Adds the next bytes, which the caller must not change later. Call `take` until undefined before the next call. */
  readonly feed: (bytes: Uint8Array) => void
  /** Returns the next complete block, or undefined if more bytes are needed; after an error always that error. */
  readonly take: () => Block | PcapngError | undefined
  /** Returns undefined if the file may end here, otherwise the error. */
  readonly finish: () => PcapngError | undefined
}

/** Maximum number of interfaces of a section, so that a file with nothing else does not exhaust memory. */
const maxInterfaces = 65_536

/** Magic numbers of the classic pcap format: microseconds and nanoseconds, in both byte orders. */
const classicPcapMagics = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1])

const utf8 = new TextDecoder()
const noBytes = new Uint8Array(0)

const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`

/** Bytes of a block, with its offset in the file and its byte order. */
interface RawBlock {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly offset: number
  readonly littleEndian: boolean
}

const malformed = (offset: number, expected: string, found: string) =>
  new PcapngError({ reason: "Malformed", offset, expected, found })

type RawOptions = ReadonlyArray<readonly [code: number, value: Uint8Array]>

/** Decodes the options from `start` to the end of the block; name records have the same format. */
const readOptions = ({ bytes, littleEndian, offset, view }: RawBlock, start: number): RawOptions | PcapngError => {
  const options: Array<readonly [number, Uint8Array]> = []
  const end = bytes.length - 4
  let at = start
  while (end - at >= 4) {
    const code = view.getUint16(at, littleEndian)
    const length = view.getUint16(at + 2, littleEndian)
    if (code === optionCodes.end) break
    at += 4
    if (length > end - at) {
      return malformed(offset + at - 4, `an option of at most ${byteCount(end - at)}`, `one of ${length}`)
    }
    options.push([code, bytes.subarray(at, at + length)])
    at += (length + 3) & ~3
  }
  return options
}

const textOption = (options: RawOptions, code: number): string | undefined => {
  const found = options.find(([one]) => one === code)
  return found && utf8.decode(found[1])
}

const readSection = (block: RawBlock): Block | PcapngError => {
  const major = block.view.getUint16(12, block.littleEndian)
  if (major !== 1) return malformed(block.offset + 12, "version 1 of the format", `version ${major}`)
  const options = readOptions(block, 24)
  return options instanceof PcapngError
    ? options
    : { _tag: "Section", application: textOption(options, optionCodes.application) }
}

const readInterface = (block: RawBlock): Interface | PcapngError => {
  const { littleEndian, view } = block
  const options = readOptions(block, 16)
  if (options instanceof PcapngError) return options
  const timestampResolution =
    options.find(([code, value]) => code === optionCodes.timestampResolution && value.length === 1)?.[1][0] ?? 6
  const offsetField = options.find(([code, value]) => code === optionCodes.timestampOffset && value.length === 8)?.[1]
  const timestampOffset =
    offsetField && new DataView(offsetField.buffer, offsetField.byteOffset, 8).getBigInt64(0, littleEndian)
  return {
    _tag: "Interface",
    linkType: view.getUint16(8, littleEndian),
    snapLength: view.getUint32(12, littleEndian),
    name: textOption(options, optionCodes.interfaceName),
    timestampResolution,
    timestampOffset
  }
}

const readPacket = (block: RawBlock, interfaces: ReadonlyArray<Interface>): Block | PcapngError => {
  const { bytes, littleEndian, offset, view } = block
  const index = view.getUint32(8, littleEndian)
  const networkInterface = interfaces[index]
  if (networkInterface === undefined) {
    return malformed(offset + 8, `an interface number below ${interfaces.length}`, `${index}`)
  }
  const capturedLength = view.getUint32(20, littleEndian)
  const maxCapturedLength = bytes.length - 32
  if (capturedLength > maxCapturedLength)
    return malformed(offset + 20, `a packet of at most ${byteCount(maxCapturedLength)}`, `one of ${capturedLength}`)
  const options = readOptions(block, 28 + ((capturedLength + 3) & ~3))
  if (options instanceof PcapngError) return options
  const ticks = (BigInt(view.getUint32(12, littleEndian)) << 32n) | BigInt(view.getUint32(16, littleEndian))
  const nanos =
    networkInterface.timestampResolution === 9
      ? ticks
      : (ticks * nanosPerSecond) / ticksPerSecond(networkInterface.timestampResolution)
  return {
    _tag: "Packet",
    interface: index,
    at: nanos + (networkInterface.timestampOffset ?? 0n) * nanosPerSecond,
    bytes: bytes.slice(28, 28 + capturedLength),
    originalLength: view.getUint32(24, littleEndian),
    comments: options.filter(([code]) => code === optionCodes.comment).map(([, value]) => utf8.decode(value))
  }
}

const readNames = (block: RawBlock): Block | PcapngError => {
  const options = readOptions(block, 8)
  if (options instanceof PcapngError) return options
  const names = options.flatMap(([code, value]) => {
    const size = code === nameRecordTypes.ipv4 ? 4 : code === nameRecordTypes.ipv6 ? 16 : undefined
    if (size === undefined || value.length < size) return []
    const addressBytes = value.subarray(0, size)
    const ip = size === 4 ? NetAddress.ipv4FromBytesUnsafe(addressBytes) : NetAddress.ipv6FromBytesUnsafe(addressBytes)
    const nameStrings = utf8.decode(value.subarray(size)).split("\0")
    return [{ address: NetAddress.formatIp(ip), names: nameStrings.slice(0, -1) }]
  })
  return { _tag: "Names", names }
}

/** Decoders by type of block, with the minimum length of the block in bytes. */
const readers: Readonly<
  Record<
    number,
    readonly [least: number, read: (frame: RawBlock, all: ReadonlyArray<Interface>) => Block | PcapngError]
  >
> = {
  [blockTypes.section]: [28, readSection],
  [blockTypes.interface]: [20, readInterface],
  [blockTypes.packet]: [32, readPacket],
  [blockTypes.names]: [12, readNames]
}

/**
 * The state of a decoder, which changes in place. A block of 15 MiB in chunks of 64 KiB takes 0.3 s; if each chunk
 * copied the buffer, 5 s (two cores of an AMD EPYC, Node 24).
 */
interface State {
  readonly maxBlockBytes: number
  buffer: Uint8Array<ArrayBuffer>
  view: DataView
  start: number
  end: number
  /** Offset of `start` in the file. */
  offset: number
  littleEndian: boolean | undefined
  interfaces: Array<Interface>
  failure: PcapngError | undefined
}

const fail = (self: State, reason: PcapngError["reason"], at: number, expected: string, found: string) => {
  return failWith(self, new PcapngError({ reason, offset: at, expected, found }))
}

const failWith = (self: State, error: PcapngError) => {
  self.failure = error
  self.buffer = noBytes
  return error
}

/** Decodes a complete block; returns undefined for an unknown type. */
const readBlock = (
  self: State,
  type: number,
  length: number,
  littleEndian: boolean
): Block | PcapngError | undefined => {
  const { interfaces, offset } = self
  const reader = readers[type]
  if (reader === undefined) return undefined
  const [minLength, parse] = reader
  if (length < minLength)
    return malformed(offset + 4, `a block of at least ${byteCount(minLength)}`, `a length of ${length}`)
  const bytes = self.buffer.subarray(self.start, self.start + length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const block = parse({ bytes, view, offset, littleEndian }, interfaces)
  if (block instanceof PcapngError) return block
  if (block._tag === "Section") self.interfaces = []
  if (block._tag !== "Interface") return block
  if (interfaces.length === maxInterfaces) return malformed(offset, `at most ${maxInterfaces} interfaces`, "one more")
  interfaces.push(block)
  return block
}

/** Returns the byte order of the next block: a section declares its own. */
const byteOrder = (self: State, isSection: boolean): boolean | undefined | PcapngError => {
  const { offset, start, view } = self
  if (!isSection) return self.littleEndian
  const isLittleEndian = view.getUint32(start + 8, true) === byteOrderMagic
  const magic = view.getUint32(start + 8)
  return isLittleEndian || magic === byteOrderMagic
    ? isLittleEndian
    : malformed(offset + 8, `the byte order magic ${hex(byteOrderMagic)}`, hex(magic))
}

const readNext = (self: State): Block | PcapngError | undefined | "skipped" => {
  const { maxBlockBytes, offset, start, view } = self
  if (self.failure !== undefined) return self.failure
  const available = self.end - start
  if (available < 4) return undefined
  const magic = view.getUint32(start)
  const isSection = magic === blockTypes.section
  if (self.littleEndian === undefined && !isSection) {
    return classicPcapMagics.has(magic)
      ? fail(self, "ClassicPcap", offset, "pcapng", `classic pcap (${hex(magic)}); convert it with editcap -F pcapng`)
      : fail(self, "NotPcapng", offset, `a pcapng section header (${hex(blockTypes.section)})`, hex(magic))
  }
  if (available < 12) return undefined
  const littleEndian = byteOrder(self, isSection)
  if (littleEndian instanceof PcapngError) return failWith(self, littleEndian)
  const length = view.getUint32(start + 4, littleEndian)
  if (length < 12 || length > maxBlockBytes || length % 4 !== 0) {
    const expected = `a block of 12 to ${maxBlockBytes} bytes, a multiple of 4`
    return fail(self, "Malformed", offset + 4, expected, `a length of ${length}`)
  }
  if (available < length) return undefined
  const trailer = view.getUint32(start + length - 4, littleEndian)
  const expected = `the block length ${length} repeated at its end`
  if (trailer !== length) return fail(self, "Malformed", offset + length - 4, expected, `${trailer}`)
  const block = readBlock(self, isSection ? magic : view.getUint32(start, littleEndian), length, littleEndian!)
  if (block instanceof PcapngError) return failWith(self, block)
  self.littleEndian = littleEndian
  self.start += length
  self.offset += length
  return block ?? "skipped"
}

const feed = (self: State, bytes: Uint8Array) => {
  if (self.failure !== undefined) return
  if (self.start === self.end) {
    self.buffer = bytes as Uint8Array<ArrayBuffer>
    self.start = 0
    self.end = bytes.length
  } else {
    if (self.end + bytes.length > self.buffer.length) {
      const grown = new Uint8Array(2 * (self.end - self.start + bytes.length))
      grown.set(self.buffer.subarray(self.start, self.end))
      self.end -= self.start
      self.start = 0
      self.buffer = grown
    }
    self.buffer.set(bytes, self.end)
    self.end += bytes.length
  }
  self.view = new DataView(self.buffer.buffer, self.buffer.byteOffset, self.buffer.byteLength)
}

const take = (self: State) => {
  while (true) {
    const block = readNext(self)
    if (block !== "skipped") return block
  }
}

const finish = (self: State) => {
  const found = readNext(self)
  if (found instanceof PcapngError) return found
  const { littleEndian, offset, start, view } = self
  const available = self.end - start
  if (available === 0 && littleEndian !== undefined) return undefined
  if (offset + available === 0) return fail(self, "Truncated", 0, "a pcapng section header", "an empty file")
  const needed =
    available < 12
      ? undefined
      : view.getUint32(start + 4, littleEndian ?? view.getUint32(start + 8, true) === byteOrderMagic)
  const expected = needed === undefined ? "a whole block" : `a block of ${byteCount(needed)}`
  return fail(self, "Truncated", offset, expected, `the end of the file after ${available}`)
}

/** Creates a decoder of one file. @category decoding @since 0.1.0 */
export const make = ({ maxBlockBytes = 2 ** 24 }: Options = {}): Decoder => {
  const state: State = {
    ...{ maxBlockBytes, buffer: noBytes, view: new DataView(noBytes.buffer), start: 0, end: 0, offset: 0 },
    ...{ littleEndian: undefined, interfaces: [], failure: undefined }
  }
  return { feed: (bytes) => feed(state, bytes), take: () => take(state), finish: () => finish(state) }
}

/**
 * Decodes all blocks of a complete file; fails with the first error. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array, options?: Options): Result.Result<ReadonlyArray<Block>, PcapngError> => {
  const decoder = make(options)
  const blocks: Array<Block> = []
  decoder.feed(bytes)
  for (let block = decoder.take(); block !== undefined; block = decoder.take()) {
    if (block instanceof PcapngError) return Result.fail(block)
    blocks.push(block)
  }
  const failure = decoder.finish()
  return failure === undefined ? Result.succeed(blocks) : Result.fail(failure)
}
