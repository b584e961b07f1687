import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pause } from "./Pause.ts"

/**
 * Returns the kinds of the open sockets of this process, and of the kernel's requests on them: a waiting write is a
 * leak too.
 */
const sockets = () => process.getActiveResourcesInfo().filter((kind) => /^(TCP|Pipe|UDP|Shutdown|Write)/.test(kind))

/** Returns the elements of `now` that are not in `before`. */
const added = (before: ReadonlyArray<string>, now: ReadonlyArray<string>) => {
  const known = [...before]
  return now.filter((kind) => {
    const at = known.indexOf(kind)
    if (at >= 0) known.splice(at, 1)
    return at < 0
  })
}

/** Upper bound on lingering closes. */
const closeTimeoutMillis = 20_000

/** Runs a test and asserts that all its sockets are closed, if need be after a while. */
export const assertNoLeaks = Effect.fnUntraced(function* <A, E, R>(test: Effect.Effect<A, E, R>) {
  const before = sockets()
  const result = yield* test
  const deadline = performance.now() + closeTimeoutMillis
  while (added(before, sockets()).length > 0 && performance.now() < deadline) yield* pause
  assert.deepStrictEqual(added(before, sockets()), [], "the test left sockets behind")
  return result
})
