/**
 * Test tool: decides whether a history is linearizable.
 *
 * A history is linearizable if one sequential order of its operations explains every result, with each operation
 * between its invocation and its return. The search is that of Wing and Gong, with Lowe's cache of visited states.
 */
import * as Equal from "effect/Equal"
import * as History from "./History.ts"

/** The sequential specification of a shared object. @category models @since 0.1.0 */
export interface Spec<S, Op, Result> {
  readonly initial: S
  /** Pure function: returns the next state and the result of the operation. */
  readonly apply: (state: S, op: Op) => readonly [S, Result]
  /** Compares two results. Default: structural equality. */
  readonly equal?: ((one: Result, other: Result) => boolean) | undefined
  /**
   * Returns a key that is equal for equal states; makes the search faster. Default: states are compared structurally.
   */
  readonly key?: ((state: S) => string) | undefined
}

/** An operation that cannot come next, and the result that the specification gives. @category models @since 0.1.0 */
export interface Mismatch<Op, Result> {
  readonly call: History.Call<Op, Result>
  readonly expected: Result
}

/** The outcome of a check. @category models @since 0.1.0 */
export type Verdict<S, Op, Result> =
  | { readonly _tag: "Linearizable"; readonly order: History.History<Op, Result> }
  | {
      readonly _tag: "NotLinearizable"
      /** The longest order of operations that the specification explains. */
      readonly prefix: History.History<Op, Result>
      /** The state after `prefix`. */
      readonly state: S
      /** All operations that could come next by their times; the result of each differs from the specification. */
      readonly mismatches: ReadonlyArray<Mismatch<Op, Result>>
    }
  | { readonly _tag: "TooLarge"; readonly maxStates: number }

/** Limit of the search. @category models @since 0.1.0 */
export interface Options {
  /** Maximum number of search states; orders that lead to the same state count once. Default 100,000. */
  readonly maxStates?: number | undefined
}

/** Operations in an order, the last first. */
interface Path<Op, Result> {
  readonly call: History.Call<Op, Result>
  readonly previous: Path<Op, Result> | undefined
}

interface SearchState<S, Op, Result> {
  readonly state: S
  /** Bit set of the operations in the order. */
  readonly linearized: bigint
  /** Number of those operations that returned. */
  readonly returned: number
  readonly path: Path<Op, Result> | undefined
}

const orderOf = <Op, Result>(path: Path<Op, Result> | undefined): History.History<Op, Result> => {
  const order: Array<History.Call<Op, Result>> = []
  for (let at = path; at !== undefined; at = at.previous) order.push(at.call)
  return order.reverse()
}

const returnTimeOf = <Op, Result>({ returned }: History.Call<Op, Result>) => returned?.at ?? Number.POSITIVE_INFINITY

/** Creates a function that returns true if the same operations have led to the same state before. */
const makeVisited = <S>(key: ((state: S) => string) | undefined) => {
  const keys = new Set<string>()
  const states = new Map<bigint, Array<S>>()
  return (linearized: bigint, state: S): boolean => {
    if (key !== undefined) {
      const name = `${linearized} ${key(state)}`
      return keys.has(name) || !keys.add(name)
    }
    const visited = states.get(linearized) ?? []
    if (visited.some((one) => Equal.equals(one, state))) return true
    states.set(linearized, visited)
    visited.push(state)
    return false
  }
}

/**
 * Searches for an order that explains a history. An operation that never returned may have taken effect or not, with
 * any result.
 *
 * The running time grows exponentially with the number of concurrent operations; beyond `maxStates` the verdict is
 * `TooLarge`.
 *
 * **Example** (Find a stale read)
 *
 * ```ts
 * import { type History, Linearizability } from "effect-inet/simulation"
 *
 * const counter: Linearizability.Spec<number, "read" | "add", number> = {
 *   initial: 0,
 *   apply: (n, op) => (op === "read" ? [n, n] : [n + 1, n + 1])
 * }
 * const staleRead: History.History<"read" | "add", number> = [
 *   { client: "alice", op: "add", invoked: 1, returned: { at: 2, result: 1 } },
 *   { client: "bob", op: "read", invoked: 3, returned: { at: 4, result: 0 } }
 * ]
 * Linearizability.check(counter, staleRead)._tag // => "NotLinearizable"
 * Linearizability.check(counter, staleRead.slice(0, 1))._tag // => "Linearizable"
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const check = <S, Op, Result>(
  spec: Spec<S, Op, Result>,
  history: History.History<Op, Result>,
  { maxStates = 100_000 }: Options = {}
): Verdict<S, Op, Result> => {
  const { apply, equal = Equal.equals, initial, key } = spec
  // Operations that returned first are tried first.
  const calls = [...history].sort((a, b) => returnTimeOf(a) - returnTimeOf(b) || a.invoked - b.invoked)
  const total = calls.filter(({ returned }) => returned !== undefined).length
  const isVisited = makeVisited(key)
  const start: SearchState<S, Op, Result> = { state: initial, linearized: 0n, returned: 0, path: undefined }
  const stack = [start]
  let visitedCount = 0
  let best = start

  const isPending = ({ linearized }: SearchState<S, Op, Result>, index: number) =>
    (linearized & (1n << BigInt(index))) === 0n
  /** Operations that can come next: those invoked before the first return among the remaining operations. */
  const candidates = (node: SearchState<S, Op, Result>) => {
    const firstReturn = returnTimeOf(calls.find((_, index) => isPending(node, index))!)
    return calls.flatMap((call, index) =>
      isPending(node, index) && call.invoked < firstReturn ? [{ call, index }] : []
    )
  }
  const isExpected = (result: Result, { returned }: History.Call<Op, Result>) =>
    returned === undefined || equal(result, returned.result)

  while (stack.length > 0) {
    const node = stack.pop()!
    if (node.returned > best.returned) best = node
    if (node.returned === total) return { _tag: "Linearizable", order: orderOf(node.path) }
    if (++visitedCount > maxStates) return { _tag: "TooLarge", maxStates }
    const next: Array<SearchState<S, Op, Result>> = []
    for (const { call, index } of candidates(node)) {
      const [state, result] = apply(node.state, call.op)
      const linearized = node.linearized | (1n << BigInt(index))
      if (!isExpected(result, call) || isVisited(linearized, state)) continue
      const returned = node.returned + (call.returned === undefined ? 0 : 1)
      next.push({ state, linearized, returned, path: { call, previous: node.path } })
    }
    stack.push(...next.reverse())
  }
  const mismatches = candidates(best).flatMap(({ call }) =>
    call.returned === undefined ? [] : [{ call, expected: apply(best.state, call.op)[1] }]
  )
  return { _tag: "NotLinearizable", prefix: orderOf(best.path), state: best.state, mismatches }
}

/**
 * Describes a verdict in lines; returns undefined if the history is linearizable. Fits `check` of
 * `SimScheduler.explore`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const explain = <S, Op, Result>(
  verdict: Verdict<S, Op, Result>,
  show: History.Show<Op, Result> = {}
): string | undefined => {
  const { result = History.showValue } = show
  switch (verdict._tag) {
    case "Linearizable":
      return undefined
    case "TooLarge":
      return `no verdict: more than ${verdict.maxStates} search states; use fewer concurrent operations, or raise \`maxStates\``
    case "NotLinearizable":
      return [
        "not linearizable: no sequential order explains the results",
        ...verdict.prefix.map((call) => `  happened    ${History.formatCall(call, show)}`),
        ...verdict.mismatches.map(
          ({ call, expected }) => `  impossible  ${History.formatCall(call, show)}, but expected ${result(expected)}`
        )
      ].join("\n")
  }
}
