import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type * as Network from "../../../src/network/Network.ts"
import { Hosts, outcome, pseudoRandomBytes, read, readAll, turns, until } from "../../support/Hosts.ts"
import type { Test } from "./Subject.ts"

/** A connection whose ends can be closed separately. */
const owned = Effect.gen(function* () {
  const { client, server } = yield* Hosts
  const listener = yield* server.network.listen({ host: server.address, port: 0 })
  const nearScope = yield* Scope.fork(yield* Effect.scope)
  const farScope = yield* Scope.fork(yield* Effect.scope)
  const near = yield* Scope.provide(client.network.connect(listener.address), nearScope)
  const far = yield* Scope.provide(listener.accept, farScope)
  const bounded = (scope: Scope.Closeable) => Effect.timeout(Scope.close(scope, Exit.void), "3 seconds")
  return { near, far, closeNear: bounded(nearScope), closeFar: bounded(farScope) }
})

/** Creates more bytes than kernels and connections buffer between two ends. */
const tooMuch = () => pseudoRandomBytes(16 * 2 ** 20)

const stuck = (connection: Network.Connection) => until(() => connection.traffic().unsent > 0)

/** Writes until a write fails; single writes may still fit into buffers. */
const untilFailure = Effect.fnUntraced(function* (connection: Network.Connection) {
  while (true) {
    yield* connection.write("more")
    yield* turns(1)
  }
})

type Ends = Effect.Success<typeof owned>

/** States of the ends when one of them closes; each returns a fiber that must end. */
const states: Readonly<Record<string, (ends: Ends) => Effect.Effect<unknown, unknown, Hosts | Scope.Scope>>> = {
  idle: () => Effect.void,
  "reading at the end that closes": ({ near }) =>
    Effect.forkScoped(
      Effect.map(outcome(near.pull), (end) => assert.strictEqual(end, "Closed")),
      {
        startImmediately: true
      }
    ),
  "reading at the other end": ({ far }) =>
    Effect.forkScoped(
      Effect.map(outcome(far.pull), (end) => assert.strictEqual(end, "Done")),
      {
        startImmediately: true
      }
    ),
  "writing to a peer that never reads": ({ near }) =>
    Effect.tap(
      Effect.forkScoped(Effect.map(outcome(near.write(tooMuch())), (end) => assert.strictEqual(end, "Closed"))),
      stuck(near)
    ),
  "never reading": ({ far }) =>
    Effect.tap(
      // The closing end may read its input in order to deliver its own last bytes.
      Effect.forkScoped(outcome(far.write(tooMuch()))),
      stuck(far)
    ),
  "half-closed here": ({ near }) => near.end,
  "half-closed there": ({ far, near }) => Effect.andThen(far.end, outcome(near.pull)),
  "half-closed there, not noticed": ({ far }) => far.end,
  "reading end closed": ({ near }) => near.endRead,
  "reset here": ({ near }) => near.abort,
  "reset there": ({ far, near }) => Effect.andThen(far.abort, outcome(near.pull)),
  "reset there, not noticed": ({ far }) => far.abort
}

/** A suite of its own, since only TCP connections have RST. */
export const reset = (test: Test) => {
  test("endRead does not hide that the connection was reset before", () =>
    Effect.gen(function* () {
      const { far, near } = yield* owned
      yield* near.abort
      assert.strictEqual(yield* outcome(far.pull), "Reset")
      yield* far.endRead
      assert.strictEqual(yield* outcome(far.pull), "Reset")
    }))

  test("abort fails the peer's pull and writes with Reset, its own with Closed", () =>
    Effect.gen(function* () {
      const { far, near } = yield* owned
      const there = yield* Effect.forkChild(outcome(far.pull), { startImmediately: true })
      const here = yield* Effect.forkChild(outcome(near.pull), { startImmediately: true })
      yield* turns(1)
      yield* near.abort
      assert.strictEqual(yield* Fiber.join(there), "Reset")
      assert.strictEqual(yield* Fiber.join(here), "Closed")
      assert.strictEqual(yield* outcome(far.write("late")), "Reset")
      assert.strictEqual(yield* outcome(far.pull), "Reset")
      assert.strictEqual(yield* outcome(near.write("late")), "Closed")
      assert.strictEqual(yield* outcome(near.pull), "Closed")
    }))
}

/**
 * A suite of its own, since other implementations close at once: what a kernel does with unread input can then discard
 * the last bytes.
 */
export const lastWords = (test: Test) => {
  for (const pulled of [true, false]) {
    test(`closing with ${pulled ? "some" : "all"} input unread delivers the last bytes to a peer that still writes`, () =>
      Effect.gen(function* () {
        const { closeFar, far, near } = yield* owned
        const writing = yield* Effect.forkChild(outcome(near.write(tooMuch())))
        if (pulled) yield* far.pull
        yield* stuck(near)
        yield* far.write("busy")
        const closing = yield* Effect.forkChild(closeFar)
        yield* turns(5)
        assert.strictEqual(`${yield* read(near, 4)}`, "busy")
        assert.strictEqual(yield* outcome(near.pull), "Done")
        yield* near.end
        yield* Fiber.join(closing)
        yield* Fiber.join(writing)
      }))
  }
}

/** A suite of its own: the ends of a pair of ports close together, and a simulated host answers late data with RST. */
export const lingering = (test: Test) => {
  test("closing without unread input delivers the last bytes to a peer that goes on writing before it reads", () =>
    Effect.gen(function* () {
      const { closeFar, far, near } = yield* owned
      yield* near.write("question")
      yield* read(far, 8)
      yield* far.write("busy")
      const closing = yield* Effect.forkChild(closeFar, { startImmediately: true })
      yield* Effect.repeat(Effect.andThen(near.write("more"), turns(1)), { times: 20 })
      assert.strictEqual(`${yield* read(near, 4)}`, "busy")
      assert.strictEqual(yield* outcome(near.pull), "Done")
      yield* near.end
      yield* Fiber.join(closing)
    }))
}

export const suite = (test: Test) => {
  test("abort at either end fails a waiting write", () =>
    Effect.gen(function* () {
      for (const aborted of ["near", "far"] as const) {
        const ends = yield* owned
        const writing = yield* Effect.forkChild(outcome(ends.near.write(tooMuch())))
        yield* stuck(ends.near)
        yield* ends[aborted].abort
        assert.strictEqual(yield* Fiber.join(writing), aborted === "near" ? "Closed" : "Reset")
      }
    }))

  test("writes after an unread reset fail with Reset", () =>
    Effect.gen(function* () {
      const { far, near } = yield* owned
      yield* near.abort
      yield* turns(2)
      assert.strictEqual(yield* outcome(untilFailure(far)), "Reset")
    }))

  test("writes after end or close of the own side fail with Closed", () =>
    Effect.gen(function* () {
      const { closeNear, near } = yield* owned
      yield* near.end
      assert.strictEqual(yield* outcome(near.write("late")), "Closed")
      yield* closeNear
      assert.strictEqual(yield* outcome(near.write("late")), "Closed")
      assert.strictEqual(yield* outcome(near.pull), "Closed")
      yield* Effect.all([near.end, near.endRead, near.abort])
    }))

  test("addresses and traffic stay readable after closing", () =>
    Effect.gen(function* () {
      const { closeFar, closeNear, far, near } = yield* owned
      yield* near.write("question")
      yield* read(far, 8)
      yield* until(() => near.traffic().unsent === 0)
      const look = () => [near, far].map((end) => [end.local, end.remote, end.traffic()])
      const before = look()
      yield* closeNear
      yield* closeFar
      assert.deepStrictEqual(look(), before)
    }))

  test("writes to a closed peer fail eventually", () =>
    Effect.gen(function* () {
      const { closeNear, far } = yield* owned
      yield* closeNear
      assert.oneOf(yield* outcome(untilFailure(far)), ["Reset", "Closed"])
    }))

  test("a peer that closes after endRead does not leave a write waiting", () =>
    Effect.gen(function* () {
      const { closeNear, far, near } = yield* owned
      yield* near.endRead
      const writing = yield* Effect.forkChild(outcome(Effect.andThen(far.write(tooMuch()), far.end)))
      yield* turns(2)
      yield* closeNear
      yield* Effect.timeout(Fiber.join(writing), "3 seconds")
    }))

  test("closing sends all written bytes, then FIN", () =>
    Effect.gen(function* () {
      const { closeNear, far, near } = yield* owned
      const bytes = pseudoRandomBytes(2 ** 20)
      yield* Effect.forkChild(near.write(bytes.slice()), { startImmediately: true })
      const reading = yield* Effect.forkChild(readAll(far))
      yield* closeNear
      assert.strictEqual(Buffer.compare(yield* Fiber.join(reading), bytes), 0)
    }))

  for (const [name, enter] of Object.entries(states)) {
    test(`scopes close in bounded time: ${name}`, () =>
      Effect.gen(function* () {
        const ends = yield* owned
        const left = yield* enter(ends)
        yield* turns(2)
        yield* ends.closeNear
        yield* turns(2)
        yield* ends.closeFar
        if (Fiber.isFiber(left)) yield* Effect.timeout(Fiber.join(left), "3 seconds")
        for (const end of [ends.near, ends.far]) {
          assert.include(["Reset", "Closed"], yield* outcome(end.write("late")))
          yield* outcome(readAll(end))
        }
      }))
  }
}
