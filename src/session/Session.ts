/**
 * A stateful line protocol as a pure value: the greeting of a client, and the reaction to each of its lines.
 *
 * The number of clients, and the fiber, process or thread that serves each, are chosen separately: see
 * `ConcurrencyModel`.
 *
 * **Example** (A counter of lines)
 *
 * ```ts
 * import type { Session } from "effect-inet/session"
 *
 * const session: Session.Session<number> = {
 *   framing: { _tag: "Lines" },
 *   open: ({ id }) => [0, { text: `hello, client ${id}\n` }],
 *   receive: (count, input) => {
 *     if (input._tag !== "Line") return [count, {}]
 *     return input.text === "bye" ? [count, { close: true }] : [count + 1, { text: `line ${count + 1}\n` }]
 *   }
 * }
 *
 * session.open({ id: 1, remote: "127.0.0.1:5000", seed: 0 }) // => [0, { text: "hello, client 1\n" }]
 * session.receive(0, { _tag: "Line", text: "hi" }) // => [1, { text: "line 1\n" }]
 * session.receive(1, { _tag: "Line", text: "bye" }) // => [1, { close: true }]
 * ```
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { UnterminatedPolicy } from "../network/Line.ts"

/** Client as a session sees it. @category models @since 0.1.0 */
export interface ClientInfo {
  /** Number of the client, from 1; unique in the life of a server, across all its processes and threads. */
  readonly id: number
  /** Address of the client, as text. */
  readonly remote: string
  /** Seed for the session's pseudo-random choices: 0 to 2^32 - 1. */
  readonly seed: number
}

/** Division of a client's bytes into inputs. @category models @since 0.1.0 */
export type Framing =
  /**
   * Lines that end with LF or CRLF, without telnet commands. `maxLength` in bytes, default 1,024. `unterminated` is the
   * treatment of a last line without LF, default `fail`: a `FramingError`.
   */
  | {
      readonly _tag: "Lines"
      readonly maxLength?: number | undefined
      readonly unterminated?: UnterminatedPolicy | undefined
    }
  /**
   * Single reads of at most `maxLength` bytes, without telnet commands, for protocols without lines. Each byte is one
   * character (Latin-1).
   */
  | { readonly _tag: "Reads"; readonly maxLength: number }

/** Input of a session. @category models @since 0.1.0 */
export type Input<Message = never> =
  /** A line without its end, or a read. */
  | { readonly _tag: "Line"; readonly text: string }
  /** The client exceeded a limit for lines or reads or sent half a line, as `message` says. The last input. */
  | { readonly _tag: "FramingError"; readonly message: string }
  /** The client sent FIN or disconnected. The last input. */
  | { readonly _tag: "Closed" }
  /** The time of `Session.tick` has passed. */
  | { readonly _tag: "Tick" }
  /** A message from the shared state: the answer to an `ask`, or a push. */
  | { readonly _tag: "Message"; readonly message: Message }

/** Output of a session. @category models @since 0.1.0 */
export interface Output<Ask = never> {
  /** Text to send to the client. */
  readonly text?: string | undefined
  /** Request to the shared state, made after the text was written. No line is read until its answer has arrived. */
  readonly ask?: Ask | undefined
  /** Ends the connection after the text was sent. */
  readonly close?: boolean | undefined
}

/** Next state, and the output. @category models @since 0.1.0 */
export type Step<S, Ask = never> = readonly [S, Output<Ask>]

/** Stateful line protocol. Its functions are pure and total. @category models @since 0.1.0 */
export interface Session<S, Ask = never, Message = never> {
  readonly framing: Framing
  /** Interval of `Tick` inputs. Default: never. */
  readonly tick?: Duration.Input | undefined
  readonly open: (client: ClientInfo) => Step<S, Ask>
  /** Steps the session. After `FramingError` and `Closed` the connection ends, also without `close`. */
  readonly receive: (state: S, input: Input<Message>) => Step<S, Ask>
}

/**
 * State that all clients of a server share, such as a scoreboard or a board.
 *
 * It lives in one place, in the process that serves. Sessions in other processes and threads reach it through messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shared<Ask, Message> {
  /**
   * Attaches a client before its first `ask`, and detaches it when the scope closes. Until then `push` may be called.
   * Returns the function that answers the client's asks, one at a time.
   */
  readonly attach: (
    client: ClientInfo,
    push: (message: Message) => void
  ) => Effect.Effect<(ask: Ask) => Effect.Effect<Message>, never, Scope.Scope>
}

/**
 * Failure to create a session. The message names the invalid option and the valid values.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionError extends Schema.TaggedError<SessionError>()("SessionError", { message: Schema.String }) {}

/**
 * Constructor of a session from serializable options, so that another process or thread can create the same session.
 *
 * The module that such a worker loads exports it as `definition`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<Options, S, Ask = never, Message = never> {
  /** Name of the service in metrics and logs. */
  readonly name: string
  readonly options: Schema.Codec<Options, unknown>
  readonly ask: Schema.Codec<Ask, unknown>
  readonly message: Schema.Codec<Message, unknown>
  readonly make: (options: Options) => Effect.Effect<Session<S, Ask, Message>, SessionError>
}
