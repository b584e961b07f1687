/**
 * Lends workers to farms on other machines. The work is done by the workers it is given, threads as a rule, so that
 * this process stays free to listen; many farms share them, each with its part of the time.
 *
 * Without a key it serves whoever reaches it: it listens on the loopback address unless told otherwise.
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

/** The port of the course's farm; there is none assigned. @category constants @since 0.1.0 */
export const defaultPort = 1070

/** What farms are asked for, and given. @category models @since 0.1.0 */
export interface ServeOptions {
  /** The key that farms must know. Default: none, and all are served. */
  readonly key?: Redacted.Redacted | undefined
  /** Packets that a farm may have here for each thread: waiting, working and being cancelled. Default 64. */
  readonly capacity?: number | undefined
  /** Bytes in a packet or a result with its envelope. Default 1 MiB. */
  readonly maxFrameBytes?: number | undefined
  /** How long a farm may take to say who it is. Default 10 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
}

/** Where to listen, what to allow, who does the work. @category models @since 0.1.0 */
export type Options = TcpServer.Options &
  ServeOptions & {
    /** The pool: it lives as long as the server. */
    readonly workers: Workers
  }

/** Serves one farm, from its preamble on; `rest` is what has come after that. @category models @since 0.1.0 */
export type FarmHandler = (
  connection: Connection,
  client: TcpServer.ConnectionContext,
  rest: Uint8Array
) => Effect.Effect<void, NetworkError | Protocol.ProtocolError>

type Handshake = { readonly hello: Protocol.Hello; readonly welcome: Protocol.Welcome }

const refuse = (reason: Protocol.Refused["reason"], message: string) =>
  Effect.fail(new Protocol.ProtocolError({ reason: new Protocol.Refused({ reason, message }) }))

/** Frames that always fit. */
const frame = (message: Protocol.Message) => Result.getOrThrow(Protocol.encode(message))

const farmLeft = MessageChannel.connectionEnded("the farm left while it was greeted")

/** Says what becomes of farms that come to this pool. @category constructors @since 0.1.0 */
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
      return yield* refuse("Version", `this server speaks version ${Protocol.version}, not ${hello.version}`)
    }
    if (hello.job !== job.name || hello.jobVersion !== job.version) {
      const wanted = Protocol.singleLine(`${hello.job} ${hello.jobVersion}`)
      return yield* refuse("Job", `this server does ${job.name} ${job.version}, not ${wanted}`)
    }
    const result = { hello, welcome }
    if (auth === undefined) return result
    if (hello.nonce === undefined) return yield* refuse("Key", "this server asks for a key")
    const nonce = yield* auth.nonce
    yield* connection.write(frame({ _tag: "Challenge", nonce }))
    const reply = yield* channel.next
    const proof = reply._tag === "Proof" ? reply.proof : undefined
    if (!(yield* auth.verify("farm", { hello, serverNonce: nonce }, proof)))
      return yield* refuse("Key", "the key is another one")
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
      : frame({ _tag: "Failed", id: outcome.id, message: `the result cannot be sent: ${encoded.failure.message}` })
  }

  /** Says why, if that can still be said. */
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
              if (inFlight.has(id)) return yield* MessageChannel.invalidId(id, "is here already")
              if (inFlight.size >= capacity * threads)
                return yield* MessageChannel.invalidId(id, `is more than ${inFlight.size}`)
              inFlight.add(id)
              tasks.push({ id, packet })
              break
            }
            case "Cancel":
              // Those that came with it are cancelled as well.
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
 * Listens and serves until the scope closes. Fails with `FarmError` if the workers cannot be had, `NetworkError` if it
 * cannot listen there.
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
  new Protocol.ProtocolError({ reason: new Protocol.Malformed({ detail: "it does not begin as a farm does" }) })
)
