/**
 * A stateful line protocol as a pure value: what a client is greeted with, and what happens at each line. How many
 * clients there are, and in which fiber, process or thread they are served, is chosen beside it: see `Model`.
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** What a session knows of its client. @category models @since 0.1.0 */
export interface Client {
  /** Counts from 1, and is given once in the life of a server, whatever processes and threads serve. */
  readonly id: number
  /** The client's address, as text. */
  readonly remote: string
  /** What the session may draw its chances from: 0 to 2^32 - 1. */
  readonly seed: number
}

/** How the bytes of a client are cut. @category models @since 0.1.0 */
export type Framing =
  /** Lines that end with LF or CRLF; telnet is kept out of the text. `maxLength` in bytes, default 1,024. */
  | { readonly _tag: "Lines"; readonly maxLength?: number | undefined }
  /** What one read gives, at most so many bytes, as servers do that know no lines; a character is a byte. */
  | { readonly _tag: "Reads"; readonly maxLength: number }

/** What a session is told. @category models @since 0.1.0 */
export type Input<Message = never> =
  /** A line without its end, or a read. */
  | { readonly _tag: "Line"; readonly text: string }
  /** The client broke the rules of lines; `message` says how. Nothing more is read. */
  | { readonly _tag: "FramingError"; readonly message: string }
  /** The client sends no more, or is gone. Nothing more is read. */
  | { readonly _tag: "Closed" }
  /** The time of `Session.tick` has passed. */
  | { readonly _tag: "Tick" }
  /** What all clients share answers an `ask`, or tells of a change. */
  | { readonly _tag: "Message"; readonly message: Message }

/** What a session wants done. @category models @since 0.1.0 */
export interface Output<Ask = never> {
  /** Sent to the client. */
  readonly text?: string | undefined
  /** Asked of what all clients share, after the text is on its way; no line is read until the answer is there. */
  readonly ask?: Ask | undefined
  /** Ends the connection once the text is sent. */
  readonly close?: boolean | undefined
}

/** The next state, and what to do. @category models @since 0.1.0 */
export type Step<S, Ask = never> = readonly [S, Output<Ask>]

/** A stateful line protocol. Its functions are pure and total. @category models @since 0.1.0 */
export interface Session<S, Ask = never, Message = never> {
  readonly framing: Framing
  /** How often a `Tick` comes. Default never. */
  readonly tick?: Duration.Input | undefined
  readonly open: (client: Client) => Step<S, Ask>
  /** After `Broken` and `Closed` the connection ends, whatever the result says. */
  readonly receive: (state: S, input: Input<Message>) => Step<S, Ask>
}

/**
 * What all clients of a server share: a scoreboard, a board. It lives in one place, in the process that serves;
 * sessions in other processes and threads ask it through messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shared<Ask, Message> {
  /**
   * A client comes, before its first question; it leaves with the scope. `tell` may be called until then. The result
   * answers its questions, one at a time.
   */
  readonly attach: (
    client: Client,
    push: (told: Message) => void
  ) => Effect.Effect<(ask: Ask) => Effect.Effect<Message>, never, Scope.Scope>
}

/**
 * A session could not be made; the message says which option is wrong, and what would be right.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionError extends Data.TaggedError("SessionError")<{ readonly message: string }> {}

/**
 * How to make a session from options that can be written down, so that another process or thread can make the same.
 * A module that is loaded there exports it as `definition`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<Options, S, Ask = never, Message = never> {
  /** In metrics and logs. */
  readonly name: string
  readonly options: Schema.Codec<Options, unknown>
  readonly ask: Schema.Codec<Ask, unknown>
  readonly message: Schema.Codec<Message, unknown>
  readonly make: (options: Options) => Effect.Effect<Session<S, Ask, Message>, SessionError>
}
