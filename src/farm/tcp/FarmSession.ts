/** The connection of one farm to a worker server, from its greeting to its end. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as NetAddress from "effect/net/NetAddress"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type { Connection } from "../../network/Network.ts"
import type * as ServerEvents from "../../network/ServerEvents.ts"
import * as Signal from "../../network/Signal.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import type { Task } from "../Worker.ts"
import type * as PoolState from "./PoolState.ts"
import type * as SharedWorkerPool from "./SharedWorkerPool.ts"
import * as Silence from "./Silence.ts"
import type * as Auth from "./wire/Auth.ts"
import * as MessageChannel from "./wire/MessageChannel.ts"
import * as OutcomeFrames from "./wire/OutcomeFrames.ts"
import type * as PayloadCodec from "./wire/PayloadCodec.ts"
import * as Protocol from "./wire/Protocol.ts"
import { ProtocolError, Refused, singleLine } from "./wire/ProtocolError.ts"

/** An event of a farm. `id` is that of its connection. @category models @since 0.1.0 */
export type FarmEvent =
  /** The handshake was successful. */
  | { readonly _tag: "FarmJoined"; readonly id: number }
  /** The handshake failed, or the farm violated the protocol. */
  | { readonly _tag: "FarmRefused"; readonly id: number; readonly message: string }
  | { readonly _tag: "FarmLeft"; readonly id: number }

/** Counters of farms since the start of a server. @category models @since 0.1.0 */
export interface FarmStats {
  /** The current number of farms. */
  readonly farms: number
  /** Packets with an outcome: done, failed or stopped. */
  readonly packets: number
}

/** The part of a server that the connections of all farms share. */
export interface Shared {
  readonly pool: SharedWorkerPool.SharedWorkerPool
  readonly auth: Auth.Auth | undefined
  /** The packets of one farm in flight for each thread. */
  readonly capacity: number
  /** The bytes of packets of one farm in flight. */
  readonly maxInFlightBytes: number
  readonly codec: PayloadCodec.PayloadCodec
  readonly maxPacketBytes: number
  readonly handshakeTimeoutMillis: number
  /** Returns the units of an encoded packet; undefined for one unit each. */
  readonly unitsOf: ((packet: unknown) => number) | undefined
  readonly emit: ServerEvents.ServerEvents<FarmEvent>["emit"]
  readonly stats: { -readonly [Name in keyof FarmStats]: FarmStats[Name] }
}

const refuse = (reason: Refused["reason"], message: string) =>
  Effect.fail(new ProtocolError({ reason: new Refused({ reason, message }) }))

const farmLeft = MessageChannel.connectionEnded("the farm closed the connection during the handshake")

const checkHello = (hello: Protocol.Message, { job }: SharedWorkerPool.SharedWorkerPool) => {
  if (hello._tag !== "Hello") return Effect.fail(MessageChannel.unexpectedMessage(hello))
  if (hello.version !== Protocol.version) {
    const message = `unsupported protocol version ${hello.version}: this server speaks version ${Protocol.version}`
    return refuse("Version", message)
  }
  if (hello.job === job.name && hello.jobVersion === job.version) return Effect.succeed(hello)
  const wanted = singleLine(`${hello.job} ${hello.jobVersion}`)
  return refuse("Job", `wrong job ${wanted}: this server runs ${job.name} ${job.version}`)
}

/** A farm after its handshake. */
interface Greetings {
  readonly hello: Protocol.Hello
  readonly welcome: Protocol.Welcome
}

/** Verifies the key of a farm, sends the `Welcome`, and seals the connection. */
const authenticate = Effect.fnUntraced(function* (
  auth: Auth.Auth,
  channel: MessageChannel.MessageChannel,
  { hello, welcome }: Greetings
) {
  if (hello.nonce === undefined) return yield* refuse("Key", "authentication required: start the client with --key")
  const serverNonce = yield* auth.nonce
  yield* channel.write(Protocol.encodeUnsafe({ _tag: "Challenge", nonce: serverNonce }))
  const reply = yield* channel.next
  const farmProof = reply._tag === "Proof" ? reply.proof : undefined
  if (!(yield* auth.verify("farm", { hello, serverNonce }, farmProof))) {
    return yield* refuse("Key", "authentication failed: wrong key")
  }
  const transcript = { hello, serverNonce, welcome }
  const proof = yield* auth.prove("server", transcript)
  yield* channel.write(Protocol.encodeUnsafe({ ...welcome, proof }))
  yield* channel.replace((connection, unread) => auth.seal("server", transcript, connection, unread))
})

/** Returns the number of threads that is sent to a farm: one at least, also while all have failed. */
const announced = (threads: number) => Math.min(Protocol.maxima.threads, Math.max(1, threads))

/** Waits for the greeting of a farm, and answers it. */
const handshake = (
  { auth, capacity, handshakeTimeoutMillis, maxInFlightBytes, pool }: Shared,
  channel: MessageChannel.MessageChannel
) =>
  Effect.gen(function* () {
    const hello = yield* checkHello(yield* channel.next, pool)
    const threads = announced(pool.threads())
    const welcome: Protocol.Welcome = { _tag: "Welcome", threads, capacity, maxInFlightBytes }
    const greetings: Greetings = { hello, welcome }
    if (auth === undefined) yield* channel.write(Protocol.encodeUnsafe(welcome))
    else yield* authenticate(auth, channel, greetings)
    return greetings
  }).pipe(
    Pull.catchDone(farmLeft),
    Effect.timeoutOrElse({
      duration: handshakeTimeoutMillis,
      orElse: () => Effect.fail(MessageChannel.timedOut(handshakeTimeoutMillis))
    })
  )

/** Sends the reason to the farm, if the connection still works. */
const sendRefusal = (channel: MessageChannel.MessageChannel, error: ProtocolError) => {
  const reason = error.reason._tag === "Refused" ? error.reason.reason : "Broken"
  return Effect.ignore(channel.write(Protocol.encodeUnsafe({ _tag: "Refused", reason, message: error.message })))
}

/** The time that a refused farm has to read the reason and to close the connection. */
const maxLingerMillis = 1_000

/** Ends a connection whose farm may still be sending: unread bytes would reset it, and take the reason away. */
const linger = (connection: Connection) =>
  Effect.andThen(connection.end, Effect.forever(connection.pull)).pipe(
    Effect.ignore,
    Effect.timeoutOption(maxLingerMillis)
  )

/** A farm that is served. */
interface Served {
  readonly shared: Shared
  readonly channel: MessageChannel.MessageChannel
  readonly client: SharedWorkerPool.PoolClient
  /** The bytes of the packets in flight, by id. */
  readonly packetBytes: Map<number, number>
  inFlightBytes: number
}

/** Fails for a packet that the farm may not send now. */
const checkWork = (
  { client, inFlightBytes, packetBytes, shared }: Served,
  { id, packet }: typeof Protocol.Work.Type
) => {
  const { capacity, maxInFlightBytes } = shared
  const maxInFlight = capacity * announced(client.threads())
  if (packetBytes.has(id)) return MessageChannel.invalidId(id, "duplicate id")
  if (packetBytes.size >= maxInFlight) return MessageChannel.invalidId(id, `more than ${maxInFlight} packets in flight`)
  if (packetBytes.size > 0 && inFlightBytes + packet.length > maxInFlightBytes) {
    return MessageChannel.invalidId(id, `more than ${maxInFlightBytes} bytes of packets in flight`)
  }
  return undefined
}

/** Performs the messages of a farm. */
const receive = (messages: ReadonlyArray<Protocol.Message>, served: Served) => {
  const { channel, client, packetBytes, shared } = served
  const tasks: Array<Task> = []
  for (const message of messages) {
    switch (message._tag) {
      case "Work": {
        const error = checkWork(served, message)
        if (error !== undefined) return Effect.fail(error)
        const { id, packet } = message
        const decoded = shared.codec.packet.decode(packet)
        if (Result.isFailure(decoded)) {
          channel.send([OutcomeFrames.failed(id, `the packet cannot be read: ${decoded.failure}`)])
          break
        }
        packetBytes.set(id, packet.length)
        served.inFlightBytes += packet.length
        tasks.push({ id, packet: decoded.success })
        break
      }
      case "Cancel":
        // The cancel may concern tasks of the same batch.
        client.run(tasks.splice(0))
        client.cancel(message.ids)
        break
      case "Ping":
        channel.send([pong])
        break
      default:
        return Effect.fail(MessageChannel.unexpectedMessage(message))
    }
  }
  client.run(tasks)
  return Effect.void
}

/** The signs of life between a server and a farm. */
interface Life {
  /** Undefined during the handshake. */
  silence: Silence.Silence | undefined
  /** True after bytes of a message that is not complete. */
  hasPart: boolean
}

/** The longest time between two signs of life to a farm that is sending a long message. */
const maxSignMillis = 1_000

const pong = Protocol.encodeUnsafe({ _tag: "Pong" })

/** Makes the check of a sweeper: it answers a farm whose long message is on its way, and ends one that is silent. */
const makeWatch = (
  life: Life,
  silence: Silence.Silence,
  channel: MessageChannel.MessageChannel,
  leaseMillis: number,
  expire: () => void
) => {
  const signMillis = Math.min(leaseMillis / 4, maxSignMillis)
  let signedAt = Number.NEGATIVE_INFINITY
  return (now: number) => {
    // A farm that is not read cannot give a sign of life: the write timeout of the server ends one that does not read.
    if (!channel.isWritable()) return
    if (silence.tick()) expire()
    if (!life.hasPart || now - signedAt < signMillis) return
    // The pings of the farm wait behind its message.
    life.hasPart = false
    signedAt = now
    channel.send([pong])
  }
}

/** Joins the pool for a farm. Begins no more packets while it does not read the outcomes of earlier ones. */
const join = Effect.fnUntraced(function* (
  shared: Shared,
  channel: MessageChannel.MessageChannel,
  remote: NetAddress.SocketAddress
) {
  const { codec, maxPacketBytes, pool, stats, unitsOf } = shared
  const isFull = Signal.make()
  const packetBytes: Served["packetBytes"] = new Map()
  const sendThreads = (threads: number) =>
    channel.send([Protocol.encodeUnsafe({ _tag: "Threads", threads: announced(threads) })])
  const listener: PoolState.Listener = {
    onOutcomes: (outcomes) => {
      stats.packets += outcomes.length
      for (const outcome of outcomes) {
        served.inFlightBytes -= packetBytes.get(outcome.id) ?? 0
        packetBytes.delete(outcome.id)
        channel.send(OutcomeFrames.make(outcome, codec, maxPacketBytes))
      }
      if (channel.isWritable()) return
      client.pause()
      isFull.notify()
    },
    onWorking: (ids) => channel.send([Protocol.encodeUnsafe({ _tag: "Working", ids })]),
    onThreads: sendThreads
  }
  const title = `${pool.job.name} for ${NetAddress.formatSocketAddress(remote)}`
  const client = yield* pool.join(listener, title, unitsOf)
  const served: Served = { shared, channel, client, packetBytes, inFlightBytes: 0 }
  const resume = Effect.map(channel.writable, client.resume)
  return { served, sendThreads, resuming: Effect.forever(Effect.andThen(isFull.wait, resume)) }
})

/** The data of the connection of a farm. */
interface FarmContext extends Pick<TcpServer.ConnectionContext, "id" | "sweeper"> {
  readonly remote: NetAddress.SocketAddress
}

/** Serves a farm after its handshake, until it leaves or sends nothing for its lease. */
const serveGreeted = Effect.fnUntraced(function* (
  shared: Shared,
  channel: MessageChannel.MessageChannel,
  { hello, welcome }: Greetings,
  life: Life,
  { id, remote, sweeper }: FarmContext
) {
  const { emit, maxPacketBytes, pool, stats } = shared
  channel.setLimits({ frameBytes: Protocol.frameLimitBytes.session, packetBytes: maxPacketBytes })
  const { resuming, sendThreads, served } = yield* join(shared, channel, remote)
  if (served.client.threads() > welcome.threads) sendThreads(served.client.threads())
  const leaseExpired = Latch.makeUnsafe(false)
  const silence = Silence.make(hello.lease, sweeper.now)
  life.silence = silence
  life.hasPart = false
  const unwatch = sweeper.add(makeWatch(life, silence, channel, hello.lease, () => leaseExpired.openUnsafe()))
  stats.farms++
  emit(() => ({ _tag: "FarmJoined", id }))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      unwatch()
      stats.farms--
      emit(() => ({ _tag: "FarmLeft", id }))
    })
  )
  const receiveNext = Effect.flatMap(channel.pull, (messages) => {
    life.hasPart = false
    return receive(messages, served)
  })
  const waitForReader = Effect.map(channel.writable, silence.hear)
  const receiving = Pull.catchDone(Effect.forever(Effect.andThen(receiveNext, waitForReader)), () => Effect.void)
  const failOnTimeout = Effect.andThen(leaseExpired.await, Effect.fail(MessageChannel.timedOut(hello.lease)))
  yield* Effect.raceAllFirst([receiving, channel.flushing, resuming, failOnTimeout, Effect.asVoid(pool.allGone)])
}, Effect.scoped)

/** Serves one farm after its preamble; `rest` are the bytes that arrived with it. */
export const serve = (
  shared: Shared,
  connection: Connection,
  { id, sweeper }: TcpServer.ConnectionContext,
  rest: Uint8Array
) => {
  const context: FarmContext = { id, sweeper, remote: connection.remote }
  const life: Life = { silence: undefined, hasPart: false }
  const channel = MessageChannel.make(connection, rest, () => {
    life.silence?.hear()
    life.hasPart = true
  })
  return handshake(shared, channel).pipe(
    Effect.flatMap((greetings) =>
      Effect.withSpan(serveGreeted(shared, channel, greetings, life, context), "TcpWorkerServer.farm", {
        attributes: { lease: greetings.hello.lease }
      })
    ),
    Effect.tapError((error) => {
      if (error._tag !== "ProtocolError") return Effect.void
      shared.emit(() => ({ _tag: "FarmRefused", id, message: error.message }))
      return Effect.andThen(sendRefusal(channel, error), linger(connection))
    })
  )
}
