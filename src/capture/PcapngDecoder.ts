/** Reads pcapng in pieces of any size: total on any bytes, and bounded by its longest block. */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { type Block, type Interface, PcapngError } from "./Pcapng.ts"
import { blocks, nano, options, orderMagic, records, unitsOf } from "./PcapngFormat.ts"

/** What is accepted of a file. @category models @since 0.1.0 */
export interface Options {
  /** Bytes of the longest block. Default 16 MiB. */
  readonly maxBlock?: number | undefined
}

/** Reads one file. @category models @since 0.1.0 */
export interface Decoder {
  /** Adds what comes next. The bytes are the decoder's from now on. Take all there is before feeding more. */
  readonly feed: (bytes: Uint8Array) => void
  /** The next whole block, or undefined until more is fed; after an error always that error. */
  readonly take: () => Block | PcapngError | undefined
  /** Whether the file could end here: undefined, or what is wrong with that. */
  readonly finish: () => PcapngError | undefined
}

/** Interfaces to a section, so that a file of nothing else does not fill the memory. */
const maxInterfaces = 65_536

/** The magic numbers of the older format: microseconds and nanoseconds, each in both byte orders. */
const classic = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1])

const utf8 = new TextDecoder()

const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`

const plural = (count: number) => (count === 1 ? "1 byte" : `${count} bytes`)

/** The bytes of a block, where it stands in the file, and how its numbers are read. */
interface Frame {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly offset: number
  readonly little: boolean
}

const malformed = (offset: number, expected: string, found: string) =>
  new PcapngError({ reason: "Malformed", offset, expected, found })

type Values = ReadonlyArray<readonly [code: number, value: Uint8Array]>

/** The options from a place to the end of the block; records of names have the same shape. */
const readOptions = ({ bytes, little, offset, view }: Frame, from: number): Values | PcapngError => {
  const all: Array<readonly [number, Uint8Array]> = []
  const end = bytes.length - 4
  let at = from
  while (end - at >= 4) {
    const code = view.getUint16(at, little)
    const length = view.getUint16(at + 2, little)
    if (code === options.end) break
    at += 4
    if (length > end - at) {
      return malformed(offset + at - 4, `an option of at most ${plural(end - at)}`, `one of ${length}`)
    }
    all.push([code, bytes.subarray(at, at + length)])
    at += (length + 3) & ~3
  }
  return all
}

const textOf = (all: Values, code: number): string | undefined => {
  const found = all.find(([one]) => one === code)
  return found && utf8.decode(found[1])
}

const readSection = (frame: Frame): Block | PcapngError => {
  const major = frame.view.getUint16(12, frame.little)
  if (major !== 1) return malformed(frame.offset + 12, "version 1 of the format", `version ${major}`)
  const all = readOptions(frame, 24)
  return all instanceof PcapngError ? all : { _tag: "Section", application: textOf(all, options.application) }
}

const readInterface = (frame: Frame): Interface | PcapngError => {
  const { little, view } = frame
  const all = readOptions(frame, 16)
  if (all instanceof PcapngError) return all
  const resolution = all.find(([code, value]) => code === options.resolution && value.length === 1)?.[1][0] ?? 6
  const seconds = all.find(([code, value]) => code === options.offset && value.length === 8)?.[1]
  const offset = seconds && new DataView(seconds.buffer, seconds.byteOffset, 8).getBigInt64(0, little)
  return {
    _tag: "Interface",
    linkType: view.getUint16(8, little),
    snapLength: view.getUint32(12, little),
    name: textOf(all, options.interfaceName),
    resolution,
    offset
  }
}

const readPacket = (frame: Frame, interfaces: ReadonlyArray<Interface>): Block | PcapngError => {
  const { bytes, little, offset, view } = frame
  const index = view.getUint32(8, little)
  const from = interfaces[index]
  if (from === undefined) {
    return malformed(offset + 8, `one of the ${interfaces.length} interfaces described before`, `interface ${index}`)
  }
  const kept = view.getUint32(20, little)
  const room = bytes.length - 32
  if (kept > room) return malformed(offset + 20, `a packet of at most ${plural(room)}`, `one of ${kept}`)
  const all = readOptions(frame, 28 + ((kept + 3) & ~3))
  if (all instanceof PcapngError) return all
  const time = (BigInt(view.getUint32(12, little)) << 32n) | BigInt(view.getUint32(16, little))
  const since = from.resolution === 9 ? time : (time * nano) / unitsOf(from.resolution)
  return {
    _tag: "Packet",
    interface: index,
    at: since + (from.offset ?? 0n) * nano,
    bytes: bytes.slice(28, 28 + kept),
    length: view.getUint32(24, little),
    comments: all.filter(([code]) => code === options.comment).map(([, value]) => utf8.decode(value))
  }
}

const readNames = (frame: Frame): Block | PcapngError => {
  const all = readOptions(frame, 8)
  if (all instanceof PcapngError) return all
  const names = all.flatMap(([code, value]) => {
    const size = code === records.ipv4 ? 4 : code === records.ipv6 ? 16 : undefined
    if (size === undefined || value.length < size) return []
    const octets = value.subarray(0, size)
    const ip = size === 4 ? NetAddress.ipv4FromBytesUnsafe(octets) : NetAddress.ipv6FromBytesUnsafe(octets)
    const strings = utf8.decode(value.subarray(size)).split("\0")
    return [{ address: NetAddress.formatIp(ip), names: strings.slice(0, -1) }]
  })
  return { _tag: "Names", names }
}

/** The blocks that are read: the least bytes each has, and how. */
const readers: Readonly<
  Record<number, readonly [least: number, read: (frame: Frame, all: ReadonlyArray<Interface>) => Block | PcapngError]>
> = {
  [blocks.section]: [28, readSection],
  [blocks.interface]: [20, readInterface],
  [blocks.packet]: [32, readPacket],
  [blocks.names]: [12, readNames]
}

/** Starts to read a file. @category decoding @since 0.1.0 */
export const make = ({ maxBlock = 2 ** 24 }: Options = {}): Decoder => {
  let held = new Uint8Array(0)
  let view = new DataView(held.buffer)
  let start = 0
  let end = 0
  /** Where in the file `start` is. */
  let offset = 0
  let little: boolean | undefined
  let interfaces: Array<Interface> = []
  let failure: PcapngError | undefined

  const fail = (reason: PcapngError["reason"], at: number, expected: string, found: string) => {
    failure = new PcapngError({ reason, offset: at, expected, found })
    held = new Uint8Array(0)
    return failure
  }
  const keep = (error: PcapngError) => fail(error.reason, error.offset, error.expected, error.found)

  /** A block that is there as a whole; undefined for one that nobody asked for. */
  const read = (type: number, length: number, order: boolean): Block | PcapngError | undefined => {
    const reader = readers[type]
    if (reader === undefined) return undefined
    const [least, parse] = reader
    if (length < least) return malformed(offset + 4, `a block of at least ${plural(least)}`, `a length of ${length}`)
    const bytes = held.subarray(start, start + length)
    const frame = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, length), offset, little: order }
    const block = parse(frame, interfaces)
    if (block instanceof PcapngError) return block
    if (block._tag === "Section") interfaces = []
    if (block._tag !== "Interface") return block
    if (interfaces.length === maxInterfaces) return malformed(offset, `at most ${maxInterfaces} interfaces`, "one more")
    interfaces.push(block)
    return block
  }

  const step = (): Block | PcapngError | undefined | "skipped" => {
    if (failure !== undefined) return failure
    const size = end - start
    if (size < 4) return undefined
    const magic = view.getUint32(start)
    const isSection = magic === blocks.section
    if (little === undefined && !isSection) {
      return classic.has(magic)
        ? fail("ClassicPcap", offset, "pcapng", `the older pcap format (${hex(magic)}); editcap -F pcapng converts it`)
        : fail("NotPcapng", offset, `a pcapng section header (${hex(blocks.section)})`, hex(magic))
    }
    if (size < 12) return undefined
    let order = little
    if (isSection) {
      order = view.getUint32(start + 8, true) === orderMagic
      if (!order && view.getUint32(start + 8) !== orderMagic) {
        return fail("Malformed", offset + 8, `the byte order magic ${hex(orderMagic)}`, hex(view.getUint32(start + 8)))
      }
    }
    const length = view.getUint32(start + 4, order)
    if (length < 12 || length > maxBlock || length % 4 !== 0) {
      const expected = `a block of 12 to ${maxBlock} bytes, a multiple of 4`
      return fail("Malformed", offset + 4, expected, `a length of ${length}`)
    }
    if (size < length) return undefined
    const again = view.getUint32(start + length - 4, order)
    if (again !== length) {
      return fail("Malformed", offset + length - 4, `the length of the block again, ${length}`, `${again}`)
    }
    const block = read(isSection ? magic : view.getUint32(start, order), length, order!)
    if (block instanceof PcapngError) return keep(block)
    little = order
    start += length
    offset += length
    return block ?? "skipped"
  }

  return {
    feed: (bytes) => {
      if (failure !== undefined) return
      if (start === end) {
        held = bytes as Uint8Array<ArrayBuffer>
        start = 0
        end = bytes.length
      } else {
        if (end + bytes.length > held.length) {
          const grown = new Uint8Array(2 * (end - start + bytes.length))
          grown.set(held.subarray(start, end))
          end -= start
          start = 0
          held = grown
        }
        held.set(bytes, end)
        end += bytes.length
      }
      view = new DataView(held.buffer, held.byteOffset, held.byteLength)
    },
    take: () => {
      while (true) {
        const block = step()
        if (block !== "skipped") return block
      }
    },
    finish: () => {
      const found = step()
      if (found instanceof PcapngError) return found
      const size = end - start
      if (size === 0 && little !== undefined) return undefined
      if (offset + size === 0) return fail("Truncated", 0, "a pcapng section header", "an empty file")
      const needed =
        size < 12 ? undefined : view.getUint32(start + 4, little ?? view.getUint32(start + 8, true) === orderMagic)
      const expected = needed === undefined ? "a whole block" : `a block of ${plural(needed)}`
      return fail("Truncated", offset, expected, `the end of the file after ${size}`)
    }
  }
}

/**
 * All blocks of a file that is at hand as a whole; fails with the first thing that is wrong. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array, options?: Options): Result.Result<ReadonlyArray<Block>, PcapngError> => {
  const decoder = make(options)
  const all: Array<Block> = []
  decoder.feed(bytes)
  for (let block = decoder.take(); block !== undefined; block = decoder.take()) {
    if (block instanceof PcapngError) return Result.fail(block)
    all.push(block)
  }
  const failure = decoder.finish()
  return failure === undefined ? Result.succeed(all) : Result.fail(failure)
}
