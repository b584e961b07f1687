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
import * as Bytes from "effect/Bytes"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import { constVoid } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Network from "../network/Network.ts"
import type { Tap } from "../network/Packet.ts"
import * as Quantity from "../network/Quantity.ts"
import * as Signal from "../network/Signal.ts"
import * as SystemErrorText from "../network/SystemErrorText.ts"
import * as CaptureWriter from "./CaptureWriter.ts"
import * as TappedStream from "./TappedStream.ts"
import * as TappedUdp from "./TappedUdp.ts"

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
 * established, FIN and RST when they are sent or detected. Unix domain sockets and failed connections are not reported.
 * A datagram received by a socket bound to all addresses is reported as sent to the local address that most likely
 * received it.
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
  const clock = yield* Clock.Clock
  const interfaces = yield* network.interfaces
  const now = () => clock.currentTimeNanosUnsafe()
  const emit: TappedStream.Emit = (transport, kind, from, to, bytes) =>
    tap({ transport, kind, from, to, bytes, at: now(), host })
  const streams = TappedStream.make(emit)
  return {
    listen: (options) => Effect.flatMap(network.listen(options), streams.listener),
    connect: (remote) => Effect.flatMap(network.connect(remote), streams.connected),
    udp: TappedUdp.make(network, interfaces, now, emit),
    interfaces: network.interfaces,
    availableSockets: () => network.availableSockets()
  }
})

const reasonOf = ({ message, reason }: PlatformError.PlatformError) =>
  reason.cause instanceof Error ? SystemErrorText.format(reason.cause) : message

/** A capture file cannot be written. @category errors @since 0.1.0 */
export class CaptureError extends Data.TaggedError("CaptureError")<{
  readonly path: string
  /** False if no packet could be written: the file cannot be opened, or its header not be written. */
  readonly isStarted: boolean
  readonly detail: string
}> {
  override get message(): string {
    return `capture to ${this.path} ${this.isStarted ? "stopped" : "not started"}: ${this.detail}`
  }
}

/** Options of a capture to a file. @category models @since 0.1.0 */
export interface FileOptions extends CaptureWriter.Options {
  /** Runs if the file cannot be written any more, as on a full disk. Default: a warning in the log. */
  readonly onFailure?: ((error: CaptureError) => Effect.Effect<void>) | undefined
}

const warn = (error: CaptureError) => Effect.logWarning(`${error.message}; the program continues without it`)

/** Opens a file, a device or a pipe and writes the header to the disk: one without space for it fails now. */
const open = Effect.fnUntraced(function* (path: string, captureWriter: CaptureWriter.CaptureWriter) {
  const fs = yield* FileSystem.FileSystem
  // Appending writes without a position, which a pipe does not have.
  const file = yield* fs.open(path, { flag: "a" })
  const isOnDisk = (yield* file.stat).type === "File"
  if (isOnDisk) yield* file.truncate()
  yield* file.writeAll(Bytes.concat(captureWriter.take()))
  if (isOnDisk) yield* file.sync
  return file
})

/**
 * Creates a tap that writes a pcapng file and replaces an existing one. The header is on the disk before the first
 * packet; fails if it cannot be written. The file is complete when the scope closes.
 *
 * If a later write fails, as on a full disk, `onFailure` runs once and the tap ignores all further packets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function* (
  path: string,
  options: FileOptions = {}
): Effect.fn.Return<Tap, CaptureError, FileSystem.FileSystem | Scope.Scope> {
  const { onFailure = warn } = options
  const captureWriter = CaptureWriter.make(options)
  const errorOf = (isStarted: boolean) => (error: PlatformError.PlatformError) =>
    new CaptureError({ path, isStarted, detail: reasonOf(error) })
  const file = yield* Effect.mapError(open(path, captureWriter), errorOf(false))
  const changed = Signal.make()
  let state: "open" | "ending" | "stopped" = "open"

  const writeLoop = Effect.gen(function* () {
    while (true) {
      const isLast = state === "ending"
      const chunks = isLast ? captureWriter.finish() : captureWriter.take()
      if (chunks.length > 0) yield* file.writeAll(Bytes.concat(chunks))
      else if (!isLast) yield* changed.wait
      if (isLast) return
    }
  }).pipe(
    Effect.catch((error) => onFailure(errorOf(true)(error))),
    Effect.ensuring(
      Effect.sync(() => {
        state = "stopped"
      })
    )
  )
  const fiber = yield* Effect.forkScoped(writeLoop)
  yield* Effect.addFinalizer(
    Effect.fnUntraced(function* () {
      if (state === "open") state = "ending"
      changed.notify()
      yield* Fiber.await(fiber)
      const dropped = captureWriter.droppedPackets()
      if (dropped > 0)
        yield* Effect.logWarning(
          `${path} lacks ${Quantity.format(dropped, "packet")}: packets were captured faster than the file was written`
        )
    })
  )
  const tap: Tap = (packet) => {
    if (state !== "open") return
    captureWriter.tap(packet)
    changed.notify()
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
