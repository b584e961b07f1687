/**
 * A network that is listened in on: whatever a program sends and receives through it is told to a tap, or written to a
 * file that Wireshark opens. It sees the sockets of this program only, so it needs no rights and hears nobody else.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Network from "../network/Network.ts"
import type { Tap } from "../network/Packet.ts"
import * as CaptureWriter from "./CaptureWriter.ts"
import * as TappedStream from "./TappedStream.ts"
import * as TappedUdp from "./TappedUdp.ts"

/** What is said of the host that is listened in on. @category models @since 0.1.0 */
export interface Options {
  /** Its name, and that of its interface in the capture. Default `local`. */
  readonly host?: string | undefined
}

/**
 * The same network, which tells a tap of every packet, with the time of `Clock`. A packet between two of its own
 * sockets is told once, when it is sent.
 *
 * A stream is told as its program sees it: bytes when they are written and pulled, the handshake when it is over, FIN
 * and RST when they are sent and noticed. Paths of the file system, and connections that fail, are not told. A datagram
 * that a socket bound to all addresses hears is told as sent to the one it most likely came by.
 *
 * @category combinators
 * @since 0.1.0
 */
export const wrap = Effect.fnUntraced(function* (
  network: Network.Network["Service"],
  tap: Tap,
  { host = "local" }: Options = {}
): Effect.fn.Return<Network.Network["Service"]> {
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

const ignorePacket: Tap = () => {}

/** The platform's own words, where it has any. */
const reasonOf = (error: PlatformError.PlatformError) =>
  error.reason.cause instanceof Error ? error.reason.cause.message : error.message

/** Opens the file and starts to write; undefined, and a warning, where that cannot be. */
const open = Effect.fnUntraced(function* (path: string, options: CaptureWriter.Options) {
  const fs = yield* FileSystem.FileSystem
  const opened = yield* Effect.exit(fs.open(path, { flag: "w" }))
  if (Exit.isFailure(opened)) {
    return yield* Effect.as(
      Effect.catch(Effect.asVoid(opened), (error) => Effect.logWarning(`nothing is captured: ${reasonOf(error)}`)),
      undefined
    )
  }
  const file = opened.value
  const captureWriter = CaptureWriter.make(options)
  const wakeUp = Latch.makeUnsafe(true)
  let waiting = false
  let state: "open" | "ending" | "stopped" = "open"

  const write = Effect.fnUntraced(function* (chunks: ReadonlyArray<Uint8Array>) {
    let size = 0
    for (const { length } of chunks) size += length
    const bytes = new Uint8Array(size)
    let offset = 0
    for (const chunk of chunks) {
      bytes.set(chunk, offset)
      offset += chunk.length
    }
    yield* file.writeAll(bytes)
  })
  const writeLoop = Effect.gen(function* () {
    while (true) {
      const isLast = state === "ending"
      const chunks = isLast ? captureWriter.finish() : captureWriter.take()
      if (chunks.length > 0) yield* write(chunks)
      else if (!isLast) {
        waiting = true
        wakeUp.closeUnsafe()
        yield* wakeUp.await
      }
      if (isLast) return
    }
  }).pipe(
    Effect.catch((error) => Effect.logWarning(`capture to ${path} stopped, the program goes on: ${reasonOf(error)}`)),
    Effect.ensuring(
      Effect.sync(() => {
        state = "stopped"
      })
    )
  )
  const wake = () => {
    waiting = false
    wakeUp.openUnsafe()
  }
  const fiber = yield* Effect.forkScoped(writeLoop)
  yield* Effect.addFinalizer(
    Effect.fnUntraced(function* () {
      if (state === "open") state = "ending"
      wake()
      yield* Fiber.await(fiber)
      const dropped = captureWriter.droppedPackets()
      if (dropped > 0)
        yield* Effect.logWarning(`${path} lacks ${dropped} packets: they came faster than it was written`)
    })
  )
  const tap: Tap = (packet) => {
    if (state !== "open") return
    captureWriter.tap(packet)
    if (waiting) wake()
  }
  return tap
})

/**
 * A tap that writes a pcapng file, replacing what was there; the file is complete when the scope closes. A file that
 * cannot be opened or written any further is a warning in the log, and the tap then does nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toFile = (
  path: string,
  options: CaptureWriter.Options = {}
): Effect.Effect<Tap, never, FileSystem.FileSystem | Scope.Scope> =>
  Effect.map(open(path, options), (tap) => tap ?? ignorePacket)

/**
 * Captures all that a program does on the network beneath into a pcapng file, and says so in the log. Put it between
 * the program and its network: `Layer.provideMerge(Capture.layer("out.pcapng"), NodeHost.layer)`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  file: string,
  options: Options & CaptureWriter.Options = {}
): Layer.Layer<Network.Network, never, Network.Network | FileSystem.FileSystem> =>
  Layer.effect(
    Network.Network,
    Effect.gen(function* () {
      const network = yield* Network.Network
      const tap = yield* open(file, options)
      if (tap === undefined) return network
      yield* Effect.logInfo(`capturing to ${file}; child processes and worker threads are not captured`)
      return yield* wrap(network, tap, options)
    })
  )
