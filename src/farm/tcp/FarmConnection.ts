/** The connection of a farm to a server of work, from the look-up of its name to the last words of the greeting. */
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
import type { Auth } from "./Auth.ts"
import * as MessageChannel from "./MessageChannel.ts"
import * as Protocol from "./Protocol.ts"
import type { Ending, Failure, Line, Tell } from "./RemoteHost.ts"

/** What connecting stands on. */
export type Needs = Network | Dns.Dns | ServiceNames

/** Whom to connect to, and what to say. Times are in milliseconds. */
export interface Options {
  readonly host: string
  readonly service: string | number
  readonly job: { readonly name: string; readonly version: number }
  readonly auth: Auth | undefined
  readonly lease: number
  readonly maxFrame: number
  /** For all of it. */
  readonly timeout: number
}

const failed = (reason: Protocol.ProtocolError["reason"]) => new Protocol.ProtocolError({ reason })

const refused = (message: string) => failed(new Protocol.Refused({ reason: "Key", message }))

const frame = (message: Protocol.Message) => Result.getOrThrow(Protocol.encode(message))

const refusal = ({ message, reason }: Extract<Protocol.Message, { readonly _tag: "Refused" }>) =>
  failed(new Protocol.Refused({ reason, message: Protocol.shown(message) }))

/** Refusals that will be the same next time. */
const final: ReadonlySet<string> = new Set(["Version", "Job", "Key"])

const failure = (error: { readonly message: string }): Failure => ({
  message: error.message,
  isFinal: error instanceof Protocol.ProtocolError && error.reason._tag === "Refused" && final.has(error.reason.reason)
})

const greet = Effect.fnUntraced(function* ({ auth, host, job, lease, maxFrame, service }: Options, now: () => number) {
  const connection = yield* TcpClient.connect({ host, service })
  const talk = MessageChannel.make(connection, new Uint8Array(0))
  const nonce = auth === undefined ? {} : { nonce: yield* auth.nonce }
  const { name, version: jobVersion } = job
  const hello: Protocol.Hello = { _tag: "Hello", version: Protocol.version, job: name, jobVersion, lease, ...nonce }
  const start = now()
  yield* connection.write(Bytes.concat([Protocol.preamble, frame(hello)]))
  const listen = Effect.flatMap(talk.next, (message) =>
    message._tag === "Refused" ? Effect.fail(refusal(message)) : Effect.succeed(message)
  )
  let answer = yield* listen
  const latency = now() - start
  let challenge: string | undefined
  if (answer._tag === "Challenge" && auth !== undefined) {
    challenge = answer.nonce
    const proof = yield* auth.prove("farm", { hello, nonce: challenge })
    yield* connection.write(frame({ _tag: "Proof", proof }))
    answer = yield* listen
  }
  if (answer._tag !== "Welcome") return yield* MessageChannel.misplaced(answer)
  if (auth !== undefined) {
    if (challenge === undefined) return yield* refused("the server has no key: it could be anybody")
    const said = { hello, nonce: challenge, welcome: answer }
    if (!(yield* auth.verify("server", said, answer.proof))) return yield* refused("the server does not know the key")
  }
  talk.allow(maxFrame)
  return { talk, latency, welcome: answer }
})

const closedEarly = MessageChannel.ended("it closed the connection when it was greeted: is it a server of work?")

/** Connects, greets and is welcomed; closes with the scope. */
export const open = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Line, Failure, Needs | Scope.Scope> {
  const { lease, maxFrame, timeout } = options
  const now = yield* Monotonic.millis
  const { latency, talk, welcome } = yield* greet(options, now).pipe(
    Pull.catchDone(closedEarly),
    Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.fail(MessageChannel.silent(timeout)) }),
    Effect.mapError(failure)
  )
  let heard = now()

  const receive = (tell: Tell) => (messages: ReadonlyArray<Protocol.Message>) => {
    heard = now()
    const endings: Array<Ending> = []
    for (const message of messages) {
      if (message._tag === "Done" || message._tag === "Failed" || message._tag === "Stopped")
        endings.push(endingOf(message))
      else if (message._tag === "Refused") return Effect.fail(refusal(message))
      else if (message._tag !== "Pong") return Effect.fail(MessageChannel.misplaced(message))
    }
    const unknown = tell(endings)
    return unknown === undefined ? talk.room : Effect.fail(MessageChannel.wrongId(unknown, "was not asked for"))
  }
  const asking = Effect.suspend(() => {
    if (now() - heard > lease) return Effect.fail(MessageChannel.silent(lease))
    talk.send([frame({ _tag: "Ping" })])
    return Effect.void
  })
  const line: Line = {
    threads: welcome.threads,
    capacity: Math.max(1, Math.floor(welcome.capacity / 2)),
    latency,
    send: (tasks) => {
      const unsent: Array<Ending> = []
      const frames: Array<Uint8Array> = []
      for (const { id, packet } of tasks) {
        const encoded = Protocol.encode({ _tag: "Work", id, packet }, maxFrame)
        if (Result.isSuccess(encoded)) frames.push(encoded.success)
        else unsent.push({ _tag: "Failed", id, message: `the packet cannot be sent: ${encoded.failure.message}` })
      }
      talk.send(frames)
      return unsent
    },
    cancel: (ids) => talk.send([frame({ _tag: "Cancel", ids })]),
    serve: (tell) =>
      Effect.raceAllFirst([
        Effect.forever(Effect.flatMap(talk.pull, receive(tell))),
        talk.sending,
        Effect.forever(Effect.andThen(Effect.sleep(Math.min(lease / 4, longest)), asking))
      ]).pipe(Pull.catchDone(MessageChannel.ended("it closed the connection")), Effect.mapError(failure))
  }
  return line
})

/** Milliseconds between two questions at most: a server may end connections that are silent for longer. */
const longest = 10_000

const endingOf = (message: Extract<Protocol.Message, { readonly _tag: Ending["_tag"] }>): Ending =>
  message._tag === "Done"
    ? { ...message, result: message.result }
    : message._tag === "Failed"
      ? { ...message, message: Protocol.shown(message.message) }
      : message
