/**
 * Test tool: records the operations of concurrent clients and their results, in steps of logical time.
 *
 * `Linearizability.check` decides whether one shared object could have given these results.
 */
import * as Effect from "effect/Effect"

/** An operation of a client. @category models @since 0.1.0 */
export interface Call<Op, Result> {
  readonly client: string | number
  readonly op: Op
  /** Logical time of the invocation; no two invocations or returns have the same time. */
  readonly invoked: number
  /** Undefined if the operation never returned; it may or may not have taken effect. */
  readonly returned: { readonly at: number; readonly result: Result } | undefined
}

/** All calls, ordered by invocation. @category models @since 0.1.0 */
export type History<Op, Result> = ReadonlyArray<Call<Op, Result>>

/** Records a history. @category models @since 0.1.0 */
export interface Recorder<Op, Result> {
  /** Records an invocation; returns a function that records the result, once. */
  readonly invoke: (client: string | number, op: Op) => (result: Result) => void
  /**
   * Records an effect as an operation. An effect that fails or is interrupted never returns; it may have taken effect.
   */
  readonly record: <E, R>(
    client: string | number,
    op: Op,
    effect: Effect.Effect<Result, E, R>
  ) => Effect.Effect<Result, E, R>
  /** Returns the calls recorded so far. */
  readonly history: () => History<Op, Result>
}

/**
 * Creates an empty recorder.
 *
 * **Example** (Record two operations)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Ref from "effect/Ref"
 * import { History } from "effect-inet/simulation"
 *
 * await Effect.runPromise(
 *   Effect.gen(function* () {
 *     const counter = yield* Ref.make(0)
 *     const recorder = History.make<"read" | "add", number>()
 *     yield* recorder.record("alice", "add", Ref.updateAndGet(counter, (n) => n + 1))
 *     yield* recorder.record("bob", "read", Ref.get(counter))
 *     History.format(recorder.history()) // => "alice: add = 1 (from 1 to 2)\nbob: read = 1 (from 3 to 4)"
 *   })
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
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

/** Formatters of operations and results. Default: strings unchanged, all else as JSON. @category models @since 0.1.0 */
export interface Show<Op, Result> {
  readonly op?: ((op: Op) => string) | undefined
  readonly result?: ((result: Result) => string) | undefined
}

/** Formats a value as the default of `Show` does. @category combinators @since 0.1.0 */
export const showValue = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? `${value}`)

/** Formats a call as one line: `alice: claim 1 2 = true (from 3 to 6)`. @category combinators @since 0.1.0 */
export const formatCall = <Op, Result>(
  { client, invoked, op, returned }: Call<Op, Result>,
  { op: showOp = showValue, result: showResult = showValue }: Show<Op, Result> = {}
): string =>
  returned === undefined
    ? `${client}: ${showOp(op)} (from ${invoked}, never returned)`
    : `${client}: ${showOp(op)} = ${showResult(returned.result)} (from ${invoked} to ${returned.at})`

/** Formats a history, one line per call. @category combinators @since 0.1.0 */
export const format = <Op, Result>(history: History<Op, Result>, show?: Show<Op, Result>): string =>
  history.map((call) => formatCall(call, show)).join("\n")
