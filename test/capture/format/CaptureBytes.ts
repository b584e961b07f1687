/** Capture files of all formats, made byte by byte, and what is read of them. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as CaptureFile from "../../../src/capture/CaptureFile.ts"
import type { CapturedPacket } from "../../../src/capture/CaptureReader.ts"
import * as Ip from "../../../src/capture/Ip.ts"
import * as NodeDecompressor from "../../../src/capture/NodeDecompressor.ts"

/** A frame to write to a file, with its time in microseconds. */
export interface Frame {
  readonly bytes: Uint8Array
  readonly micros: number
  /** Length on the wire in bytes. Default: that of `bytes`. */
  readonly originalLength?: number
}

export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"))

export const concat = (...parts: ReadonlyArray<ArrayLike<number>>): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))))

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A UDP packet from 10.0.0.1 port 4000 to 10.0.0.2 port 7, or its like in IPv6. */
export const udp = (payload: string | Uint8Array = "hello", size: 4 | 16 = 4, id = 1): Uint8Array => {
  const address = (last: number) => {
    const bytes = new Uint8Array(size)
    bytes[0] = size === 4 ? 10 : 0xfd
    bytes[size - 1] = last
    return bytes
  }
  return Ip.encode({
    from: { address: address(1), port: 4_000 },
    to: { address: address(2), port: 7 },
    payload: typeof payload === "string" ? encode(payload) : payload,
    id
  })
}

const u16 = (value: number, littleEndian: boolean) => {
  const view = new DataView(new ArrayBuffer(2))
  view.setUint16(0, value, littleEndian)
  return new Uint8Array(view.buffer)
}
const u32 = (value: number, littleEndian: boolean) => {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, value, littleEndian)
  return new Uint8Array(view.buffer)
}

/** Options of a classic file. */
export interface PcapOptions {
  readonly littleEndian: boolean
  readonly resolution?: 6 | 9
  readonly linkType?: number
  /** Adds interface, protocol and type to the header of each packet. */
  readonly isModified?: boolean
}

export const pcap = (frames: ReadonlyArray<Frame>, options: PcapOptions): Uint8Array => {
  const { isModified = false, linkType = 101, littleEndian, resolution = 6 } = options
  const word = (value: number) => u32(value, littleEndian)
  const magic = isModified ? 0xa1b2cd34 : resolution === 6 ? 0xa1b2c3d4 : 0xa1b23c4d
  const versions = concat(u16(2, littleEndian), u16(4, littleEndian))
  const head = concat(word(magic), versions, word(0), word(0), word(262_144), word(linkType))
  const records = frames.map(({ bytes, micros, originalLength = bytes.length }) => {
    const fraction = (micros % 1e6) * (resolution === 6 ? 1 : 1_000)
    const fields = [Math.floor(micros / 1e6), fraction, bytes.length, originalLength].map(word)
    return concat(...fields, isModified ? new Uint8Array(8) : [], bytes)
  })
  return concat(head, ...records)
}

/** A block of pcapng, padded. */
export const block = (type: number, body: ArrayLike<number>, littleEndian = true): Uint8Array => {
  const padding = new Uint8Array((4 - (body.length % 4)) % 4)
  const length = u32(12 + body.length + padding.length, littleEndian)
  return concat(u32(type, littleEndian), length, body, padding, length)
}

export const section = (littleEndian = true): Uint8Array =>
  block(
    0x0a0d0d0a,
    concat(u32(0x1a2b3c4d, littleEndian), u16(1, littleEndian), u16(0, littleEndian), new Uint8Array(8).fill(255)),
    littleEndian
  )

export const networkInterface = (
  linkType = 101,
  littleEndian = true,
  snapLength = 0,
  options: ArrayLike<number> = []
) =>
  block(
    1,
    concat(u16(linkType, littleEndian), u16(0, littleEndian), u32(snapLength, littleEndian), options),
    littleEndian
  )

export const simplePacket = ({ bytes, originalLength = bytes.length }: Frame, littleEndian = true): Uint8Array =>
  block(3, concat(u32(originalLength, littleEndian), bytes), littleEndian)

/** An enhanced packet, or an obsolete one. */
export const packet = (frame: Frame, littleEndian = true, isObsolete = false, index = 0): Uint8Array => {
  const { bytes, micros, originalLength = bytes.length } = frame
  const word = (value: number) => u32(value, littleEndian)
  const first = isObsolete ? concat(u16(index, littleEndian), u16(0xffff, littleEndian)) : word(index)
  const fields = [Math.floor(micros / 2 ** 32), micros % 2 ** 32, bytes.length, originalLength].map(word)
  return block(isObsolete ? 2 : 6, concat(first, ...fields, bytes), littleEndian)
}

export const pcapng = (frames: ReadonlyArray<Frame>, littleEndian = true, isObsolete = false, linkType = 101) =>
  concat(
    section(littleEndian),
    networkInterface(linkType, littleEndian),
    ...frames.map((frame) => packet(frame, littleEndian, isObsolete))
  )

/** Result of reading a file. */
export interface Read {
  readonly packets: ReadonlyArray<CapturedPacket>
  readonly error: CaptureFile.CaptureFileError | undefined
  readonly summary: CaptureFile.Summary | undefined
}

export const readChunks = (chunks: Iterable<Uint8Array>, options: CaptureFile.Options = {}): Effect.Effect<Read> =>
  Effect.gen(function* () {
    const packets: Array<CapturedPacket> = []
    let summary: CaptureFile.Summary | undefined
    const onSummary = (found: CaptureFile.Summary) =>
      Effect.sync(() => {
        summary = found
      })
    const error = yield* CaptureFile.read(Stream.fromIterable(chunks), { ...options, onSummary }).pipe(
      Stream.runForEach((packet) => Effect.sync(() => packets.push(packet))),
      Effect.as(undefined),
      Effect.catch((error) => Effect.succeed(error)),
      Effect.provide(NodeDecompressor.layer)
    )
    return { packets, error, summary }
  })

export const read = (bytes: Uint8Array, options?: CaptureFile.Options): Effect.Effect<Read> =>
  readChunks([bytes], options)

/** Reads a file without decompression, in one chunk. */
export const readSync = (bytes: Uint8Array, options?: CaptureFile.Options): Read => {
  const reader = CaptureFile.make(options)
  const packets: Array<CapturedPacket> = []
  const takeAll = () => {
    for (let packet = reader.take(); packet !== undefined; packet = reader.take()) {
      if (packet instanceof CaptureFile.CaptureFileError) return packet
      packets.push(packet)
    }
    return undefined
  }
  reader.feed(bytes)
  const error = takeAll() ?? reader.finish()
  return { packets, error, summary: reader.summary() }
}
