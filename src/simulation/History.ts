/** What concurrent clients asked and were told, and in which order, in steps of logical time. */
import * as Effect from "effect/Effect"

/** An operation of a client. @category models @since 0.1.0 */
export interface Call<Op, Result> {
  readonly client: string | number
  readonly op: Op
  /** No two calls begin or end at one time. */
  readonly invoked: number
  /** Nothing, if the client never heard of it: then it may have happened, or not. */
  readonly returned: { readonly at: number; readonly result: Result } | undefined
}

/** All calls, in the order of their beginnings. @category models @since 0.1.0 */
export type History<Op, Result> = ReadonlyArray<Call<Op, Result>>

/** Writes a history. @category models @since 0.1.0 */
export interface Recorder<Op, Result> {
  /** Notes that an operation begins; what it gives is called with the result, once. */
  readonly invoke: (client: string | number, op: Op) => (result: Result) => void
  /** Runs an effect as an operation. One that fails or is interrupted never returns: it may have happened. */
  readonly record: <E, R>(
    client: string | number,
    op: Op,
    effect: Effect.Effect<Result, E, R>
  ) => Effect.Effect<Result, E, R>
  /** What has been noted up to now. */
  readonly history: () => History<Op, Result>
}

/** An empty history. @category constructors @since 0.1.0 */
export const make = <Op, Result>(): Recorder<Op, Result> => {
  const calls: Array<Call<Op, Result>> = []
  let time = 0
  const invoke = (client: string | number, op: Op) => {
    const index = calls.push({ client, op, invoked: ++time, returned: undefined }) - 1
    return (result: Result) => {
      const call = calls[index]!
      if (call.returned === undefined) calls[index] = { ...call, returned: { at: ++time, result } }
    }
  }
  return {
    invoke,
    record: (client, op, effect) =>
      Effect.suspend(() => {
        const returns = invoke(client, op)
        return Effect.map(effect, (result) => {
          returns(result)
          return result
        })
      }),
    history: () => [...calls]
  }
}

/** How operations and results are written. Default: text as it is, all else as JSON. @category models @since 0.1.0 */
export interface Show<Op, Result> {
  readonly op?: ((op: Op) => string) | undefined
  readonly result?: ((result: Result) => string) | undefined
}

/** A value as a `Show` writes it that says nothing else. @category combinators @since 0.1.0 */
export const showValue = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? `${value}`)

/** A call in a line: `alice: claim 1 2 = true (from 3 to 6)`. @category combinators @since 0.1.0 */
export const formatCall = <Op, Result>(
  { client, invoked, op, returned }: Call<Op, Result>,
  { op: showOp = showValue, result: showResult = showValue }: Show<Op, Result> = {}
): string =>
  returned === undefined
    ? `${client}: ${showOp(op)} (from ${invoked}, never returned)`
    : `${client}: ${showOp(op)} = ${showResult(returned.result)} (from ${invoked} to ${returned.at})`

/** A history, a line a call. @category combinators @since 0.1.0 */
export const format = <Op, Result>(history: History<Op, Result>, show?: Show<Op, Result>): string =>
  history.map((call) => formatCall(call, show)).join("\n")
