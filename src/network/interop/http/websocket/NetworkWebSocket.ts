/** WebSocket of a client over `Network`, with the interface of browsers that effect's `WebSocketConstructor` needs. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Latch from "effect/Latch"
import * as Dns from "effect/net/Dns"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Socket from "effect/socket/Socket"
import { Network, NetworkError } from "../../../Network.ts"
import * as Errors from "../../InteropErrors.ts"
import * as ClientPool from "../client/ClientPool.ts"
import * as HttpDecoder from "../message/HttpDecoder.ts"
import * as HttpEncoder from "../message/HttpEncoder.ts"
import type * as HttpHead from "../message/HttpHead.ts"
import * as UpgradedSocket from "../message/UpgradedSocket.ts"
import * as WebSocketHandshake from "./WebSocketHandshake.ts"
import * as WebSocketSocket from "./WebSocketSocket.ts"

const openError = (cause: unknown) =>
  cause instanceof NetworkError
    ? Errors.openError(cause)
    : new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })

const randomBytes = (count: number) =>
  Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, 255), count), (bytes) => Uint8Array.from(bytes))

/** Connects and opens the WebSocket. */
const open = Effect.fnUntraced(
  function* (connector: ClientPool.Connector, url: URL, protocols: ReadonlyArray<string>, headers: HttpHead.Fields) {
    if (url.protocol !== "ws:")
      return yield* openError(new Error(`${url.protocol} is not supported: no TLS over Network`))
    const { connection, reader } = yield* ClientPool.connect(connector, url)
    const key = yield* randomBytes(16)
    const fields: HttpHead.Fields = [["host", url.host], ...WebSocketHandshake.request(key, protocols), ...headers]
    const invalid = HttpEncoder.findInvalidField(fields)
    if (invalid !== undefined) return yield* openError(new Error(`the field ${invalid} cannot be sent`))
    yield* connection.write(HttpEncoder.requestHead("GET", url.pathname + url.search, fields))
    const event = yield* reader.next
    if (event._tag !== "Head") return yield* openError(new Error("the server closed the connection"))
    const fault = WebSocketHandshake.findFault(event.head as HttpHead.ResponseHead, key, protocols)
    if (fault !== undefined) return yield* openError(new Error(fault))
    HttpDecoder.next(reader.decoder)
    return UpgradedSocket.withReader(connection, reader)
  },
  Effect.mapError((error) => (Socket.isSocketError(error) ? error : openError(error)))
)

type Listener = (event: Socket.WebSocketEvent) => void
type EventType = "open" | "message" | "error" | "close"

/** Time for the server to answer a close frame. */
const closeTimeoutMillis = 1_000

/** Values of `readyState`, as in browsers. */
const [connecting, opened, closing, closed] = [0, 1, 2, 3]

/** A WebSocket, which its fiber reads and writes. */
class NetworkWebSocket implements Socket.WebSocketLike {
  readyState: number = connecting
  isPaused = false
  readonly #listeners = new Map<Listener, { readonly type: EventType; readonly once: boolean }>()
  readonly #outgoing = Effect.runSync(Queue.unbounded<string | Uint8Array | Socket.CloseEvent>())
  readonly #flowing = Latch.makeUnsafe(true)
  readonly #fiber: Fiber.Fiber<void>

  constructor(socket: Socket.Socket, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.#fiber = fork(this.#run(socket))
  }

  #run(socket: Socket.Socket): Effect.Effect<void> {
    const program = Effect.gen({ self: this }, function* () {
      const { pull } = yield* socket.reader
      const writer = yield* socket.writer
      this.readyState = opened
      this.#emit("open", {})
      const read = Effect.flatMap(this.#flowing.await, () =>
        Effect.map(pull, (messages) => {
          for (const data of messages) this.#emit("message", { data })
        })
      )
      yield* Effect.raceFirst(Effect.forever(read), this.#write(writer))
    })
    return Effect.scoped(program).pipe(
      Effect.catch((error) => Effect.sync(() => this.#fail(error))),
      Effect.ensuring(Effect.sync(() => this.#close(1006, "")))
    )
  }

  /** Sends what is queued; after a close frame it waits for that of the server. */
  #write(writer: Socket.Writer) {
    const step: Effect.Effect<void, Socket.SocketError> = Effect.flatMap(Queue.take(this.#outgoing), (chunk) =>
      Effect.flatMap(writer.write(chunk), () => (Socket.isCloseEvent(chunk) ? Effect.sleep(closeTimeoutMillis) : step))
    )
    return step
  }

  #fail({ reason }: Socket.SocketError) {
    if (reason._tag === "SocketCloseError") return this.#close(reason.code, reason.closeReason ?? "")
    this.#emit("error", { data: reason })
    this.#close(1006, "")
  }

  #close(code: number, reason: string) {
    if (this.readyState === closed) return
    this.readyState = closed
    this.#emit("close", { code, reason })
  }

  #emit(type: EventType, event: Socket.WebSocketEvent) {
    for (const [listener, registered] of [...this.#listeners]) {
      if (registered.type !== type) continue
      if (registered.once) this.#listeners.delete(listener)
      listener({ type, ...event })
    }
  }

  addEventListener(type: EventType, listener: Listener, options?: { readonly once?: boolean }) {
    this.#listeners.set(listener, { type, once: options?.once === true })
  }

  removeEventListener(type: EventType, listener: Listener) {
    if (this.#listeners.get(listener)?.type === type) this.#listeners.delete(listener)
  }

  close(code = 1000, reason = "") {
    if (this.readyState >= closing) return
    const wasOpen = this.readyState === opened
    this.readyState = closing
    if (wasOpen) Queue.offerUnsafe(this.#outgoing, new Socket.CloseEvent(code, reason))
    else this.#fiber.interruptUnsafe()
  }

  send(data: string | Uint8Array<ArrayBuffer>) {
    if (this.readyState === connecting) throw new Error("send failed: the WebSocket is not open yet; wait for `open`")
    if (this.readyState === opened) Queue.offerUnsafe(this.#outgoing, typeof data === "string" ? data : data.slice())
  }

  pause() {
    this.isPaused = true
    this.#flowing.closeUnsafe()
  }

  resume() {
    this.isPaused = false
    this.#flowing.openUnsafe()
  }
}

/** Creates the constructor, whose WebSockets close with the scope. */
export const makeConstructor = Effect.fnUntraced(function* (limits: ClientPool.PoolLimits) {
  const connector: ClientPool.Connector = { limits, network: yield* Network, dns: yield* Dns.Dns }
  const run = yield* FiberSet.makeRuntime<never>()
  return Socket.WebSocketConstructor.of((url, options) => {
    const isPlain = options === undefined || typeof options === "string" || Array.isArray(options)
    const { headers = {}, protocols = [] } = isPlain ? { protocols: options } : options
    const offered = typeof protocols === "string" ? [protocols] : protocols
    const opening = open(connector, new URL(url), offered, Object.entries(headers))
    return new NetworkWebSocket(WebSocketSocket.make(opening, { role: "client" }), (effect) => run(effect))
  })
})
