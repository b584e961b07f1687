/**
 * Framers: they split the bytes of a connection into the texts that a session receives, and encode its texts as bytes.
 *
 * **Example** (Lines)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Network, NodeNetwork, Sweeper } from "effect-inet/network"
 * import { Framer } from "effect-inet/session"
 *
 * const program = Effect.gen(function* () {
 *   const network = yield* Network.Network
 *   const { accept, address } = yield* network.listen({ host: "127.0.0.1", port: 0 })
 *   const client = yield* network.connect(address)
 *   const framer = yield* Framer.make(yield* accept, { _tag: "Lines" }, yield* Sweeper.make("1 second"))
 *   yield* client.write("one\r\ntwo\n")
 *   yield* framer.next // => "one"
 *   yield* framer.next // => "two"
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Line from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"
import type * as TcpServer from "../network/TcpServer.ts"
import * as Telnet from "../network/Telnet.ts"
import type { Framing } from "./Session.ts"

/** Source of framed input, and encoder of output. @category models @since 0.1.0 */
export interface Framer {
  /** Waits for the next line or read; ends with `Done` at the client's FIN. One fiber at a time may wait. */
  readonly next: Pull.Pull<string, Network.NetworkError | Line.LineError>
  /** Encodes a session's text for the connection. */
  readonly encode: (text: string) => Uint8Array | string
}

/** Maximum number of character codes in one call of `String.fromCharCode`: each is an argument. */
const maxCharCodes = 4_096

const decodeLatin1 = (bytes: Uint8Array): string => {
  if (bytes.length <= maxCharCodes) return String.fromCharCode(...bytes)
  let text = ""
  for (let at = 0; at < bytes.length; at += maxCharCodes) {
    text += String.fromCharCode(...bytes.subarray(at, at + maxCharCodes))
  }
  return text
}

/** Returns ASCII text unchanged: its UTF-8 and Latin-1 encodings are equal. */
const encodeLatin1 = (text: string): Uint8Array | string => {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 127) return Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  }
  return text
}

/** Longest time in which a client may send telnet commands without data. */
const commandsDeadline = Line.defaultDeadline

const commandsTooLong = Effect.fail(new Line.LineError({ reason: new Line.TooSlow({ deadline: commandsDeadline }) }))

/**
 * Returns reads of at most `maxLength` bytes; longer ones are split. Telnet commands are removed and options refused. A
 * read of commands only is none; a client that sends them for longer than the deadline is too slow.
 */
const readFramer = (
  connection: Network.Connection,
  maxLength: number,
  sweeper: Sweeper.Sweeper,
  data: TcpServer.ConnectionContext["data"] = { count: undefined }
): Framer => {
  let telnet = Telnet.initial
  let rest: Uint8Array | undefined
  let commandsStartedAt: number | undefined
  data.count = 0
  const take = (bytes: Uint8Array) => {
    rest = bytes.length > maxLength ? bytes.subarray(maxLength) : undefined
    commandsStartedAt = undefined
    data.count!++
    return decodeLatin1(rest === undefined ? bytes : bytes.subarray(0, maxLength))
  }
  const receive = (chunk: Uint8Array): Framer["next"] => {
    const { data: bytes, reply, state } = Telnet.receive(telnet, chunk)
    telnet = state
    const next = bytes.length > 0 ? Effect.succeed(take(bytes)) : afterCommands()
    return reply.length === 0 ? next : Effect.andThen(Effect.ignore(connection.write(reply)), next)
  }
  const afterCommands = (): Framer["next"] => {
    const now = sweeper.now()
    commandsStartedAt ??= now
    return now - commandsStartedAt < Duration.toMillis(commandsDeadline) ? nextRead : commandsTooLong
  }
  const nextRead: Framer["next"] = Effect.flatMap(connection.pull, receive)
  return {
    next: Effect.suspend(() => (rest === undefined ? nextRead : Effect.succeed(take(rest)))),
    encode: encodeLatin1
  }
}

/**
 * Returns a framer of a connection, valid until the scope closes. Lines fail with `LineError` as described at
 * `Line.make`; the sweeper checks their deadline, and `data` counts them. Reads fail if the client sends telnet
 * commands for 30 seconds and nothing else; `data` counts the reads with other bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  connection: Network.Connection,
  framing: Framing,
  sweeper: Sweeper.Sweeper,
  data?: TcpServer.ConnectionContext["data"]
): Effect.Effect<Framer, never, Scope.Scope> =>
  framing._tag === "Reads"
    ? Effect.sync(() => readFramer(connection, Math.max(1, framing.maxLength), sweeper, data))
    : Effect.map(
        Line.make(connection, {
          maxLength: framing.maxLength,
          unterminated: framing.unterminated,
          sweeper,
          data
        }),
        ({ next }) => ({ next, encode: identity<string> })
      )

/** Ends a loop over a framer in the same way as the end of input. @category constructors @since 0.1.0 */
export const done: Effect.Effect<never, Cause.Done> = Cause.done()
