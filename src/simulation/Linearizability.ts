/**
 * Is there an order of all operations that explains what each client saw, and keeps every operation between its begin
 * and its end? Searched as Wing and Gong do, with Lowe's memory of the states that were reached already.
 */
import * as Equal from "effect/Equal"
import * as History from "./History.ts"

/** What a shared object does when nothing is concurrent. @category models @since 0.1.0 */
export interface Spec<S, Op, Result> {
  readonly initial: S
  /** Pure: the next state, and what the client is told. */
  readonly apply: (state: S, op: Op) => readonly [S, Result]
  /** Default: equal in structure. */
  readonly equal?: ((one: Result, other: Result) => boolean) | undefined
  /** States with one key are the same; makes the search quicker. Default: they are compared. */
  readonly key?: ((state: S) => string) | undefined
}

/** An operation that cannot come next, and what it would have been told. @category models @since 0.1.0 */
export interface Mismatch<Op, Result> {
  readonly call: History.Call<Op, Result>
  readonly expected: Result
}

/** Whether there is such an order. @category models @since 0.1.0 */
export type Verdict<S, Op, Result> =
  | { readonly _tag: "Linearizable"; readonly order: History.History<Op, Result> }
  | {
      readonly _tag: "NotLinearizable"
      /** An order of as many operations as can be explained. */
      readonly prefix: History.History<Op, Result>
      /** Where they lead. */
      readonly state: S
      /** All operations that would have to come next; none of them can. */
      readonly mismatches: ReadonlyArray<Mismatch<Op, Result>>
    }
  | { readonly _tag: "TooLarge"; readonly maxStates: number }

/** How long to search. @category models @since 0.1.0 */
export interface Options {
  /** Most orders that are looked into, those that lead to one state taken as one. Default 100,000. */
  readonly maxStates?: number | undefined
}

/** Operations in some order, the last first. */
interface Path<Op, Result> {
  readonly call: History.Call<Op, Result>
  readonly previous: Path<Op, Result> | undefined
}

interface SearchState<S, Op, Result> {
  readonly state: S
  /** A bit for every operation that has happened. */
  readonly linearized: bigint
  /** How many of them have returned. */
  readonly returned: number
  readonly path: Path<Op, Result> | undefined
}

const orderOf = <Op, Result>(path: Path<Op, Result> | undefined): History.History<Op, Result> => {
  const order: Array<History.Call<Op, Result>> = []
  for (let at = path; at !== undefined; at = at.previous) order.push(at.call)
  return order.reverse()
}

const returnTimeOf = <Op, Result>({ returned }: History.Call<Op, Result>) => returned?.at ?? Number.POSITIVE_INFINITY

/** Tells whether a state was met before, after the same operations. */
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
 * Looks for an order. Operations that never returned may have happened or not, with any result. The time it takes grows
 * exponentially with the operations that are under way at once: beyond the limit, the verdict is `TooLarge`.
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
  // Those that returned, and did so first, are tried first.
  const calls = [...history].sort((a, b) => returnTimeOf(a) - returnTimeOf(b) || a.invoked - b.invoked)
  const total = calls.filter(({ returned }) => returned !== undefined).length
  const isVisited = makeVisited(key)
  const start: SearchState<S, Op, Result> = { state: initial, linearized: 0n, returned: 0, path: undefined }
  const stack = [start]
  let visitedCount = 0
  let best = start

  const isPending = ({ linearized }: SearchState<S, Op, Result>, index: number) => (linearized & (1n << BigInt(index))) === 0n
  /** Those that can come next: they began before any other that has not happened ended. */
  const candidates = (node: SearchState<S, Op, Result>) => {
    const firstReturn = returnTimeOf(calls.find((_, index) => isPending(node, index))!)
    return calls.flatMap((call, index) => (isPending(node, index) && call.invoked < firstReturn ? [{ call, index }] : []))
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
 * What is wrong, in lines; nothing if there is an order. For `check` of `SimScheduler.explore`.
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
      return `the history is too large: no answer after ${verdict.maxStates} orders; take fewer clients or operations`
    case "NotLinearizable":
      return [
        "not linearizable: no order explains what the clients were told",
        ...verdict.prefix.map((call) => `  happened    ${History.formatCall(call, show)}`),
        ...verdict.mismatches.map(
          ({ call, expected }) =>
            `  impossible  ${History.formatCall(call, show)}, but would be told ${result(expected)}`
        )
      ].join("\n")
  }
}
