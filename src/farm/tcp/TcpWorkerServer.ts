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
import type { Workers } from "../Worker.ts"
import * as Auth from "./Auth.ts"
import * as MessageChannel from "./MessageChannel.ts"
import * as Protocol from "./Protocol.ts"
import * as Pool from "./SharedWorkerPool.ts"

/** The port of the course's farm; there is none assigned. @category constants @since 0.1.0 */
export const defaultPort = 1070

/** What farms are asked for, and given. @category models @since 0.1.0 */
export interface ServeOptions {
  /** The key that farms must know. Default: none, and all are served. */
  readonly key?: Redacted.Redacted | undefined
  /** Packets that a farm may have here for each thread: waiting, working and being cancelled. Default 64. */
  readonly capacity?: number | undefined
  /** Bytes in a packet or a result with its envelope. Default 1 MiB. */
  readonly maxFrame?: number | undefined
  /** How long a farm may take to say who it is. Default 10 seconds. */
  readonly greeting?: Duration.Input | undefined
}

/** Where to listen, what to allow, who does the work. @category models @since 0.1.0 */
export type Options = TcpServer.Options &
  ServeOptions & {
    /** The pool: it lives as long as the server. */
    readonly workers: Workers
  }

/** Serves one farm, from its preamble on; `rest` is what has come after that. @category models @since 0.1.0 */
export type Serve = (
  connection: Connection,
  client: TcpServer.Client,
  rest: Uint8Array
) => Effect.Effect<void, NetworkError | Protocol.ProtocolError>

type Met = { readonly hello: Protocol.Hello; readonly welcome: Protocol.Welcome }

const refuse = (reason: Protocol.Refused["reason"], message: string) =>
  Effect.fail(new Protocol.ProtocolError({ reason: new Protocol.Refused({ reason, message }) }))

/** Frames that always fit. */
const frame = (message: Protocol.Message) => Result.getOrThrow(Protocol.encode(message))

const leave = MessageChannel.ended("the farm left while it was greeted")

/** Says what becomes of farms that come to this pool. @category constructors @since 0.1.0 */
export const serving = Effect.fnUntraced(function* (pool: Pool.Pool, options: ServeOptions) {
  const { capacity = 64, greeting = "10 seconds", key, maxFrame = Protocol.limits.known } = options
  const auth = key === undefined ? undefined : yield* Auth.make(key)
  const { job, threads } = pool
  const open: Protocol.Welcome = { _tag: "Welcome", threads, capacity }

  const meet = Effect.fnUntraced(function* (talk: MessageChannel.Talk, connection: Connection) {
    const hello = yield* talk.next
    if (hello._tag !== "Hello") return yield* Effect.fail(MessageChannel.misplaced(hello))
    if (hello.version !== Protocol.version) {
      return yield* refuse("Version", `this server speaks version ${Protocol.version}, not ${hello.version}`)
    }
    if (hello.job !== job.name || hello.jobVersion !== job.version) {
      const wanted = Protocol.shown(`${hello.job} ${hello.jobVersion}`)
      return yield* refuse("Job", `this server does ${job.name} ${job.version}, not ${wanted}`)
    }
    const met = { hello, welcome: open }
    if (auth === undefined) return met
    if (hello.nonce === undefined) return yield* refuse("Key", "this server asks for a key")
    const nonce = yield* auth.nonce
    yield* connection.write(frame({ _tag: "Challenge", nonce }))
    const answer = yield* talk.next
    const proof = answer._tag === "Proof" ? answer.proof : undefined
    if (!(yield* auth.verify("farm", { hello, nonce }, proof))) return yield* refuse("Key", "the key is another one")
    const mine = yield* auth.prove("server", { hello, nonce, welcome: open })
    return { hello, welcome: { ...open, proof: mine } }
  }, Pull.catchDone(leave))

  const greet = (
    talk: MessageChannel.Talk,
    connection: Connection
  ): Effect.Effect<Met, NetworkError | Protocol.ProtocolError> =>
    meet(talk, connection).pipe(
      Effect.timeoutOrElse({
        duration: greeting,
        orElse: () => Effect.fail(MessageChannel.silent(Duration.toMillis(greeting)))
      })
    )

  const frameOf = (ending: Pool.Ending): Uint8Array => {
    const encoded = Protocol.encode(ending, maxFrame)
    return Result.isSuccess(encoded)
      ? encoded.success
      : frame({ _tag: "Failed", id: ending.id, message: `the result cannot be sent: ${encoded.failure.message}` })
  }

  /** Says why, if that can still be said. */
  const farewell = (connection: Connection) => (error: NetworkError | Protocol.ProtocolError) => {
    if (error._tag !== "ProtocolError") return Effect.void
    const reason = error.reason._tag === "Refused" ? error.reason.reason : "Broken"
    return Effect.ignore(connection.write(frame({ _tag: "Refused", reason, message: error.message })))
  }

  const serve: Serve = Effect.fnUntraced(
    function* (connection, client, rest) {
      const talk = MessageChannel.make(connection, rest)
      const { hello, welcome } = yield* greet(talk, connection)
      talk.allow(maxFrame)
      const held = new Set<number>()
      const member = yield* pool.join((endings) => {
        for (const { id } of endings) held.delete(id)
        talk.send(endings.map(frameOf))
      })
      let heard = client.sweeper.now()
      const forgotten = Latch.makeUnsafe(false)
      const unwatch = client.sweeper.add((now) => {
        if (now - heard > hello.lease) forgotten.openUnsafe()
      })
      yield* Effect.addFinalizer(() => Effect.sync(unwatch))
      talk.send([frame(welcome)])

      const receive = Effect.fnUntraced(function* (messages: ReadonlyArray<Protocol.Message>) {
        heard = client.sweeper.now()
        const tasks = []
        for (const message of messages) {
          switch (message._tag) {
            case "Work": {
              const { id, packet } = message
              if (held.has(id)) return yield* MessageChannel.wrongId(id, "is here already")
              if (held.size >= capacity * threads) return yield* MessageChannel.wrongId(id, `is more than ${held.size}`)
              held.add(id)
              tasks.push({ id, packet })
              break
            }
            case "Cancel":
              // Those that came with it are cancelled as well.
              member.run(tasks.splice(0))
              member.cancel(message.ids)
              break
            case "Ping":
              talk.send([frame({ _tag: "Pong" })])
              break
            default:
              return yield* MessageChannel.misplaced(message)
          }
        }
        member.run(tasks)
        return yield* talk.room
      })
      const receiving = Pull.catchDone(Effect.forever(Effect.flatMap(talk.pull, receive)), () => Effect.void)
      const silence = Effect.andThen(forgotten.await, Effect.fail(MessageChannel.silent(hello.lease)))
      yield* Effect.raceAllFirst([receiving, talk.sending, silence, Effect.asVoid(pool.gone)])
    },
    (served, connection) => Effect.scoped(Effect.tapError(served, farewell(connection)))
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
  const pool = yield* Pool.make(yield* options.workers)
  const serve = yield* serving(pool, options)
  return yield* TcpServer.make(
    { service: "farm", ...options },
    Effect.fnUntraced(function* (connection: Connection, client: TcpServer.Client) {
      const { head, rest } = yield* MessageChannel.head(connection, Protocol.preamble.length)
      if (head.some((byte, at) => byte !== Protocol.preamble[at])) return yield* notOurs
      return yield* serve(connection, client, rest)
    })
  )
})

const notOurs = Effect.fail(
  new Protocol.ProtocolError({ reason: new Protocol.Malformed({ detail: "it does not begin as a farm does" }) })
)
