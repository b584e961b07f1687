/**
 * Packet capture of a program's own sockets. It wraps a `Network` and reports its packets to a tap, or writes them to a
 * pcapng file for Wireshark. Sockets of other programs are not captured, so no privileges are needed.
 *
 * **Example** (Write what a program sends and receives to a file)
 *
 * ```ts
 * import { Capture, PcapngDecoder } from "effect-inet/capture"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { Rot13Client, Rot13Server } from "effect-inet/rot13"
 * import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
 * import * as Effect from "effect/Effect"
 * import * as FileSystem from "effect/FileSystem"
 * import * as Result from "effect/Result"
 *
 * const program = Effect.gen(function* () {
 *   const server = yield* Rot13Server.make({ port: 0 })
 *   const network = yield* Network.Network
 *   const connection = yield* network.connect(server.address)
 *   yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(
 *   Effect.gen(function* () {
 *     const fs = yield* FileSystem.FileSystem
 *     const file = `${yield* fs.makeTempDirectoryScoped()}/out.pcapng`
 *     yield* Effect.provide(program, Capture.layer(file))
 *     const blocks = Result.getOrThrow(PcapngDecoder.decode(yield* fs.readFile(file)))
 *     blocks[0] // => { _tag: "Section", application: "effect-inet" }
 *     // Handshake 3, two messages and two FINs with an acknowledgement each.
 *     blocks.filter((block) => block._tag === "Packet").length // => 11
 *   }).pipe(Effect.scoped, Effect.provide([NodeNetwork.layer, NodeFileSystem.layer]))
 * )
 * ```
 */
import type * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { constTrue, constVoid } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Network from "../network/Network.ts"
import type { Tap } from "../network/Packet.ts"
import * as Quantity from "../network/Quantity.ts"
import * as CaptureWriter from "./CaptureWriter.ts"
import * as FailedConnect from "./tap/FailedConnect.ts"
import * as TappedStream from "./tap/TappedStream.ts"
import * as TappedUdp from "./tap/TappedUdp.ts"
import * as CaptureLimits from "./write/CaptureLimits.ts"
import * as CaptureOutput from "./write/CaptureOutput.ts"
import * as Destination from "./write/Destination.ts"

/** Options of a captured network. @category models @since 0.1.0 */
export interface Options {
  /** Name of the host, used as the name of its interface in the capture. Default `local`. */
  readonly host?: string | undefined
}

/**
 * Wraps a network so that every packet is reported to a tap, with the time of `Clock`. A packet between two sockets of
 * this network is reported once, when it is sent.
 *
 * A stream is reported as its program sees it: data when it is written or pulled, the handshake when the connection is
 * established, FIN and RST when they are sent or detected. Unix domain sockets are not reported. A datagram received by
 * a socket bound to all addresses is reported as sent to the local address that most likely received it.
 *
 * A connection that fails is reported when it fails: its SYN, and the RST of the remote end if it was refused. Nothing
 * follows the SYN if no answer came, the host was unreachable or the attempt was interrupted. Sockets do not tell the
 * local port of such an attempt: the SYN has one from 61,000 up, and the comment `local port unknown`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wrap = Effect.fnUntraced(function* (
  network: Network.Network["Service"],
  tap: Tap,
  options: Options = {}
): Effect.fn.Return<Network.Network["Service"]> {
  const { host = "local" } = options
  const { isActive = constTrue } = tap
  const clock = yield* Clock.Clock
  const interfaces = yield* network.interfaces
  const now = () => clock.currentTimeNanosUnsafe()
  const emit: TappedStream.Emit = (transport, kind, from, to, bytes, fault) => {
    if (isActive()) tap({ transport, kind, from, to, bytes, at: now(), host, fault })
  }
  const streams = TappedStream.make(emit)
  const attempt = FailedConnect.make(interfaces, now, emit)
  return {
    listen: (options) => Effect.flatMap(network.listen(options), streams.listener),
    connect: (remote) => Effect.flatMap(attempt(remote, network.connect(remote)), streams.connected),
    udp: TappedUdp.make(network, interfaces, { now, emit, isActive }),
    interfaces: network.interfaces,
    availableSockets: () => network.availableSockets()
  }
})

/** Returns the name of a destination in a message. */
const nameOf = (path: string) => (path === Destination.stdoutPath ? "standard output" : path)

/** A capture file cannot be written. @category errors @since 0.1.0 */
export class CaptureError extends Data.TaggedError("CaptureError")<{
  readonly path: string
  /** False if no packet could be written: the file cannot be opened, or its header not be written. */
  readonly isStarted: boolean
  readonly detail: string
  /** Number of packets that waited for the reader of a pipe when the capture ended. Default: not known. */
  readonly lostPackets?: number | undefined
}> {
  override get message(): string {
    const lost = this.lostPackets === undefined ? "" : `; ${Quantity.format(this.lostPackets, "packet")} lost`
    return `capture to ${nameOf(this.path)} ${this.isStarted ? "stopped" : "not started"}: ${this.detail}${lost}`
  }
}

/** Amounts of packets that end a file, or a capture. The first that is reached counts. @category models @since 0.1.0 */
export interface Amounts {
  /** Size of the file in bytes, or of all files. */
  readonly size?: ByteSize.Input | undefined
  /** Time from the first packet. */
  readonly time?: Duration.Input | undefined
  readonly packets?: number | undefined
}

/** A capture to several files, each of which can be read alone. @category models @since 0.1.0 */
export interface Ring extends Amounts {
  /** Number of files that are kept: the oldest one is removed before a further one. Default: all. */
  readonly files?: number | undefined
}

/** Options of a capture to a file. @category models @since 0.1.0 */
export interface FileOptions extends CaptureWriter.Options {
  /**
   * Writes several files, whose names are the path with a number and a time before the extension:
   * `out_00001_20261130160149.pcapng`. Default: one file.
   */
  readonly ring?: Ring | undefined
  /** Ends the capture: further packets are ignored, and the program continues. Default: never. */
  readonly stop?: Amounts | undefined
  /**
   * Time for which the end of the scope waits for the reader of a pipe to open it, and to read the rest. Default 5
   * seconds.
   */
  readonly closeTimeout?: Duration.Input | undefined
  /**
   * Runs if the file cannot be written any more, as on a full disk, or if no reader has opened the pipe. Default: a
   * warning in the log.
   */
  readonly onFailure?: ((error: CaptureError) => Effect.Effect<void>) | undefined
}

const warn = (error: CaptureError) => Effect.logWarning(`${error.message}; the program continues without it`)

/** Returns the warning about packets that the capture lacks; undefined if there are none. */
const missing = (path: string, packets: number, why: string) =>
  packets === 0 ? Effect.void : Effect.logWarning(`${nameOf(path)} lacks ${Quantity.format(packets, "packet")}: ${why}`)

const tooSlow = "packets were captured faster than the file was written"

/** Ends a capture: reports why, and how many packets it lacks. */
const report = (
  path: string,
  { droppedPackets }: CaptureWriter.CaptureWriter,
  onFailure: NonNullable<FileOptions["onFailure"]>
) => {
  const fail = (detail: string, lostPackets?: number) =>
    onFailure(new CaptureError({ path, isStarted: true, detail, lostPackets }))
  return Effect.fnUntraced(function* (ending: CaptureOutput.Ending) {
    switch (ending._tag) {
      case "Closed":
        return yield* missing(path, droppedPackets(), tooSlow)
      case "Limit":
        yield* missing(path, droppedPackets(), tooSlow)
        return yield* Effect.logInfo(`capture to ${nameOf(path)} ended: it has reached its limit of ${ending.reached}`)
      case "Failure":
        return yield* fail(ending.detail)
      case "Stuck": {
        const lost = droppedPackets() + ending.lostPackets
        return ending.hasReader
          ? yield* missing(path, lost, "its reader did not read them in time")
          : yield* fail("no reader has opened the pipe", lost)
      }
    }
  })
}

/**
 * Creates a tap that writes a pcapng file and replaces an existing one. The header is on the disk before the first
 * packet; fails if it cannot be written. The file is complete when the scope closes.
 *
 * The path may be a named pipe, or `-` for standard output, with `NodePipes.layer`. The program never waits for the
 * reader: packets wait for it in memory, and are dropped and counted beyond `maxPendingBytes`.
 *
 * If a later write fails, as on a full disk, `onFailure` runs once and the tap ignores all further packets. The file
 * then ends with the last packet that it has space for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function* (
  path: string,
  options: FileOptions = {}
): Effect.fn.Return<Tap, CaptureError, FileSystem.FileSystem | Scope.Scope> {
  const { closeTimeout = "5 seconds", onFailure = warn, ring, stop } = options
  const captureWriter = CaptureWriter.make(options)
  const output = yield* CaptureOutput.open(path, captureWriter.source, {
    ring: ring && { files: ring.files, limits: CaptureLimits.amountsOf(ring) },
    stop: stop && CaptureLimits.amountsOf(stop),
    closeTimeout: Duration.fromInputUnsafe(closeTimeout),
    onWaiting: Effect.logInfo(`capture to ${nameOf(path)}: packets wait in memory until a reader opens the pipe`),
    finish: captureWriter.flush,
    onEnd: report(path, captureWriter, onFailure)
  }).pipe(Effect.mapError(({ detail }) => new CaptureError({ path, isStarted: false, detail })))
  const tap: Tap = (packet) => {
    if (!output.isOpen()) return
    captureWriter.tap(packet)
    output.notify()
  }
  return tap
})

/** Starts a capture, or logs a warning and returns undefined. */
const startOrWarn = (path: string, options: FileOptions) =>
  Effect.catch(start(path, options), (error) => Effect.as(warn(error), undefined))

/**
 * Creates a tap as `start` does. If the file cannot be opened, or its header not be written, a warning is logged and
 * the tap ignores all packets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toFile = (
  path: string,
  options: FileOptions = {}
): Effect.Effect<Tap, never, FileSystem.FileSystem | Scope.Scope> =>
  Effect.map(startOrWarn(path, options), (tap) => tap ?? constVoid)

/**
 * Writes all packets of the network below to a pcapng file, and logs its path. Put the layer between a program and its
 * network: `Layer.provideMerge(Capture.layer("out.pcapng"), NodeNetwork.layer)`.
 *
 * Child processes and worker threads have networks of their own, which are not captured. Errors of the file do not stop
 * the program: see `toFile`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  file: string,
  options: Options & FileOptions = {}
): Layer.Layer<Network.Network, never, Network.Network | FileSystem.FileSystem> =>
  Layer.effect(
    Network.Network,
    Effect.gen(function* () {
      const network = yield* Network.Network
      const tap = yield* startOrWarn(file, options)
      if (tap === undefined) return network
      yield* Effect.logInfo(`capturing to ${file}; child processes and worker threads are not captured`)
      return yield* wrap(network, tap, options)
    })
  )
