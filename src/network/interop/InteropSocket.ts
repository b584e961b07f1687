/** Conversion to and from effect's `Socket`. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import type * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { type Connection, Network, NetworkError, type Traffic } from "../Network.ts"
import * as HostConnection from "./HostConnection.ts"
import * as Errors from "./InteropErrors.ts"

/**
 * Converts an error of effect's `Socket` to a `NetworkError`. It is the original one, or a new one with the reason of
 * the platform's code or of the error's kind.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSocketError: (error: Socket.SocketError, address?: NetAddress.SocketAddress) => NetworkError =
  Errors.fromSocketError

const encoder = new TextEncoder()

const encode = (chunk: Uint8Array | string): Uint8Array => (typeof chunk === "string" ? encoder.encode(chunk) : chunk)

const join = (chunks: ReadonlyArray<Uint8Array | string>): Uint8Array => {
  if (chunks.length === 1) return encode(chunks[0]!)
  const all = chunks.map(encode)
  const bytes = new Uint8Array(all.reduce((length, chunk) => length + chunk.length, 0))
  let at = 0
  for (const chunk of all) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

const socketOf = (open: Effect.Effect<Connection, NetworkError | Dns.DnsError, Scope.Scope>): Socket.Socket => {
  const connected = Latch.makeUnsafe(false)
  let current: { readonly connection: Connection; closed: Socket.SocketError | undefined } | undefined

  const reader = Effect.gen(function* () {
    const connection = yield* Effect.mapError(open, Errors.openError)
    const state: typeof current = { connection, closed: undefined }
    yield* Effect.addFinalizer(() => {
      state.closed ??= Errors.closeError(1006)
      if (current === state) {
        current = undefined
        connected.closeUnsafe()
      }
      return Effect.andThen(connection.endRead, connection.end)
    })
    current = state
    connected.openUnsafe()
    const pull: Socket.Reader["pull"] = Effect.matchEffect(connection.pull, {
      onSuccess: (bytes) => Effect.succeed([bytes] as const),
      onFailure: (error) =>
        Effect.fail(state.closed ?? (Cause.isDone(error) ? Errors.closeError(1000) : Errors.readError(error)))
    })
    return { pull, upgrade: Socket.SocketUpgradeError.unsupported }
  })

  const whenConnected = (
    use: (state: NonNullable<typeof current>) => Effect.Effect<void, NetworkError>
  ): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() =>
      current === undefined ? connected.whenOpen(whenConnected(use)) : Effect.mapError(use(current), Errors.writeError)
    )
  const close = (state: NonNullable<typeof current>, { code, reason }: Socket.CloseEvent) => {
    state.closed ??= Errors.closeError(code, reason)
    const { abort, end, endRead } = state.connection
    return code > 1000 ? abort : Effect.andThen(endRead, end)
  }
  const writer = Effect.acquireRelease(
    Effect.succeed<Socket.Writer>({
      write: (chunk) =>
        whenConnected((state) => (Socket.isCloseEvent(chunk) ? close(state, chunk) : state.connection.write(chunk))),
      writeAll: (chunks) =>
        whenConnected(({ connection }) => connection.write(chunks.length === 1 ? chunks[0] : join(chunks)))
    }),
    () => Effect.suspend(() => current?.connection.end ?? Effect.void)
  )
  return Socket.make({ reader, writer })
}

/**
 * Converts an open connection to effect's `Socket`.
 *
 * FIN is close code 1000; a failure has its `NetworkError` as cause. The socket cannot reconnect: closing the scope of
 * its reader ends both directions, and a later reader sees only the end. A close event above 1000 sends RST. TLS is not
 * supported.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toSocket = (connection: Connection): Socket.Socket => socketOf(Effect.succeed(connection))

/**
 * Creates an effect `Socket` that connects through `Network`, again for each acquisition of its reader; otherwise as
 * `toSocket`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const dial = (remote: NetAddress.SocketAddress): Effect.Effect<Socket.Socket, never, Network> =>
  Effect.map(Network, (network) => socketOf(network.connect(remote)))

/** Server that a client connects to. @category models @since 0.1.0 */
export interface Server {
  /** Name or IP literal. */
  readonly host: string
  readonly port: number
}

/**
 * Creates an effect `Socket` that looks up a host and connects to it through `Network`, again for each acquisition of
 * its reader; otherwise as `toSocket`. A failed lookup is a `SocketOpenError`, whose cause is the `DnsError`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const dialHost = ({ host, port }: Server): Effect.Effect<Socket.Socket, never, Network | Dns.Dns> =>
  Effect.gen(function* () {
    const connector = { network: yield* Network, dns: yield* Dns.Dns }
    return socketOf(HostConnection.connect(connector, host, port))
  })

/**
 * Layer of an effect `Socket` that connects to a host, as `dialHost`: for the clients of effect/rpc.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSocket = (server: Server): Layer.Layer<Socket.Socket, never, Network | Dns.Dns> =>
  Layer.effect(Socket.Socket, dialHost(server))

/** Parameters that replace what an effect `Socket` lacks. @category models @since 0.1.0 */
export interface SocketOptions {
  readonly local: NetAddress.SocketAddress
  readonly remote: NetAddress.SocketAddress
  /**
   * Timeout of a write after the peer's FIN, which then fails with `Closed`. Default 30 seconds.
   *
   * After that FIN an effect socket does not report if it can still send, and a write that cannot be sent may wait for
   * ever.
   */
  readonly writeTimeoutAfterFin?: Duration.Input | undefined
}

/** State of a connection over a socket. */
interface SocketState {
  readonly remote: NetAddress.SocketAddress
  readonly failed: Deferred.Deferred<never, NetworkError>
  /** Batch that was read ahead. */
  batch: Uint8Array | undefined
  onBatchTaken: () => void
  waitingReader: ((result: Connection["pull"]) => void) | undefined
  /** Result of pulls after the last batch. */
  end: Connection["pull"] | undefined
  failure: NetworkError | undefined
  isReadShut: boolean
  isWriteShut: boolean
  hasReadFin: boolean
  traffic: Traffic
}

const closedError = ({ remote }: SocketState) => new NetworkError({ reason: "Closed", address: remote })

const resumeReader = (state: SocketState, result: Connection["pull"]) => {
  const resume = state.waitingReader
  state.waitingReader = undefined
  resume?.(result)
}

const fail = (state: SocketState, error: NetworkError) => {
  state.failure ??= error
  Deferred.doneUnsafe(state.failed, Effect.fail(state.failure))
  state.end ??= Effect.fail(state.failure)
  resumeReader(state, state.end)
}

/** Handles a batch, and waits until it was pulled. */
const receive = (state: SocketState, chunks: ReadonlyArray<Uint8Array | string>) => {
  const bytes = join(chunks)
  state.traffic = { ...state.traffic, received: state.traffic.received + bytes.length }
  if (bytes.length === 0 || state.isReadShut) return Effect.void
  if (state.waitingReader !== undefined) {
    resumeReader(state, Effect.succeed(bytes))
    return Effect.void
  }
  state.batch = bytes
  return Effect.callback<void>((resume) => {
    state.onBatchTaken = () => resume(Effect.void)
  })
}

const endInput = (state: SocketState, error: Socket.SocketError) => {
  if (!Errors.isFin(error)) return fail(state, Errors.fromSocketError(error, state.remote))
  state.hasReadFin = true
  state.end ??= Cause.done()
  resumeReader(state, state.end)
}

const take = (state: SocketState): Connection["pull"] => {
  const { batch, end } = state
  if (batch !== undefined) {
    state.batch = undefined
    state.onBatchTaken()
    return Effect.succeed(batch)
  }
  return (
    end ??
    Effect.callback((resume) => {
      state.waitingReader = resume
      return Effect.sync(() => {
        if (state.waitingReader === resume) state.waitingReader = undefined
      })
    })
  )
}

const send = (
  state: SocketState,
  writer: Socket.Writer,
  bytes: Uint8Array,
  writeTimeoutAfterFin: Duration.Input
): Effect.Effect<void, NetworkError> => {
  if (state.failure !== undefined || state.isWriteShut) return Effect.fail(state.failure ?? closedError(state))
  const count = (sent: number, unsent: number) => {
    state.traffic = { ...state.traffic, sent: state.traffic.sent + sent, unsent: state.traffic.unsent + unsent }
  }
  count(0, bytes.length)
  const written = Effect.mapError(writer.write(bytes), (error) => Errors.fromSocketError(error, state.remote))
  const timeout = { duration: writeTimeoutAfterFin, orElse: () => Effect.fail(closedError(state)) }
  return Effect.raceFirst(
    state.hasReadFin ? Effect.timeoutOrElse(written, timeout) : written,
    Deferred.await(state.failed)
  ).pipe(
    // An interrupted write leaves its bytes to the socket.
    Effect.onExit((exit) =>
      Effect.sync(() => count(Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? bytes.length : 0, -bytes.length))
    )
  )
}

/**
 * Opens an effect `Socket` as a `Connection`: acquires its reader, which connects, and closes it with the scope.
 *
 * One batch is read ahead, so that the end is noticed while nothing pulls. Approximations:
 *
 * - addresses are those of the options;
 * - `abort` requests a close with code 4000, which on Node destroys the socket and sends RST only if input is left;
 * - bytes that arrive after `endRead` are read and dropped;
 * - `traffic().sent` is what the socket has accepted, `unsent` the bytes of waiting writes.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromSocket = Effect.fnUntraced(function* (
  socket: Socket.Socket,
  { local, writeTimeoutAfterFin = "30 seconds", remote }: SocketOptions
): Effect.fn.Return<Connection, NetworkError, Scope.Scope> {
  const scope = yield* Effect.scope
  const readScope = yield* Scope.fork(scope)
  const writeScope = yield* Scope.fork(scope)
  const reader = yield* Effect.mapError(Scope.provide(socket.reader, readScope), (error) =>
    Errors.fromSocketError(error, remote)
  )
  const writer = yield* Scope.provide(socket.writer, writeScope)

  const state: SocketState = {
    ...{ remote, failed: Deferred.makeUnsafe(), batch: undefined, onBatchTaken: constVoid, waitingReader: undefined },
    ...{ end: undefined, failure: undefined, isReadShut: false, isWriteShut: false, hasReadFin: false },
    traffic: { received: 0, sent: 0, unsent: 0 }
  }
  yield* reader.pull.pipe(
    Effect.flatMap((chunks) => receive(state, chunks)),
    Effect.forever({ disableYield: true }),
    Effect.catch((error) => Effect.sync(() => endInput(state, error))),
    Effect.forkIn(scope)
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => fail(state, closedError(state))))

  const connection: Connection = {
    local,
    remote,
    pull: Effect.suspend(() => take(state)),
    write: (bytes) => Effect.suspend(() => send(state, writer, encode(bytes), writeTimeoutAfterFin)),
    end: Effect.suspend(() => {
      state.isWriteShut = true
      return Scope.close(writeScope, Exit.void)
    }),
    endRead: Effect.sync(() => {
      state.isReadShut = true
      state.end ??= Cause.done()
      if (state.batch === undefined) resumeReader(state, state.end)
      else state.onBatchTaken()
    }),
    abort: Effect.suspend(() => {
      if (state.failure !== undefined) return Effect.void
      state.batch = undefined
      state.end = Effect.fail(closedError(state))
      fail(state, closedError(state))
      return Effect.andThen(
        Effect.ignore(writer.write(new Socket.CloseEvent(4000, "aborted"))),
        Scope.close(readScope, Exit.void)
      )
    }),
    traffic: () => state.traffic,
    context: Context.empty()
  }
  return connection
})
