/**
 * Reader of whole capture files: pcap and pcapng, as they are or compressed by gzip or zstd, detected by their first
 * bytes. Packets stream in constant memory, also from a pipe.
 *
 * **Example** (The packets of a file)
 *
 * ```ts
 * import { CaptureFile, CaptureWriter, NodeDecompressor } from "effect-inet/capture"
 * import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const writer = CaptureWriter.make()
 * const [from, to] = [{ address: "10.0.0.1", port: 4000 }, { address: "10.0.0.2", port: 7 }]
 * const bytes = new TextEncoder().encode("hello")
 * writer.tap({ transport: "udp", kind: "datagram", from, to, bytes, at: 0n, host: "client" })
 *
 * const packets = CaptureFile.read(Stream.fromIterable(writer.finish())).pipe(
 *   Stream.map(({ layers, number }) => `${number} ${layers.join(" ")}`),
 *   Stream.runCollect,
 *   Effect.provide(NodeDecompressor.layer)
 * )
 * await Effect.runPromise(packets) // => ["1 raw ip udp"]
 * ```
 */
import * as Arr from "effect/Array"
import * as Bytes from "effect/Bytes"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as CaptureReader from "./CaptureReader.ts"
import { DecompressError, Decompressor } from "./format/Decompressor.ts"
import * as FileTypes from "./format/FileTypes.ts"
import * as PcapDecoder from "./format/PcapDecoder.ts"
import type { DecodedBlock, PcapngError } from "./Pcapng.ts"
import * as PcapngDecoder from "./PcapngDecoder.ts"

/** Limits of reading, and a callback. @category models @since 0.1.0 */
export interface Options extends CaptureReader.Options {
  /** Maximum length of a block or packet in bytes; a longer one ends the file with an error. Default 16 MiB. */
  readonly maxBlockBytes?: number | undefined
  /** Effect that receives the summary when the stream ends: with the file, by an error, or by an interruption. */
  readonly onSummary?: ((summary: Summary) => Effect.Effect<void>) | undefined
}

/** Counters of what was read of a file, and of what was not. @category models @since 0.1.0 */
export interface Summary {
  /** Number of packets. */
  readonly packets: number
  /** Number of blocks that hold no packet and were not decoded, by name: `Decryption Secrets Block`. */
  readonly skippedBlocks: Readonly<Record<string, number>>
  /** Number of packets that the capturing system dropped, as the file states; undefined if it does not. */
  readonly droppedPackets: number | undefined
  /** Number of fragmented IP datagrams of which a part is missing. */
  readonly incompleteDatagrams: number
}

/**
 * Reason to reject a file.
 *
 * - `Truncated`: it ends too early
 * - `UnsupportedFormat`: its format is known and not read
 * - `UnknownFormat`: its first bytes are those of no known format
 * - `Malformed`: it violates its format
 * - `Decompression`: it cannot be decompressed
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason = "Truncated" | "UnsupportedFormat" | "UnknownFormat" | "Malformed" | "Decompression"

/** A failure to read a file, at a byte of the decompressed file. @category errors @since 0.1.0 */
export class CaptureFileError extends Data.TaggedError("CaptureFileError")<{
  readonly reason: Reason
  /** Offset of the failure in bytes: of the compressed file if it cannot be decompressed. */
  readonly offset: number
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    const { expected, found, offset, reason } = this
    const where = reason === "Decompression" ? `byte ${offset} of the compressed file` : `byte ${offset}`
    return `at ${where}: expected ${expected}, found ${found}`
  }
}

/** An incremental reader of one file that is not compressed. @category models @since 0.1.0 */
export interface Reader {
  /** Adds the next bytes, which the caller must not change later. Call `take` until undefined before the next call. */
  readonly feed: (bytes: Uint8Array) => void
  /** Returns the next packet, or undefined if more bytes are needed; after an error always that error. */
  readonly take: () => CaptureReader.CapturedPacket | CaptureFileError | undefined
  /** Returns undefined if the file may end here, otherwise the error. */
  readonly finish: () => CaptureFileError | undefined
  /** Returns the summary of what was read so far. */
  readonly summary: () => Summary
}

/** A decoder of one format. */
interface BlockDecoder {
  readonly feed: (bytes: Uint8Array) => void
  readonly take: () => DecodedBlock | PcapngError | PcapDecoder.Failure | undefined
  readonly finish: () => PcapngError | PcapDecoder.Failure | undefined
}

const isFailure = (value: object): value is PcapngError | PcapDecoder.Failure =>
  "_tag" in value && (value._tag === "Failure" || value._tag === "PcapngError")

const toError = ({ expected, found, offset, reason }: PcapngError | PcapDecoder.Failure) =>
  new CaptureFileError({ reason: reason === "Truncated" ? reason : "Malformed", offset, expected, found })

const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("")

/** Returns a decoder of the format that begins with these bytes, or the error. */
const decoderFor = (head: Uint8Array, maxBlockBytes: number): BlockDecoder | CaptureFileError => {
  const type = FileTypes.detect(head)
  const expected = "a pcap or pcapng file"
  switch (type._tag) {
    case "Pcapng":
      return PcapngDecoder.make({ maxBlockBytes })
    case "Pcap":
      return PcapDecoder.make(maxBlockBytes)
    case "Unsupported": {
      const found = `${type.name}; ${type.fix}`
      return new CaptureFileError({ reason: "UnsupportedFormat", offset: 0, expected, found })
    }
    case "Unknown": {
      if (head.length === 0)
        return new CaptureFileError({ reason: "Truncated", offset: 0, expected, found: "an empty file" })
      const found = `0x${hexOf(head)}; convert a capture of another format with editcap -F pcapng IN OUT`
      return new CaptureFileError({ reason: "UnknownFormat", offset: 0, expected, found })
    }
  }
}

/** Counts the blocks without packets. */
const makeCounters = () => {
  const skipped = new Map<string, number>()
  const dropped = new Map<string, number>()
  let section = 0
  const skip = (name: string) => {
    const key = skipped.has(name) || skipped.size < maxSkippedNames ? name : "blocks of other types"
    skipped.set(key, (skipped.get(key) ?? 0) + 1)
  }
  return {
    count: (block: DecodedBlock) => {
      if (block._tag === "Skipped") skip(block.name)
      if (block._tag === "Names") skip("Name Resolution Block")
      if (block._tag === "Section") section++
      // The counters are those since the start of the capture: the last block of an interface counts.
      if (block._tag === "Statistics" && block.droppedPackets !== undefined && dropped.size < maxCountedInterfaces) {
        dropped.set(`${section} ${block.interface}`, block.droppedPackets)
      }
    },
    skippedBlocks: () => Object.fromEntries(skipped),
    droppedPackets: () =>
      dropped.size === 0 ? undefined : [...dropped.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** Maximum number of types of blocks that are counted one by one. */
const maxSkippedNames = 100

/** Maximum number of interfaces whose dropped packets are counted. */
const maxCountedInterfaces = 65_536

/** Creates a reader of one file. @category constructors @since 0.1.0 */
export const make = (options: Options = {}): Reader => {
  const { maxBlockBytes = 2 ** 24 } = options
  const reader = CaptureReader.fromBlocks(options)
  const counters = makeCounters()
  let head: Uint8Array = new Uint8Array(0)
  let decoder: BlockDecoder | undefined
  let failure: CaptureFileError | undefined
  let packets = 0
  const begin = () => {
    const found = decoderFor(head, maxBlockBytes)
    if (found instanceof CaptureFileError) failure = found
    else {
      decoder = found
      decoder.feed(head)
    }
  }
  const feed = (bytes: Uint8Array) => {
    if (failure !== undefined) return
    if (decoder !== undefined) return decoder.feed(bytes)
    head = head.length === 0 ? bytes : Bytes.concat([head, bytes])
    if (head.length >= FileTypes.signatureBytes) begin()
  }
  const take = () => {
    while (failure === undefined && decoder !== undefined) {
      const block = decoder.take()
      if (block === undefined) return undefined
      if (isFailure(block)) {
        failure = toError(block)
        break
      }
      const packet = reader.read(block)
      if (packet !== undefined) {
        packets++
        return packet
      }
      counters.count(block)
    }
    return failure
  }
  const finish = () => {
    if (decoder === undefined && failure === undefined) begin()
    const error = failure === undefined ? decoder?.finish() : undefined
    if (error !== undefined) failure = toError(error)
    return failure
  }
  const summary = (): Summary => ({
    packets,
    skippedBlocks: counters.skippedBlocks(),
    droppedPackets: counters.droppedPackets(),
    incompleteDatagrams: reader.incompleteDatagrams()
  })
  return { feed, take, finish, summary }
}

type BytesPull<E, R> = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, E, void, R>

/** Number of bytes from which the compression is known. */
const compressionBytes = 4

/** Reads the first bytes: more than are needed, or all of a shorter file. */
const readHead = <E, R>(pull: BytesPull<E, R>) => {
  const next = (head: Uint8Array): Effect.Effect<Uint8Array, E, R> =>
    head.length >= compressionBytes
      ? Effect.succeed(head)
      : Pull.matchEffect(pull, {
          onSuccess: (chunks) => next(Bytes.concat([head, ...chunks])),
          onFailure: (cause) => Effect.failCause(cause),
          onDone: () => Effect.succeed(head)
        })
  return next(new Uint8Array(0))
}

const fromDecompressError = ({ compression, found, offset }: DecompressError) =>
  new CaptureFileError({ reason: "Decompression", offset, expected: `${compression} data`, found })

/** Decompresses a file if it is compressed. */
const plain = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Uint8Array, E | CaptureFileError, R | Decompressor> =>
  Stream.transformPull(bytes, (pull, scope) =>
    Effect.gen(function* () {
      const { decompress } = yield* Decompressor
      const head = yield* readHead(pull)
      const rest = Stream.fromPull(Effect.succeed(pull))
      const all = head.length === 0 ? rest : Stream.concat(Stream.succeed(head), rest)
      const compression = FileTypes.compressionOf(head)
      const content =
        compression === undefined
          ? all
          : Stream.mapError(decompress(all, compression), (error) =>
              error instanceof DecompressError ? fromDecompressError(error) : error
            )
      return yield* Effect.provideService(Stream.toPull(content), Scope.Scope, scope)
    })
  )

/** Maximum number of packets in a chunk of the stream, so that a long chunk of bytes does not occupy more memory. */
const maxChunkPackets = 4_096

/** Takes packets until more bytes are needed or an error follows. */
const takePackets = (reader: Reader) => {
  const found: Array<CaptureReader.CapturedPacket> = []
  while (found.length < maxChunkPackets) {
    const packet = reader.take()
    if (packet === undefined) break
    if (packet instanceof CaptureFileError) return { found, failure: packet }
    found.push(packet)
  }
  return { found, failure: undefined }
}

/**
 * Streams the packets of a file; fails at the first error, after the packets before it. The stream of bytes may be that
 * of a pipe: a packet is emitted as soon as its last byte has come.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  options: Options = {}
): Stream.Stream<CaptureReader.CapturedPacket, E | CaptureFileError, R | Decompressor> =>
  Stream.transformPull(plain(bytes), (pull, scope) =>
    Effect.gen(function* () {
      const reader = make(options)
      let isTold = false
      const tell = Effect.suspend(() => {
        if (isTold) return Effect.void
        isTold = true
        return options.onSummary?.(reader.summary()) ?? Effect.void
      })
      yield* Scope.addFinalizer(scope, tell)
      const fail = (error: CaptureFileError) => Effect.andThen(tell, Effect.fail(error))
      let failure: CaptureFileError | undefined
      const end = Effect.suspend((): Effect.Effect<never, CaptureFileError | Cause.Done> => {
        failure = reader.finish()
        return failure === undefined ? Effect.andThen(tell, Cause.done()) : fail(failure)
      })
      const next: Pull.Pull<
        Arr.NonEmptyReadonlyArray<CaptureReader.CapturedPacket>,
        E | CaptureFileError,
        void,
        R | Decompressor
      > = Effect.suspend(() => {
        if (failure !== undefined) return fail(failure)
        const taken = takePackets(reader)
        failure = taken.failure
        if (Arr.isArrayNonEmpty(taken.found)) return Effect.succeed(taken.found)
        if (failure !== undefined) return fail(failure)
        return Effect.flatMap(
          Pull.catchDone(pull, () => end),
          (chunks) => {
            for (const chunk of chunks) reader.feed(chunk)
            return next
          }
        )
      })
      return next
    })
  )
