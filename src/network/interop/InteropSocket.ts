/** Conversion to and from effect's `Socket`. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { type Connection, Network, NetworkError } from "../Network.ts"
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

const socketOf = (open: Effect.Effect<Connection, NetworkError, Scope.Scope>): Socket.Socket => {
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

  const failed = Deferred.makeUnsafe<never, NetworkError>()
  let pendingBatch: Uint8Array | undefined
  let end: Connection["pull"] | undefined
  let failure: NetworkError | undefined
  let waitingReader: ((result: Connection["pull"]) => void) | undefined
  let onBatchTaken: (() => void) | undefined
  let [readShut, writeShut, finSeen] = [false, false, false]
  let [received, sent, unsent] = [0, 0, 0]

  const resumeReader = (result: Connection["pull"]) => {
    const resume = waitingReader
    waitingReader = undefined
    resume?.(result)
  }
  const closed = () => new NetworkError({ reason: "Closed", address: remote })
  const fail = (error: NetworkError) => {
    failure ??= error
    Deferred.doneUnsafe(failed, Effect.fail(failure))
    end ??= Effect.fail(failure)
    resumeReader(end)
  }
  const waitUntilTaken = Effect.callback<void>((resume) => {
    onBatchTaken = () => resume(Effect.void)
  })
  const receive = (chunks: ReadonlyArray<Uint8Array | string>) => {
    const bytes = join(chunks)
    received += bytes.length
    if (bytes.length === 0 || readShut) return Effect.void
    if (waitingReader === undefined) {
      pendingBatch = bytes
      return waitUntilTaken
    }
    resumeReader(Effect.succeed(bytes))
    return Effect.void
  }
  const endRead = (error: Socket.SocketError) =>
    Effect.sync(() => {
      if (!Errors.isFin(error)) return fail(Errors.fromSocketError(error, remote))
      finSeen = true
      end ??= Cause.done()
      resumeReader(end)
    })
  yield* reader.pull.pipe(
    Effect.flatMap(receive),
    Effect.forever({ disableYield: true }),
    Effect.catch(endRead),
    Effect.forkIn(scope)
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => fail(closed())))

  const waitForBatch: Connection["pull"] = Effect.callback((resume) => {
    waitingReader = resume
    return Effect.sync(() => {
      if (waitingReader === resume) waitingReader = undefined
    })
  })
  const take = (): Connection["pull"] => {
    if (pendingBatch === undefined) return end ?? waitForBatch
    const bytes = pendingBatch
    pendingBatch = undefined
    onBatchTaken?.()
    return Effect.succeed(bytes)
  }
  const send = (bytes: Uint8Array): Effect.Effect<void, NetworkError> => {
    if (failure !== undefined || writeShut) return Effect.fail(failure ?? closed())
    unsent += bytes.length
    const written = Effect.mapError(writer.write(bytes), (error) => Errors.fromSocketError(error, remote))
    return Effect.raceFirst(
      finSeen
        ? Effect.timeoutOrElse(written, { duration: writeTimeoutAfterFin, orElse: () => Effect.fail(closed()) })
        : written,
      Deferred.await(failed)
    ).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          unsent -= bytes.length
          // An interrupted write leaves its bytes to the socket.
          if (Exit.isSuccess(exit) || Exit.hasInterrupts(exit)) sent += bytes.length
        })
      )
    )
  }
  return {
    local,
    remote,
    pull: Effect.suspend(take),
    write: (bytes) => Effect.suspend(() => send(encode(bytes))),
    end: Effect.suspend(() => {
      writeShut = true
      return Scope.close(writeScope, Exit.void)
    }),
    endRead: Effect.sync(() => {
      readShut = true
      end ??= Cause.done()
      if (pendingBatch === undefined) resumeReader(end)
      else onBatchTaken?.()
    }),
    abort: Effect.suspend(() => {
      if (failure !== undefined) return Effect.void
      pendingBatch = undefined
      end = Effect.fail(closed())
      fail(closed())
      return Effect.andThen(
        Effect.ignore(writer.write(new Socket.CloseEvent(4000, "aborted"))),
        Scope.close(readScope, Exit.void)
      )
    }),
    traffic: () => ({ received, sent, unsent }),
    context: Context.empty()
  }
})
