/**
 * A server that lends a pool of workers to farms on other machines. The workers are normally threads, so that this
 * process stays responsive. All connected farms share the pool fairly.
 *
 * Without a key the server runs packets of any client. It listens on the loopback address by default.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Pull from "effect/Pull"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Connection, NetworkError } from "../../network/Network.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import type { TaskOutcome, Workers } from "../Worker.ts"
import * as Auth from "./Auth.ts"
import * as MessageChannel from "./MessageChannel.ts"
import * as Protocol from "./Protocol.ts"
import * as SharedWorkerPool from "./SharedWorkerPool.ts"

/** The port of the course's farm; IANA has not assigned one. @category constants @since 0.1.0 */
export const defaultPort = 1070

/** The options for serving farms. @category models @since 0.1.0 */
export interface ServeOptions {
  /** The key that farms must have. Default: none, every farm is served. */
  readonly key?: Redacted.Redacted | undefined
  /** Packets of one farm for each thread: waiting, running and being cancelled. Default 64. */
  readonly capacity?: number | undefined
  /** The most bytes in a frame: a packet or a result as JSON. Default 1 MiB. */
  readonly maxFrameBytes?: number | undefined
  /** The time limit for the handshake. Default 10 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
}

/** The options of a server. @category models @since 0.1.0 */
export type Options = TcpServer.Options &
  ServeOptions & {
    /** The pool: it is started and ended with the server. */
    readonly workers: Workers
  }

/** Serves one farm after its preamble; `rest` are the bytes that arrived with it. @category models @since 0.1.0 */
export type FarmHandler = (
  connection: Connection,
  client: TcpServer.ConnectionContext,
  rest: Uint8Array
) => Effect.Effect<void, NetworkError | Protocol.ProtocolError>

type Handshake = { readonly hello: Protocol.Hello; readonly welcome: Protocol.Welcome }

const refuse = (reason: Protocol.Refused["reason"], message: string) =>
  Effect.fail(new Protocol.ProtocolError({ reason: new Protocol.Refused({ reason, message }) }))

/** Encodes a message that is always within the limit. */
const frame = (message: Protocol.Message) => Result.getOrThrow(Protocol.encode(message))

const farmLeft = MessageChannel.connectionEnded("the farm closed the connection during the handshake")

/** Makes the handler that serves farms with this pool. @category constructors @since 0.1.0 */
export const makeFarmHandler = Effect.fnUntraced(function* (
  pool: SharedWorkerPool.SharedWorkerPool,
  options: ServeOptions
) {
  const {
    capacity = 64,
    handshakeTimeout = "10 seconds",
    key,
    maxFrameBytes = Protocol.frameLimitBytes.session
  } = options
  const auth = key === undefined ? undefined : yield* Auth.make(key)
  const { job, threads } = pool
  const welcome: Protocol.Welcome = { _tag: "Welcome", threads, capacity }

  const receiveHello = Effect.fnUntraced(function* (channel: MessageChannel.MessageChannel, connection: Connection) {
    const hello = yield* channel.next
    if (hello._tag !== "Hello") return yield* Effect.fail(MessageChannel.unexpectedMessage(hello))
    if (hello.version !== Protocol.version) {
      const message = `unsupported protocol version ${hello.version}: this server speaks version ${Protocol.version}`
      return yield* refuse("Version", message)
    }
    if (hello.job !== job.name || hello.jobVersion !== job.version) {
      const wanted = Protocol.singleLine(`${hello.job} ${hello.jobVersion}`)
      return yield* refuse("Job", `wrong job ${wanted}: this server runs ${job.name} ${job.version}`)
    }
    const result = { hello, welcome }
    if (auth === undefined) return result
    if (hello.nonce === undefined) {
      return yield* refuse("Key", "authentication required: start the client with --key")
    }
    const nonce = yield* auth.nonce
    yield* connection.write(frame({ _tag: "Challenge", nonce }))
    const reply = yield* channel.next
    const proof = reply._tag === "Proof" ? reply.proof : undefined
    if (!(yield* auth.verify("farm", { hello, serverNonce: nonce }, proof))) {
      return yield* refuse("Key", "authentication failed: wrong key")
    }
    const serverProof = yield* auth.prove("server", { hello, serverNonce: nonce, welcome })
    return { hello, welcome: { ...welcome, proof: serverProof } }
  }, Pull.catchDone(farmLeft))

  const handshake = (
    channel: MessageChannel.MessageChannel,
    connection: Connection
  ): Effect.Effect<Handshake, NetworkError | Protocol.ProtocolError> =>
    receiveHello(channel, connection).pipe(
      Effect.timeoutOrElse({
        duration: handshakeTimeout,
        orElse: () => Effect.fail(MessageChannel.timedOut(Duration.toMillis(handshakeTimeout)))
      })
    )

  const frameOf = (outcome: TaskOutcome): Uint8Array => {
    const encoded = Protocol.encode(outcome, maxFrameBytes)
    return Result.isSuccess(encoded)
      ? encoded.success
      : frame({ _tag: "Failed", id: outcome.id, message: `cannot send the result: ${encoded.failure.message}` })
  }

  /** Sends the reason to the farm, if the connection still works. */
  const sendRefusal = (connection: Connection) => (error: NetworkError | Protocol.ProtocolError) => {
    if (error._tag !== "ProtocolError") return Effect.void
    const reason = error.reason._tag === "Refused" ? error.reason.reason : "Broken"
    return Effect.ignore(connection.write(frame({ _tag: "Refused", reason, message: error.message })))
  }

  const serve: FarmHandler = Effect.fnUntraced(
    function* (connection, client, rest) {
      const channel = MessageChannel.make(connection, rest)
      const { hello, welcome } = yield* handshake(channel, connection)
      channel.setMaxFrameBytes(maxFrameBytes)
      const inFlight = new Set<number>()
      const poolClient = yield* pool.join((outcomes) => {
        for (const { id } of outcomes) inFlight.delete(id)
        channel.send(outcomes.map(frameOf))
      })
      let lastReceivedAt = client.sweeper.now()
      const leaseExpired = Latch.makeUnsafe(false)
      const unwatch = client.sweeper.add((now) => {
        if (now - lastReceivedAt > hello.lease) leaseExpired.openUnsafe()
      })
      yield* Effect.addFinalizer(() => Effect.sync(unwatch))
      channel.send([frame(welcome)])

      const receive = Effect.fnUntraced(function* (messages: ReadonlyArray<Protocol.Message>) {
        lastReceivedAt = client.sweeper.now()
        const tasks = []
        for (const message of messages) {
          switch (message._tag) {
            case "Work": {
              const { id, packet } = message
              if (inFlight.has(id)) return yield* MessageChannel.invalidId(id, "duplicate id")
              if (inFlight.size >= capacity * threads) {
                return yield* MessageChannel.invalidId(id, `more than ${inFlight.size} packets in flight`)
              }
              inFlight.add(id)
              tasks.push({ id, packet })
              break
            }
            case "Cancel":
              // The cancel may concern tasks of the same batch.
              poolClient.run(tasks.splice(0))
              poolClient.cancel(message.ids)
              break
            case "Ping":
              channel.send([frame({ _tag: "Pong" })])
              break
            default:
              return yield* MessageChannel.unexpectedMessage(message)
          }
        }
        poolClient.run(tasks)
        return yield* channel.writable
      })
      const receiving = Pull.catchDone(Effect.forever(Effect.flatMap(channel.pull, receive)), () => Effect.void)
      const failOnTimeout = Effect.andThen(leaseExpired.await, Effect.fail(MessageChannel.timedOut(hello.lease)))
      yield* Effect.raceAllFirst([receiving, channel.flushing, failOnTimeout, Effect.asVoid(pool.allGone)])
    },
    (served, connection) => Effect.scoped(Effect.tapError(served, sendRefusal(connection)))
  )
  return serve
})

/**
 * Listens and serves until the scope closes. Fails with `FarmError` if the workers cannot be started, and with
 * `NetworkError` if the server cannot listen.
 *
 * **Example** (Lending a thread to a farm over TCP)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { Farm, NodeThreadWorkers, TcpWorkerServer, TcpWorkers } from "effect-inet/farm"
 * import { NodeServices } from "effect-inet/network"
 * import { PrimeJob } from "effect-inet/primes"
 *
 * const program = Effect.gen(function* () {
 *   const threads = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })
 *   const server = yield* TcpWorkerServer.make({ port: 0, workers: threads, drain: 0 })
 *   const hosts = [NetAddress.formatSocketAddress(server.address)]
 *   const workers = yield* TcpWorkers.make({ hosts, job: PrimeJob.job })
 *   const input = { from: 0, to: 1_000_000, kernel: "wasm" } as const
 *   return yield* Farm.run(PrimeJob.job, input, { workers: Effect.succeed(workers) })
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer))) // => 78498
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const pool = yield* SharedWorkerPool.make(yield* options.workers)
  const serve = yield* makeFarmHandler(pool, options)
  return yield* TcpServer.make(
    { service: "farm", ...options },
    Effect.fnUntraced(function* (connection: Connection, client: TcpServer.ConnectionContext) {
      const { head, rest } = yield* MessageChannel.readHead(connection, Protocol.preamble.length)
      if (head.some((byte, at) => byte !== Protocol.preamble[at])) return yield* badMagic
      return yield* serve(connection, client, rest)
    })
  )
})

const badMagic = Effect.fail(
  new Protocol.ProtocolError({ reason: new Protocol.Malformed({ detail: "not a farm connection: bad magic" }) })
)
