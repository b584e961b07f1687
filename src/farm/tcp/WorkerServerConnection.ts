/** The connection of a farm to a worker server, from name resolution to the end of the handshake. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Dns from "effect/net/Dns"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../../network/Monotonic.ts"
import type { Network } from "../../network/Network.ts"
import type { ServiceNames } from "../../network/names/ServiceNames.ts"
import * as Signal from "../../network/Signal.ts"
import * as TcpClient from "../../network/TcpClient.ts"
import { errorText } from "../FarmError.ts"
import type { Task, TaskOutcome } from "../Worker.ts"
import * as HostAddresses from "./HostAddresses.ts"
import type { ConnectionFailure, HostConnection, OnOutcomes, OnThreads, OnWorking } from "./RemoteHost.ts"
import * as SendWindow from "./SendWindow.ts"
import * as Silence from "./Silence.ts"
import type { Auth } from "./wire/Auth.ts"
import * as MessageChannel from "./wire/MessageChannel.ts"
import * as PayloadCodec from "./wire/PayloadCodec.ts"
import * as Protocol from "./wire/Protocol.ts"
import { ProtocolError, Refused, singleLine } from "./wire/ProtocolError.ts"

/** The services that connecting requires. */
export type Requirements = Network | Dns.Dns | ServiceNames

/** The address of a worker server and the parameters of the handshake. */
export interface Options {
  readonly host: string
  readonly service: string | number
  readonly job: PayloadCodec.WireJob
  readonly auth: Auth | undefined
  readonly leaseMillis: number
  readonly maxPacketBytes: number
  /** The time limit for name resolution, connecting and handshake together. */
  readonly timeoutMillis: number
}

const refused = (reason: Refused["reason"], message: string) =>
  new ProtocolError({ reason: new Refused({ reason, message }) })

const refusalOf = ({ message, reason }: Extract<Protocol.Message, { readonly _tag: "Refused" }>) =>
  refused(reason, singleLine(message))

/** Reasons of a refusal that another attempt would meet again. */
const permanentRefusals: ReadonlySet<string> = new Set(["Version", "Job", "Key"])

const isPermanentRefusal = (error: unknown) =>
  error instanceof ProtocolError && error.reason._tag === "Refused" && permanentRefusals.has(error.reason.reason)

const connectionFailure = (error: { readonly message: string }): ConnectionFailure => ({
  message: error.message,
  isPermanent: HostAddresses.isServiceError(error) || isPermanentRefusal(error)
})

/** Waits for the next message of the server, and fails if it is a refusal. */
const nextOf = ({ next }: MessageChannel.MessageChannel) =>
  Effect.flatMap(next, (message) =>
    message._tag === "Refused" ? Effect.fail(refusalOf(message)) : Effect.succeed(message)
  )

const checkWelcome = (message: Protocol.Message) =>
  message._tag === "Welcome" ? Effect.succeed(message) : Effect.fail(MessageChannel.unexpectedMessage(message))

/** Proves the key to the server, verifies that the server has it, and seals the connection. Returns its `Welcome`. */
const authenticate = Effect.fnUntraced(function* (
  auth: Auth,
  channel: MessageChannel.MessageChannel,
  hello: Protocol.Hello,
  challenge: Protocol.Message
) {
  if (challenge._tag === "Welcome") return yield* refused("Key", "authentication failed: the server has no key")
  if (challenge._tag !== "Challenge") return yield* MessageChannel.unexpectedMessage(challenge)
  const serverNonce = challenge.nonce
  const proof = yield* auth.prove("farm", { hello, serverNonce })
  yield* channel.write(Protocol.encodeUnsafe({ _tag: "Proof", proof }))
  const welcome = yield* Effect.flatMap(nextOf(channel), checkWelcome)
  const transcript = { hello, serverNonce, welcome }
  if (!(yield* auth.verify("server", transcript, welcome.proof))) {
    return yield* refused("Key", "authentication failed: the server has another key")
  }
  yield* channel.replace((connection, unread) => auth.seal("farm", transcript, connection, unread))
  return welcome
})

/** A refusal of a server that has not proved its key may be the effect of altered bytes. */
const unprovenFailure = (error: { readonly message: string }): ConnectionFailure => {
  const failure = connectionFailure(error)
  const isUnproven = error instanceof ProtocolError && failure.isPermanent
  return isUnproven ? { ...failure, isPermanent: false, isUnproven } : failure
}

const handshake = Effect.fnUntraced(function* (
  { auth, host, job, leaseMillis, maxPacketBytes, service }: Options,
  now: () => number,
  onBytes: () => void
) {
  const connection = yield* TcpClient.connect({ host, service })
  const channel = MessageChannel.make(connection, new Uint8Array(0), onBytes)
  const nonceField = auth === undefined ? {} : { nonce: yield* auth.nonce }
  const { name, version: jobVersion } = job
  const hello: Protocol.Hello = {
    _tag: "Hello",
    version: Protocol.version,
    job: name,
    jobVersion,
    lease: leaseMillis,
    ...nonceField
  }
  const start = now()
  yield* channel.write(Bytes.concat([Protocol.preamble, Protocol.encodeUnsafe(hello)]))
  const reply = yield* nextOf(channel)
  const latencyMillis = now() - start
  const welcome = yield* auth === undefined ? checkWelcome(reply) : authenticate(auth, channel, hello, reply)
  channel.setLimits({ frameBytes: Protocol.frameLimitBytes.session, packetBytes: maxPacketBytes })
  return { channel, latencyMillis, welcome }
})

const closedEarly = MessageChannel.connectionEnded(
  "connection closed during the handshake; check that a worker server listens there"
)

/** The ids of a message, which fit into a frame in any case. */
const maxIdCount = 50_000

/** The packets of a connection: they are sent as the server allows, and some end on this side. */
const makeOutgoing = (
  channel: MessageChannel.MessageChannel,
  codec: PayloadCodec.PayloadCodec,
  maxPacketBytes: number,
  maxInFlightBytes: number
) => {
  const window = SendWindow.make(maxInFlightBytes)
  const hasEnded = Signal.make()
  let ended: Array<TaskOutcome> = []

  const end = (outcome: TaskOutcome) => {
    ended.push(outcome)
    hasEnded.notify()
  }
  const encode = ({ id, packet }: Task): SendWindow.EncodedTask | undefined => {
    const encoded = encodeWork(codec, id, packet, maxPacketBytes)
    if (Result.isSuccess(encoded)) return encoded.success
    end({ _tag: "Failed", id, ...encoded.failure })
    return undefined
  }
  const sendNext = () => {
    for (let task = SendWindow.next(window, encode); task !== undefined; task = SendWindow.next(window, encode)) {
      channel.send(task.frames)
    }
  }
  return {
    send: (tasks: ReadonlyArray<Task>) => {
      for (const task of tasks) window.waiting.push(task)
      sendNext()
    },
    cancel: (ids: ReadonlyArray<number>) => {
      const removed = SendWindow.removeWaiting(window, ids)
      for (const id of removed) end({ _tag: "Stopped", id })
      const sent = removed.length === 0 ? ids : ids.filter((id) => window.inFlight.has(id))
      for (let at = 0; at < sent.length; at += maxIdCount) {
        channel.send([Protocol.encodeUnsafe({ _tag: "Cancel", ids: sent.slice(at, at + maxIdCount) })])
      }
    },
    /** Returns true for a packet that was sent, and has no outcome. */
    isSent: (id: number) => window.inFlight.has(id),
    /** Makes room after these outcomes of the server. */
    release: (outcomes: ReadonlyArray<TaskOutcome>) => {
      for (const { id } of outcomes) SendWindow.release(window, id)
      sendNext()
    },
    /** Waits for packets that cannot be sent, or were cancelled before. */
    ended: Effect.map(hasEnded.wait, () => {
      const outcomes = ended
      ended = []
      return outcomes
    })
  }
}

/** Sorts the messages of a server by their kind. */
const sort = (codec: PayloadCodec.PayloadCodec, messages: ReadonlyArray<Protocol.Message>) => {
  const outcomes: Array<TaskOutcome> = []
  const working: Array<number> = []
  let threads: number | undefined
  for (const message of messages) {
    switch (message._tag) {
      case "Done":
      case "Failed":
      case "Stopped":
        outcomes.push(outcomeOf(codec, message))
        break
      case "Working":
        // Not as arguments of a call: there may be more than a stack holds.
        for (const id of message.ids) working.push(id)
        break
      case "Threads":
        threads = message.threads
        break
      case "Pong":
        break
      case "Refused":
        return Result.fail(refusalOf(message))
      default:
        return Result.fail(MessageChannel.unexpectedMessage(message))
    }
  }
  return Result.succeed({ outcomes, working, threads })
}

/** Connects and completes the handshake. The connection closes with the scope. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<HostConnection, ConnectionFailure, Requirements | Scope.Scope> {
  const { job, leaseMillis, maxPacketBytes, timeoutMillis } = options
  const now = yield* Monotonic.millis
  const codec = PayloadCodec.make(job)
  const silence = Silence.make(leaseMillis, now)
  let onSignOfLife: () => void = constVoid
  let hasPart = false
  const onBytes = () => {
    hasPart = true
    silence.hear()
    onSignOfLife()
  }
  const { channel, latencyMillis, welcome } = yield* handshake(options, now, onBytes).pipe(
    Pull.catchDone(closedEarly),
    Effect.timeoutOrElse({
      duration: timeoutMillis,
      orElse: () => Effect.fail(MessageChannel.timedOut(timeoutMillis))
    }),
    Effect.mapError(options.auth === undefined ? connectionFailure : unprovenFailure)
  )
  const outgoing = makeOutgoing(channel, codec, maxPacketBytes, welcome.maxInFlightBytes)

  const apply = (onOutcomes: OnOutcomes, outcomes: ReadonlyArray<TaskOutcome>) =>
    Effect.mapError(Effect.fromResult(onOutcomes(outcomes)), ({ id }) => MessageChannel.invalidId(id, "not requested"))
  const applyReceived = (onOutcomes: OnOutcomes, outcomes: ReadonlyArray<TaskOutcome>) => {
    const waiting = outcomes.find(({ id }) => !outgoing.isSent(id))
    if (waiting !== undefined) return Effect.fail(MessageChannel.invalidId(waiting.id, "not requested"))
    return apply(onOutcomes, outcomes)
  }
  // The server waits for this side to read, so this side reads whatever it has to send.
  const receive = (onOutcomes: OnOutcomes, onWorking: OnWorking, onThreads: OnThreads) =>
    Effect.flatMap(channel.pull, (messages) => {
      hasPart = false
      return Effect.flatMap(Effect.fromResult(sort(codec, messages)), ({ outcomes, threads, working }) =>
        Effect.map(applyReceived(onOutcomes, outcomes), () => {
          outgoing.release(outcomes)
          onWorking(working)
          if (threads !== undefined) onThreads(threads)
        })
      )
    })
  const keepAlive = Effect.suspend(() => {
    if (silence.tick()) return Effect.fail(MessageChannel.timedOut(leaseMillis))
    channel.send([Protocol.encodeUnsafe({ _tag: "Ping" })])
    return Effect.void
  })
  const connection: HostConnection = {
    threads: welcome.threads,
    capacity: Math.max(1, Math.floor(welcome.capacity / 2)),
    latencyMillis,
    maxPacketBytes,
    reportsEachBegin: true,
    send: (tasks) => {
      outgoing.send(tasks)
      return []
    },
    cancel: outgoing.cancel,
    isTransferring: () => hasPart || channel.isSending(),
    serve: (onOutcomes, onWorking, onThreads) => {
      // While a long result arrives, no message does.
      onSignOfLife = () => onWorking([])
      return Effect.raceAllFirst([
        Effect.forever(receive(onOutcomes, onWorking, onThreads)),
        Effect.forever(Effect.flatMap(outgoing.ended, (outcomes) => apply(onOutcomes, outcomes))),
        channel.flushing,
        Effect.forever(Effect.andThen(Effect.sleep(Math.min(leaseMillis / 4, maxPingIntervalMillis)), keepAlive))
      ]).pipe(
        Pull.catchDone(MessageChannel.connectionEnded("the host closed the connection")),
        Effect.mapError(connectionFailure)
      )
    }
  }
  return connection
})

/** The longest interval between two pings: a server may close connections that are idle for longer. */
const maxPingIntervalMillis = 10_000

/** The reason why a packet can never be sent. */
type Unsent = Pick<Extract<TaskOutcome, { readonly _tag: "Failed" }>, "error" | "kind">

const encodeWork = (
  codec: PayloadCodec.PayloadCodec,
  id: number,
  packet: unknown,
  maxPacketBytes: number
): Result.Result<SendWindow.EncodedTask, Unsent> => {
  const encoded = codec.packet.encode(packet)
  if (Result.isFailure(encoded)) {
    return Result.fail({ error: errorText(`cannot send the packet: ${encoded.failure}`), kind: "Unsendable" })
  }
  return Result.mapBoth(Protocol.encodePacket({ _tag: "Work", id }, encoded.success, maxPacketBytes), {
    onFailure: ({ message }): Unsent => ({ error: errorText(`cannot send the packet: ${message}`), kind: "TooLarge" }),
    onSuccess: (frames) => ({ id, bytes: Protocol.lengthOf(encoded.success), frames })
  })
}

const outcomeOf = (
  codec: PayloadCodec.PayloadCodec,
  message: Extract<Protocol.Message, { readonly _tag: TaskOutcome["_tag"] }>
): TaskOutcome => {
  if (message._tag !== "Done") return message
  const { id, millis } = message
  return Result.match(codec.result.decode(message.result), {
    onFailure: (detail) => ({ _tag: "Failed", id, error: errorText(`the result cannot be read: ${detail}`) }),
    onSuccess: (result) => ({ _tag: "Done", id, result, millis })
  })
}
