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
export interface Frames {
  /** Waits for the next line, or read; `Done` at the client's FIN. One fiber at a time. */
  readonly next: Pull.Pull<string, Network.NetworkError | Line.LineError>
  /** A session's text as it goes over the wire. */
  readonly encode: (text: string) => Uint8Array | string
}

const same = (text: string) => text

/** Characters made by one call, each an argument. */
const piece = 4_096

const latin1 = (bytes: Uint8Array): string => {
  if (bytes.length <= piece) return String.fromCharCode(...bytes)
  let text = ""
  for (let at = 0; at < bytes.length; at += piece) {
    text += String.fromCharCode(...bytes.subarray(at, at + piece))
  }
  return text
}

/** Text that is ASCII is its own encoding. */
const fromLatin1 = (text: string): Uint8Array | string => {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 127) return Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  }
  return text
}

/** What was pulled, in pieces. */
const reads = (connection: Network.Connection, max: number): Frames => {
  let rest: Uint8Array | undefined
  const cut = (chunk: Uint8Array) => {
    rest = chunk.length > max ? chunk.subarray(max) : undefined
    return latin1(rest === undefined ? chunk : chunk.subarray(0, max))
  }
  const pulled = Effect.map(connection.pull, cut)
  return {
    next: Effect.suspend(() => (rest === undefined ? pulled : Effect.succeed(cut(rest)))),
    encode: fromLatin1
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
): Effect.Effect<Frames, never, Scope.Scope> =>
  framing._tag === "Reads"
    ? Effect.succeed(reads(connection, Math.max(1, framing.max)))
    : Effect.map(Line.make(connection, { maxLength: framing.maxLength, sweeper }), ({ next }) => ({
        next,
        encode: same
      }))

/** Ends a loop over frames as the end of input does. @category constructors @since 0.1.0 */
export const done: Effect.Effect<never, Cause.Done> = Cause.done()
