/** From the bytes of a connection to the pieces that a session is told, and from its text to bytes. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Line from "../network/Line.ts"
import type * as Network from "../network/Network.ts"
import type * as Sweeper from "../network/Sweeper.ts"
import type { Framing } from "./Session.ts"

/** What a client sends, piece by piece. @category models @since 0.1.0 */
export interface Framer {
  /** Waits for the next line, or read; `Done` at the client's FIN. One fiber at a time. */
  readonly next: Pull.Pull<string, Network.NetworkError | Line.LineError>
  /** A session's text as it goes over the wire. */
  readonly encode: (text: string) => Uint8Array | string
}

const unchanged = (text: string) => text

/** Characters made by one call, each an argument. */
const maxCallArguments = 4_096

const decodeLatin1 = (bytes: Uint8Array): string => {
  if (bytes.length <= maxCallArguments) return String.fromCharCode(...bytes)
  let text = ""
  for (let at = 0; at < bytes.length; at += maxCallArguments) {
    text += String.fromCharCode(...bytes.subarray(at, at + maxCallArguments))
  }
  return text
}

/** Text that is ASCII is its own encoding. */
const encodeLatin1 = (text: string): Uint8Array | string => {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 127) return Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  }
  return text
}

/** What was pulled, in pieces. */
const readFramer = (connection: Network.Connection, maxLength: number): Framer => {
  let rest: Uint8Array | undefined
  const take = (chunk: Uint8Array) => {
    rest = chunk.length > maxLength ? chunk.subarray(maxLength) : undefined
    return decodeLatin1(rest === undefined ? chunk : chunk.subarray(0, maxLength))
  }
  const nextRead = Effect.map(connection.pull, take)
  return {
    next: Effect.suspend(() => (rest === undefined ? nextRead : Effect.succeed(take(rest)))),
    encode: encodeLatin1
  }
}

/**
 * Cuts what a client sends, until the scope closes. Lines fail with `LineError` as `Line.make` says; the sweeper looks
 * at their deadline.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  connection: Network.Connection,
  framing: Framing,
  sweeper: Sweeper.Sweeper
): Effect.Effect<Framer, never, Scope.Scope> =>
  framing._tag === "Reads"
    ? Effect.succeed(readFramer(connection, Math.max(1, framing.maxLength)))
    : Effect.map(Line.make(connection, { maxLength: framing.maxLength, sweeper }), ({ next }) => ({
        next,
        encode: unchanged
      }))

/** Ends a loop over frames as the end of input does. @category constructors @since 0.1.0 */
export const done: Effect.Effect<never, Cause.Done> = Cause.done()
