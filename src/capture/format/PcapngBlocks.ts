/** Decoders of the blocks of a pcapng file. Each is given a complete block of at least its minimum length. */
import * as NetAddress from "effect/net/NetAddress"
import { byteCount } from "../Payload.ts"
import { type DecodedBlock, type Interface, type Packet, PcapngError } from "../Pcapng.ts"
import {
  blockTypes,
  nameRecordTypes,
  nanosPerSecond,
  optionCodes,
  skippedBlockName,
  statisticsCodes,
  ticksPerSecond
} from "./PcapngFormat.ts"

/** Maximum number of interfaces of a section, so that a file with nothing else does not exhaust memory. */
const maxInterfaces = 65_536

const utf8 = new TextDecoder()

/** An interface, and how its ticks become nanoseconds. */
interface Clock {
  readonly block: Interface
  /** Nanoseconds per tick, if that is a whole number. */
  readonly nanosPerTick: bigint | undefined
  readonly ticksPerSecond: bigint
  readonly offsetNanos: bigint
}

/** State that the blocks of a section share. It changes in place. */
export interface SectionState {
  interfaces: Array<Clock>
  /** Time of the last packet in nanoseconds. */
  time: bigint
}

/** Bytes of a block, with its offset in the file and its byte order. */
export interface RawBlock {
  /** The file, from which packets take their bytes. */
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly start: number
  readonly length: number
  readonly offset: number
  readonly littleEndian: boolean
}

/** Returns an error at an offset of the file. */
export const malformed = (offset: number, expected: string, found: string): PcapngError =>
  new PcapngError({ reason: "Malformed", offset, expected, found })

type RawOptions = ReadonlyArray<readonly [code: number, value: Uint8Array]>

const noOptions: RawOptions = []

/** Decodes the options from `from` to the end of the block; name records have the same format. */
const readOptions = ({ bytes, length, littleEndian, offset, start, view }: RawBlock, from: number) => {
  const end = start + length - 4
  let at = start + from
  if (end - at < 4) return noOptions
  const options: Array<readonly [number, Uint8Array]> = []
  while (end - at >= 4) {
    const code = view.getUint16(at, littleEndian)
    const size = view.getUint16(at + 2, littleEndian)
    if (code === optionCodes.end) break
    at += 4
    if (size > end - at) {
      const where = offset + at - 4 - start
      return malformed(where, `an option of at most ${byteCount(end - at)}`, `one of ${size}`)
    }
    options.push([code, bytes.subarray(at, at + size)])
    at += (size + 3) & ~3
  }
  return options
}

/** Maximum length of the name of an interface, which is kept: a section may have many interfaces. */
const maxNameBytes = 1_024

const textOption = (options: RawOptions, code: number): string | undefined => {
  const found = options.find(([one]) => one === code)
  return found && utf8.decode(found[1].subarray(0, maxNameBytes))
}

const bigintOption = (options: RawOptions, code: number, littleEndian: boolean): bigint | undefined => {
  const value = options.find(([one, value]) => one === code && value.length === 8)?.[1]
  return value && new DataView(value.buffer, value.byteOffset, 8).getBigInt64(0, littleEndian)
}

type Reader = (block: RawBlock, state: SectionState) => DecodedBlock | PcapngError

const readSection: Reader = (block, state) => {
  const { littleEndian, offset, start, view } = block
  const major = view.getUint16(start + 12, littleEndian)
  if (major !== 1) return malformed(offset + 12, "version 1 of the format", `version ${major}`)
  const options = readOptions(block, 24)
  if (options instanceof PcapngError) return options
  state.interfaces = []
  return { _tag: "Section", application: textOption(options, optionCodes.application) }
}

const readInterface: Reader = (block, state) => {
  const { littleEndian, offset, start, view } = block
  const options = readOptions(block, 16)
  if (options instanceof PcapngError) return options
  if (state.interfaces.length === maxInterfaces) {
    return malformed(offset, `at most ${maxInterfaces} interfaces`, "one more")
  }
  const timestampResolution =
    options.find(([code, value]) => code === optionCodes.timestampResolution && value.length === 1)?.[1][0] ?? 6
  const description = textOption(options, optionCodes.interfaceDescription)
  const timestampOffset = bigintOption(options, optionCodes.timestampOffset, littleEndian)
  const read: Interface = {
    _tag: "Interface",
    linkType: view.getUint16(start + 8, littleEndian),
    snapLength: view.getUint32(start + 12, littleEndian),
    name: textOption(options, optionCodes.interfaceName),
    ...(description === undefined ? {} : { description }),
    timestampResolution,
    timestampOffset
  }
  const ticks = ticksPerSecond(timestampResolution)
  const nanosPerTick = nanosPerSecond % ticks === 0n ? nanosPerSecond / ticks : undefined
  const offsetNanos = (timestampOffset ?? 0n) * nanosPerSecond
  state.interfaces.push({ block: read, nanosPerTick, ticksPerSecond: ticks, offsetNanos })
  return read
}

/** Returns true if a number of ticks is exact as a number, by its upper 32 bits. */
const isExact = (high: number) => high < 2 ** 21

const toNanos = ({ nanosPerTick, offsetNanos, ticksPerSecond }: Clock, high: number, low: number): bigint => {
  const ticks = isExact(high) ? BigInt(high * 2 ** 32 + low) : (BigInt(high) << 32n) | BigInt(low)
  const nanos = nanosPerTick === undefined ? (ticks * nanosPerSecond) / ticksPerSecond : ticks * nanosPerTick
  return offsetNanos === 0n ? nanos : nanos + offsetNanos
}

const commentsOf = (options: RawOptions): ReadonlyArray<string> =>
  options.length === 0
    ? []
    : options.filter(([code]) => code === optionCodes.comment).map(([, value]) => utf8.decode(value))

/** Decodes an enhanced packet, and the obsolete one, which has its interface in 2 bytes. */
const readPacket =
  (isObsolete: boolean): Reader =>
  (block, state) => {
    const { bytes, length, littleEndian, offset, start, view } = block
    const index = isObsolete ? view.getUint16(start + 8, littleEndian) : view.getUint32(start + 8, littleEndian)
    const clock = state.interfaces[index]
    if (clock === undefined) {
      return malformed(offset + 8, `an interface number below ${state.interfaces.length}`, `${index}`)
    }
    const capturedLength = view.getUint32(start + 20, littleEndian)
    const maxCapturedLength = length - 32
    if (capturedLength > maxCapturedLength) {
      return malformed(offset + 20, `a packet of at most ${byteCount(maxCapturedLength)}`, `one of ${capturedLength}`)
    }
    const options = readOptions(block, 28 + ((capturedLength + 3) & ~3))
    if (options instanceof PcapngError) return options
    const at = toNanos(clock, view.getUint32(start + 12, littleEndian), view.getUint32(start + 16, littleEndian))
    state.time = at
    return {
      _tag: "Packet",
      interface: index,
      at,
      bytes: bytes.subarray(start + 28, start + 28 + capturedLength),
      originalLength: view.getUint32(start + 24, littleEndian),
      comments: commentsOf(options)
    }
  }

/** Decodes a simple packet: of interface 0, without time, captured up to the snap length or the end of the block. */
const readSimplePacket: Reader = ({ bytes, length, littleEndian, offset, start, view }, state) => {
  const clock = state.interfaces[0]
  if (clock === undefined) return malformed(offset, "an interface before a simple packet block", "none")
  const originalLength = view.getUint32(start + 8, littleEndian)
  const { snapLength } = clock.block
  const available = length - 16
  const capturedLength = Math.min(originalLength, available, snapLength === 0 ? available : snapLength)
  const packet: Packet = {
    _tag: "Packet",
    interface: 0,
    at: state.time,
    bytes: bytes.subarray(start + 12, start + 12 + capturedLength),
    originalLength,
    comments: [],
    notes: ["no time (simple packet block)"]
  }
  return packet
}

const readNames: Reader = (block) => {
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

const readStatistics: Reader = (block) => {
  const { littleEndian, start, view } = block
  const options = readOptions(block, 20)
  if (options instanceof PcapngError) return options
  const counter = (code: number) => {
    const value = bigintOption(options, code, littleEndian)
    return value === undefined ? undefined : Number(BigInt.asUintN(64, value))
  }
  const byInterface = counter(statisticsCodes.droppedByInterface)
  const bySystem = counter(statisticsCodes.droppedBySystem)
  return {
    _tag: "Statistics",
    interface: view.getUint32(start + 8, littleEndian),
    receivedPackets: counter(statisticsCodes.received),
    droppedPackets: byInterface === undefined ? bySystem : byInterface + (bySystem ?? 0)
  }
}

/** Decoders by type of block, with the minimum length of the block in bytes. */
const readers: ReadonlyMap<number, readonly [minLength: number, read: Reader]> = new Map([
  [blockTypes.section, [28, readSection]],
  [blockTypes.interface, [20, readInterface]],
  [blockTypes.packet, [32, readPacket(false)]],
  [blockTypes.obsoletePacket, [32, readPacket(true)]],
  [blockTypes.simplePacket, [16, readSimplePacket]],
  [blockTypes.names, [12, readNames]],
  [blockTypes.statistics, [24, readStatistics]]
])

/** Decodes a complete block. */
export const read = (type: number, block: RawBlock, state: SectionState): DecodedBlock | PcapngError => {
  const reader = readers.get(type)
  const { length, offset } = block
  if (reader === undefined) return { _tag: "Skipped", type, name: skippedBlockName(type), length }
  const [minLength, parse] = reader
  return length < minLength
    ? malformed(offset + 4, `a block of at least ${byteCount(minLength)}`, `a length of ${length}`)
    : parse(block, state)
}
