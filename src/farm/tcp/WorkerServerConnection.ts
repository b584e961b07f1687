/** The connection of a farm to a worker server, from name resolution to the end of the handshake. */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import type * as Dns from "effect/net/Dns"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Monotonic from "../../network/Monotonic.ts"
import type { Network } from "../../network/Network.ts"
import type { ServiceNames } from "../../network/names/ServiceNames.ts"
import * as TcpClient from "../../network/TcpClient.ts"
import { errorText } from "../FarmError.ts"
import type { TaskOutcome } from "../Worker.ts"
import type { Auth } from "./Auth.ts"
import * as MessageChannel from "./MessageChannel.ts"
import * as PayloadCodec from "./PayloadCodec.ts"
import * as Protocol from "./Protocol.ts"
import type { ConnectionFailure, HostConnection, OnOutcomes, OnWorking } from "./RemoteHost.ts"

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

const protocolError = (reason: Protocol.ProtocolError["reason"]) => new Protocol.ProtocolError({ reason })

const keyRefused = (message: string) => protocolError(new Protocol.Refused({ reason: "Key", message }))

const refusalOf = ({ message, reason }: Extract<Protocol.Message, { readonly _tag: "Refused" }>) =>
  protocolError(new Protocol.Refused({ reason, message: Protocol.singleLine(message) }))

/** Reasons of a refusal that another attempt would meet again. */
const permanentRefusals: ReadonlySet<string> = new Set(["Version", "Job", "Key"])

const connectionFailure = (error: { readonly message: string }): ConnectionFailure => ({
  message: error.message,
  isPermanent:
    error instanceof Protocol.ProtocolError &&
    error.reason._tag === "Refused" &&
    permanentRefusals.has(error.reason.reason)
})

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
  yield* connection.write(Bytes.concat([Protocol.preamble, Protocol.encodeUnsafe(hello)]))
  const nextMessage = Effect.flatMap(channel.next, (message) =>
    message._tag === "Refused" ? Effect.fail(refusalOf(message)) : Effect.succeed(message)
  )
  let reply = yield* nextMessage
  const latencyMillis = now() - start
  let challenge: string | undefined
  if (reply._tag === "Challenge" && auth !== undefined) {
    challenge = reply.nonce
    const proof = yield* auth.prove("farm", { hello, serverNonce: challenge })
    yield* connection.write(Protocol.encodeUnsafe({ _tag: "Proof", proof }))
    reply = yield* nextMessage
  }
  if (reply._tag !== "Welcome") return yield* MessageChannel.unexpectedMessage(reply)
  if (auth !== undefined) {
    if (challenge === undefined) return yield* keyRefused("authentication failed: the server has no key")
    const transcript = { hello, serverNonce: challenge, welcome: reply }
    if (!(yield* auth.verify("server", transcript, reply.proof))) {
      return yield* keyRefused("authentication failed: the server has another key")
    }
  }
  channel.setLimits({ frameBytes: Protocol.frameLimitBytes.session, packetBytes: maxPacketBytes })
  return { channel, latencyMillis, welcome: reply }
})

const closedEarly = MessageChannel.connectionEnded(
  "connection closed during the handshake; check that a worker server listens there"
)

/** Connects and completes the handshake. The connection closes with the scope. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<HostConnection, ConnectionFailure, Requirements | Scope.Scope> {
  const { job, leaseMillis, maxPacketBytes, timeoutMillis } = options
  const now = yield* Monotonic.millis
  const codec = PayloadCodec.make(job)
  let lastReceivedAt = now()
  const onBytes = () => {
    lastReceivedAt = now()
  }
  const { channel, latencyMillis, welcome } = yield* handshake(options, now, onBytes).pipe(
    Pull.catchDone(closedEarly),
    Effect.timeoutOrElse({
      duration: timeoutMillis,
      orElse: () => Effect.fail(MessageChannel.timedOut(timeoutMillis))
    }),
    Effect.mapError(connectionFailure)
  )

  const receive = (onOutcomes: OnOutcomes, onWorking: OnWorking) => (messages: ReadonlyArray<Protocol.Message>) => {
    const outcomes: Array<TaskOutcome> = []
    const working: Array<number> = []
    for (const message of messages) {
      if (message._tag === "Done" || message._tag === "Failed" || message._tag === "Stopped") {
        outcomes.push(outcomeOf(codec, message))
      } else if (message._tag === "Working") working.push(...message.ids)
      else if (message._tag === "Refused") return Effect.fail(refusalOf(message))
      else if (message._tag !== "Pong") return Effect.fail(MessageChannel.unexpectedMessage(message))
    }
    return Result.match(onOutcomes(outcomes), {
      onFailure: ({ id }) => Effect.fail(MessageChannel.invalidId(id, "not requested")),
      onSuccess: () => {
        onWorking(working)
        return channel.writable
      }
    })
  }
  const keepAlive = Effect.suspend(() => {
    if (now() - lastReceivedAt > leaseMillis) return Effect.fail(MessageChannel.timedOut(leaseMillis))
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
      const unsent: Array<TaskOutcome> = []
      for (const { id, packet } of tasks) {
        const frames = framesOf(codec, id, packet, maxPacketBytes)
        if (Result.isSuccess(frames)) channel.send(frames.success)
        else unsent.push({ _tag: "Failed", id, ...frames.failure })
      }
      return unsent
    },
    cancel: (ids) => channel.send([Protocol.encodeUnsafe({ _tag: "Cancel", ids })]),
    serve: (onOutcomes, onWorking) =>
      Effect.raceAllFirst([
        Effect.forever(Effect.flatMap(channel.pull, receive(onOutcomes, onWorking))),
        channel.flushing,
        Effect.forever(Effect.andThen(Effect.sleep(Math.min(leaseMillis / 4, maxPingIntervalMillis)), keepAlive))
      ]).pipe(
        Pull.catchDone(MessageChannel.connectionEnded("the host closed the connection")),
        Effect.mapError(connectionFailure)
      )
  }
  return connection
})

/** The longest interval between two pings: a server may close connections that are idle for longer. */
const maxPingIntervalMillis = 10_000

/** The reason why a packet can never be sent. */
type Unsent = Pick<Extract<TaskOutcome, { readonly _tag: "Failed" }>, "error" | "kind">

/** Encodes a packet. */
const framesOf = (
  codec: PayloadCodec.PayloadCodec,
  id: number,
  packet: unknown,
  maxPacketBytes: number
): Result.Result<ReadonlyArray<Uint8Array>, Unsent> => {
  const bytes = codec.packet.encode(packet)
  if (Result.isFailure(bytes)) {
    return Result.fail({ error: errorText(`cannot send the packet: ${bytes.failure}`), kind: "Unsendable" })
  }
  return Result.mapError(
    Protocol.encode({ _tag: "Work", id, packet: bytes.success }, maxPacketBytes),
    ({ message }): Unsent => ({ error: errorText(`cannot send the packet: ${message}`), kind: "TooLarge" })
  )
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
