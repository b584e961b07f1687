import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"

/**
 * The sockets this process holds, by kind. The kernel's requests on them count too: a write that waits is also a leak.
 */
const sockets = () => process.getActiveResourcesInfo().filter((kind) => /^(TCP|Pipe|UDP|Shutdown|Write)/.test(kind))

/** Those of `now` that were not there before. */
const added = (before: ReadonlyArray<string>, now: ReadonlyArray<string>) => {
  const known = [...before]
  return now.filter((kind) => {
    const at = known.indexOf(kind)
    if (at >= 0) known.splice(at, 1)
    return at < 0
  })
}

/** Long enough for a connection that lingers over its last bytes. */
const closeTimeoutMillis = 5_000

/** Runs a test and asserts that it leaves no socket behind; what closes in the background is given time to. */
export const assertNoLeaks = Effect.fnUntraced(function* <A, E, R>(test: Effect.Effect<A, E, R>) {
  const before = sockets()
  const result = yield* test
  const deadline = performance.now() + closeTimeoutMillis
  while (added(before, sockets()).length > 0 && performance.now() < deadline) yield* Effect.yieldNow
  assert.deepStrictEqual(added(before, sockets()), [], "the test left sockets behind")
  return result
})
