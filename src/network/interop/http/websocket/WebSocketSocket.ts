/** WebSocket over a connection, as effect's `Socket`: strings are text messages, bytes binary ones. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type { Connection, NetworkError } from "../../../Network.ts"
import * as Errors from "../../InteropErrors.ts"
import * as WebSocketFrame from "./WebSocketFrame.ts"

/** Options of a WebSocket. */
export interface Options {
  readonly role: WebSocketFrame.Role
  /** Maximum size of a message; a larger one closes the connection with code 1009. Default 16 MiB. */
  readonly maxMessageBytes?: number | undefined
}

/** Time for the peer to answer a close frame. */
const closeTimeoutMillis = 1_000

/** State between the acquisition and the release of a reader. */
interface OpenSocket {
  readonly connection: Connection
  readonly role: WebSocketFrame.Role
  readonly decoder: WebSocketFrame.FrameDecoder
  isCloseSent: boolean
  /** Error of reads after the last message. */
  closed: Socket.SocketError | undefined
  isPulling: boolean
}

/** Sends a frame, with a random mask where the role has one. */
const send = (
  { connection, role }: OpenSocket,
  encode: (key: Uint8Array | undefined) => Uint8Array
): Effect.Effect<void, NetworkError> =>
  role === "server"
    ? connection.write(encode(undefined))
    : Effect.flatMap(Random.nextIntBetween(0, 2 ** 32 - 1), (number) => {
        const key = new Uint8Array(4)
        new DataView(key.buffer).setUint32(0, number)
        return connection.write(encode(key))
      })

const sendClose = (socket: OpenSocket, code: number, reason: string): Effect.Effect<void, NetworkError> => {
  if (socket.isCloseSent) return Effect.void
  socket.isCloseSent = true
  return send(socket, (key) => WebSocketFrame.close(code, reason, key))
}

/** Reads bytes into the decoder. The end of the connection without a close frame is code 1006. */
const receive = (socket: OpenSocket): Effect.Effect<void, Socket.SocketError> => {
  socket.isPulling = true
  return Effect.matchEffect(socket.connection.pull, {
    onSuccess: (bytes) => {
      socket.isPulling = false
      WebSocketFrame.push(socket.decoder, bytes)
      return Effect.void
    },
    onFailure: (error) => {
      socket.isPulling = false
      socket.closed ??= Cause.isDone(error) ? Errors.closeError(1006) : Errors.readError(error)
      return Effect.fail(socket.closed)
    }
  })
}

/** Ends the input: answers the peer's close frame, or sends one because of a fault of the peer. */
const finish = (socket: OpenSocket, event: Extract<WebSocketFrame.Event, { readonly code: number }>) => {
  const { code, reason } = event
  socket.closed ??=
    event._tag === "Close"
      ? Errors.closeError(code, reason === "" ? undefined : reason)
      : new Socket.SocketError({ reason: new Socket.SocketReadError({ cause: new Error(reason) }) })
  return Effect.andThen(Effect.ignore(sendClose(socket, code, event._tag === "Close" ? "" : reason)), socket.closed)
}

/** Waits for messages and returns all that have arrived; answers pings. */
const pull = (socket: OpenSocket): Socket.Reader["pull"] =>
  Effect.gen(function* () {
    if (socket.closed !== undefined) return yield* socket.closed
    const messages: Array<string | Uint8Array> = []
    while (true) {
      const event = WebSocketFrame.next(socket.decoder)
      if (event === undefined) {
        if (messages.length > 0) break
        yield* receive(socket)
      } else if (event._tag === "Message") messages.push(event.data)
      else if (event._tag === "Ping") yield* Effect.ignore(send(socket, (key) => WebSocketFrame.pong(event.data, key)))
      else if (event._tag !== "Pong") {
        const ending = finish(socket, event)
        // Messages before the end are returned first; the next pull fails.
        if (messages.length === 0) return yield* ending
        yield* Effect.ignore(ending)
        break
      }
    }
    return messages as [string | Uint8Array, ...Array<string | Uint8Array>]
  })

/** Reads and drops messages until the peer's close frame. */
const awaitClose = (socket: OpenSocket) =>
  Effect.ignore(Effect.forever(pull(socket))).pipe(Effect.timeoutOption(closeTimeoutMillis))

const closeCode = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isSuccess(exit) ? 1000 : Cause.hasInterruptsOnly(exit.cause) ? 1001 : 1011

/** Closes both directions; a suspended pull fails with code 1006. */
const release = (socket: OpenSocket, exit: Exit.Exit<unknown, unknown>) =>
  Effect.gen(function* () {
    const { connection } = socket
    const wasClosed = socket.closed !== undefined
    const sending = Effect.ignore(sendClose(socket, closeCode(exit), ""))
    yield* Effect.timeoutOption(sending, closeTimeoutMillis)
    if (!wasClosed && !socket.isPulling) yield* awaitClose(socket)
    socket.closed ??= Errors.closeError(1006)
    yield* Effect.andThen(connection.endRead, connection.end)
  })

/** Returns a socket whose reader opens the connection. Writers wait for that. */
export const make = (
  open: Effect.Effect<Connection, Socket.SocketError, Scope.Scope>,
  { maxMessageBytes = 16_777_216, role }: Options
): Socket.Socket => {
  const isOpen = Latch.makeUnsafe(false)
  let current: OpenSocket | undefined
  const reader = Effect.gen(function* () {
    const connection = yield* open
    const decoder = WebSocketFrame.make(role, maxMessageBytes)
    const socket: OpenSocket = { connection, role, decoder, isCloseSent: false, closed: undefined, isPulling: false }
    yield* Effect.addFinalizer((exit) => {
      current = undefined
      isOpen.closeUnsafe()
      return release(socket, exit)
    })
    current = socket
    isOpen.openUnsafe()
    return { pull: pull(socket), upgrade: Socket.SocketUpgradeError.unsupported }
  })
  const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => {
      const socket = current
      if (socket === undefined) return isOpen.whenOpen(write(chunk))
      const written = Socket.isCloseEvent(chunk)
        ? sendClose(socket, chunk.code, chunk.reason ?? "")
        : send(socket, (key) => WebSocketFrame.message(chunk, key))
      return Effect.mapError(written, Errors.writeError)
    })
  const writer: Socket.Writer = {
    write,
    writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true })
  }
  return Socket.make({ reader, writer: Effect.succeed(writer) })
}
