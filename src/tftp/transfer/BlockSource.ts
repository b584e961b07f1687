/**
 * The blocks of what is sent, in memory when they are needed and no longer: a file is read ahead in large pieces and
 * read again where blocks must be resent; a stream is held from the first block that is not acknowledged.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Signal from "../../network/Signal.ts"
import * as Netascii from "../protocol/Netascii.ts"
import type * as Packet from "../protocol/Packet.ts"
import type * as FileStore from "../store/FileStore.ts"
import { FileStoreError, ReadFailed } from "../store/FileStoreError.ts"
import * as PositionedReads from "./PositionedReads.ts"

/** Bytes read at a time: a few transfers may take more memory, and cost less each. */
const piece = { few: 1_024 * 1_024, many: 128 * 1_024 }

/** Bytes of a block whose copying costs more than a read into several places does. */
const large = 8 * 1_024

/** What is to be sent, block by block. */
export interface Source {
  /** The last block; Infinity while that is not known. */
  readonly last: () => number
  /** A block with room for a header before it, in `into` or elsewhere; undefined if it is not there yet. */
  readonly take: (block: number, into: Uint8Array) => Uint8Array | undefined
  /** The blocks up to this one will not be asked for again. */
  readonly release: (upTo: number) => void
  /** Reads, until interrupted or it fails; `ready` is called when more can be taken. */
  readonly run: (ready: () => void) => Effect.Effect<never, FileStoreError>
}

/** Where a block lies in its packet. */
const header = 4

const put = (packet: Uint8Array, block: Uint8Array) => {
  packet.set(block, header)
  const length = header + block.length
  return length === packet.length ? packet : packet.subarray(0, length)
}

/** A piece of a file in memory. */
interface Slot {
  readonly bytes: Uint8Array
  /** Counts from 0; -1 while it holds nothing. */
  piece: number
  length: number
}

const fromFile = (
  body: Extract<FileStore.Body, { readonly _tag: "Random" }>,
  size: number | undefined,
  { blksize, filename, isAlone }: Options
): Source => {
  const blocksOf = Math.max(1, Math.floor((isAlone ? piece.few : piece.many) / blksize))
  const length = Math.min(blocksOf * blksize, size === undefined ? Number.POSITIVE_INFINITY : size + 1)
  const slots: Array<Slot> = []
  const bell = Signal.make()
  let wanted = 0
  let current = -1
  let last = Number.POSITIVE_INFINITY

  const find = (index: number) => slots.find((slot) => slot.piece === index)
  /** A file that fits into one piece needs no second one. */
  const free = () => {
    const idle = slots.find((slot) => slot.piece === -1) ?? slots.find((slot) => slot.piece !== current)
    if (idle !== undefined && slots.length > 1) return idle
    const slot = { bytes: new Uint8Array(length), piece: -1, length: 0 }
    slots.push(slot)
    return slot
  }
  const want = (index: number) => {
    if (index === wanted) return
    wanted = index
    bell.ring()
  }
  const read = Effect.fnUntraced(function* (index: number) {
    const slot = free()
    slot.piece = -1
    const at = index * blocksOf * blksize
    slot.length = yield* body.readAt(at, slot.bytes)
    slot.piece = index
    if (slot.length === blocksOf * blksize) return
    const end = Math.floor((at + slot.length) / blksize) + 1
    if (last !== Number.POSITIVE_INFINITY && end !== last) {
      return yield* new FileStoreError({ filename, reason: new ReadFailed({ cause: "its size changed" }) })
    }
    last = end
  })

  return {
    last: () => last,
    take: (block, into) => {
      const index = Math.floor((block - 1) / blocksOf)
      const slot = find(index)
      if (slot === undefined) {
        want(index)
        return undefined
      }
      if (index !== current) {
        current = index
        if (last === Number.POSITIVE_INFINITY || (index + 1) * blocksOf < last) want(index + 1)
      }
      const from = (block - 1 - index * blocksOf) * blksize
      const count = Math.max(0, Math.min(blksize, slot.length - from))
      return put(into, slot.bytes.subarray(from, from + count))
    },
    release: () => {},
    run: (ready) =>
      Effect.gen(function* () {
        while (true) {
          const index = wanted
          if (find(index) === undefined) {
            yield* read(index)
            ready()
          }
          if (index === wanted) yield* bell.wait
        }
      })
  }
}

/** What is not a file to read at random: every block is held until it is acknowledged. */
const fromStream = (stream: Stream.Stream<Uint8Array, FileStoreError>, blksize: number, windowsize: number): Source => {
  const held = new Map<number, Uint8Array>()
  const most = windowsize + Math.max(1, Math.floor(piece.many / blksize))
  const bell = Signal.make()
  let filled = 0
  let released = 0
  let last = Number.POSITIVE_INFINITY
  return {
    last: () => last,
    take: (block, into) => {
      const bytes = held.get(block)
      return bytes === undefined ? undefined : put(into, bytes)
    },
    release: (upTo) => {
      while (released < upTo) held.delete(++released)
      bell.ring()
    },
    run: (ready) =>
      Effect.scoped(
        Effect.gen(function* () {
          const pull = yield* Stream.toPull(stream)
          let block = new Uint8Array(blksize)
          let length = 0
          const flush = () => {
            held.set(++filled, block.subarray(0, length))
            block = new Uint8Array(blksize)
            length = 0
          }
          const fill = Effect.fnUntraced(function* (bytes: Uint8Array) {
            for (let at = 0; at < bytes.length; ) {
              const count = Math.min(blksize - length, bytes.length - at)
              block.set(bytes.subarray(at, at + count), length)
              length += count
              at += count
              if (length < blksize) continue
              flush()
              while (filled - released >= most) {
                ready()
                yield* bell.wait
              }
            }
          })
          const all = Effect.gen(function* () {
            while (true) {
              for (const bytes of yield* pull) yield* fill(bytes)
              ready()
            }
          })
          yield* Effect.catchIf(all, Cause.isDone, () => Effect.void)
          flush()
          last = filled
          ready()
          return yield* Effect.never
        })
      )
  }
}

/** A file as a stream, for what changes its length on the way. */
const streamOf = (body: FileStore.Body): Stream.Stream<Uint8Array, FileStoreError> =>
  body._tag === "Stream"
    ? body.stream
    : Stream.unfold(0, (position) => {
        const bytes = new Uint8Array(piece.many / 4)
        return Effect.map(body.readAt(position, bytes), (count) =>
          count === 0 ? undefined : ([bytes.subarray(0, count), position + count] as const)
        )
      })

/** The same stream with the end-of-line and NUL pairs of netascii (RFC 764). */
const encoded = (stream: Stream.Stream<Uint8Array, FileStoreError>) =>
  Stream.suspend(() => {
    const encoder = Netascii.encoder()
    return Stream.concat(
      Stream.map(stream, encoder.push),
      Stream.suspend(() => Stream.succeed(encoder.end()))
    )
  })

/** How a file is sent. */
export interface Options {
  readonly blksize: number
  readonly windowsize: number
  readonly mode: Packet.Mode
  /** For errors. */
  readonly filename: string
  /** One of few transfers here. */
  readonly isAlone: boolean
}

/** What is to be sent of a file or a stream. */
export const make = ({ body, size }: Pick<FileStore.Readable, "body" | "size">, options: Options): Source => {
  const { blksize, isAlone, mode, windowsize } = options
  if (mode === "octet" && body._tag === "Random") {
    return (isAlone || windowsize === 1) && blksize >= large && body.readAll !== undefined
      ? PositionedReads.make({ readAll: body.readAll, size, blksize, windowsize, piece: piece.many })
      : fromFile(body, size, options)
  }
  const stream = streamOf(body)
  return fromStream(mode === "octet" ? stream : encoded(stream), blksize, windowsize)
}
