import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"
import { outcome, pseudoRandomBytes, read, readAll, turns, until } from "../../support/Hosts.ts"
import { impaired, run, stream, test } from "./Impaired.ts"

describe("impaired streams", () => {
  test("chunk delivers all data in smaller pieces", (side) =>
    Effect.gen(function* () {
      const { far, near } = yield* stream("chunk=100", side)
      const all = pseudoRandomBytes(1_000)
      yield* near.write(all.slice())
      const first = yield* far.pull
      assert.isBelow(first.length, all.length)
      yield* near.end
      assert.deepStrictEqual(Buffer.concat([first, yield* readAll(far)]), Buffer.from(all))
    }))

  test("the end of the input and the reason of a failure stay the same after an abort", (side) =>
    Effect.gen(function* () {
      const ended = yield* stream("delay=#99 1ms", side)
      yield* ended.near.end
      assert.strictEqual(yield* outcome(ended.far.pull), "Done")
      yield* ended.far.abort
      assert.strictEqual(yield* outcome(ended.far.pull), "Done")
      const reset = yield* stream("delay=#99 1ms", side)
      yield* reset.near.abort
      assert.strictEqual(yield* outcome(reset.far.pull), "Reset")
      yield* reset.far.abort
      assert.strictEqual(yield* outcome(reset.far.pull), "Reset")
      assert.strictEqual(yield* outcome(reset.far.write("late")), "Reset")
    }))

  it.live("chunk limits each read of an impaired receiver", () =>
    run(
      Effect.gen(function* () {
        const { counts, far, near } = yield* stream("chunk=#1:2", "receiver")
        yield* near.write("abcde")
        const pieces = [yield* far.pull, yield* far.pull, yield* far.pull].map((bytes) => Buffer.from(bytes).toString())
        assert.deepStrictEqual(pieces, ["ab", "cd", "e"])
        assert.deepStrictEqual(counts(), [1])
      })
    )
  )

  test("a rule counts each piece once", (side) =>
    Effect.gen(function* () {
      const { counts, far, near } = yield* stream("cut=#3", side)
      for (const text of ["one", "two"]) {
        yield* near.write(text)
        assert.strictEqual(`${yield* read(far, 3)}`, text)
      }
      assert.deepStrictEqual(counts(), [0])
      yield* near.write("three")
      assert.strictEqual((yield* readAll(far)).length, 0)
      assert.deepStrictEqual(counts(), [1])
    }))

  test("delay delivers all data later, in order", (side) =>
    Effect.gen(function* () {
      const { far, near } = yield* stream("delay=#1 40ms", side)
      const start = performance.now()
      for (const text of ["one ", "two ", "three"]) yield* near.write(text)
      yield* near.end
      assert.strictEqual(`${yield* readAll(far)}`, "one two three")
      assert.isAtLeast(performance.now() - start, 39)
    }))

  test("delay, stall and chunk pass 8 MiB, and a slow reader blocks the writer", (side) =>
    Effect.gen(function* () {
      const { far, near } = yield* stream("delay=1ms..3ms, stall=#2 10ms, chunk=10000", side)
      const all = pseudoRandomBytes(8 << 20)
      const writing = yield* Effect.forkChild(
        Effect.andThen(
          Effect.forEach(Array(128).keys(), (i) => near.write(all.slice(i << 16, (i + 1) << 16)), { discard: true }),
          near.end
        )
      )
      const first = yield* far.pull
      yield* until(() => near.traffic().unsent > 0)
      yield* turns(300)
      assert.isBelow(near.traffic().sent + near.traffic().unsent, all.length)
      assert.isBelow(far.traffic().received, 7 << 20)
      assert.isTrue(Buffer.concat([first, yield* readAll(far)]).equals(all))
      assert.strictEqual(writing.pollUnsafe()?._tag, "Success")
    }))

  test("a delay does not limit the data on their way to 64 KiB", (side) =>
    Effect.gen(function* () {
      // The first MiB is on its way for an hour; a stream of 64 KiB in a delay would not take the second piece.
      const { far, near } = yield* stream("delay=1h kind=data", side)
      const reading = yield* Effect.forkChild(far.pull)
      for (let i = 0; i < 16; i++) yield* near.write(pseudoRandomBytes(65_536))
      yield* until(() => near.traffic().sent + near.traffic().unsent === 1 << 20)
      if (side === "receiver") yield* until(() => far.traffic().received === 1 << 20)
      assert.isUndefined(reading.pollUnsafe())
      yield* near.abort
      yield* far.abort
    }))

  test("cut ends the stream after its bytes, and loses later data", (side) =>
    Effect.gen(function* () {
      const { far, near } = yield* stream("cut=3", side)
      yield* near.write("abcdef")
      yield* near.write("ghi")
      assert.strictEqual(`${yield* readAll(far)}`, "abc")
      yield* far.write("xyz!")
      assert.strictEqual(`${yield* read(near, 3)}`, "xyz")
      assert.strictEqual(yield* outcome(near.pull), "Done")
    }))

  test("reset resets both ends", (side) =>
    Effect.gen(function* () {
      const { far, near } = yield* stream("reset", side)
      yield* near.write("abc")
      assert.strictEqual(yield* outcome(far.pull), "Reset")
      assert.strictEqual(yield* outcome(near.pull), "Reset")
      assert.notStrictEqual(yield* outcome(Effect.andThen(turns(5), near.write("more"))), "Success")
    }))

  test("stall holds written data, but not an abort", (side) =>
    Effect.gen(function* () {
      const { counts, far, near } = yield* stream("stall=#1", side)
      yield* near.write("abc")
      const pulling = yield* Effect.forkChild(outcome(far.pull))
      yield* until(() => counts()[0] === 1)
      yield* turns(5)
      assert.isUndefined(pulling.pollUnsafe())
      yield* near.abort
      assert.strictEqual(yield* outcome(near.write("x")), "Closed")
      yield* far.abort
    }))

  it.live("a server with a stalled, closed client drains at once", () =>
    run(
      Effect.gen(function* () {
        const { network, plain } = yield* impaired("stall")
        const scope = yield* Scope.fork(yield* Effect.scope)
        const server = yield* TcpServer.make({ port: 0, drain: "1 hour" }, (client) =>
          Effect.forever(client.pull)
        ).pipe(Effect.provideService(Network.Network, network), Scope.provide(scope))
        yield* Effect.scoped(Effect.flatMap(plain.connect(server.address), (client) => client.write("abc")))
        while ((yield* server.stats).accepted === 0) yield* turns(1)
        yield* Effect.timeout(Scope.close(scope, Exit.void), "900 millis")
      })
    )
  )

  it.live("an abort ends a stalled connection of a server at once", () =>
    run(
      Effect.gen(function* () {
        const { network, plain } = yield* impaired("stall")
        const listener = yield* network.listen({ port: 0 })
        const scope = yield* Scope.fork(yield* Effect.scope)
        yield* Effect.scoped(Effect.flatMap(plain.connect(listener.address), (client) => client.write("abc")))
        const far = yield* Scope.provide(listener.accept, scope)
        const serving = yield* Effect.forkChild(Effect.ensuring(Effect.exit(far.pull), Scope.close(scope, Exit.void)))
        yield* turns(10)
        yield* far.abort
        yield* until(() => serving.pollUnsafe() !== undefined)
        assert.strictEqual(yield* outcome(far.pull), "Closed")
      })
    )
  )

  test("a partition delays streams and connects until its end", (side) =>
    Effect.gen(function* () {
      const start = performance.now()
      const { far, near } = yield* stream("partition=127.0.0.1|*@..60ms", side)
      if (side !== "receiver") assert.isAtLeast(performance.now() - start, 50)
      yield* near.write("abc")
      assert.strictEqual(`${yield* read(far, 3)}`, "abc")
      assert.isAtLeast(performance.now() - start, 50)
    }))

  it.live("a connect through an endless partition can be interrupted", () =>
    run(
      Effect.gen(function* () {
        const { counts, network, plain } = yield* impaired("partition=127.0.0.1>127.0.0.1")
        const listener = yield* plain.listen({ port: 0 })
        const connecting = yield* Effect.forkChild(Effect.scoped(network.connect(listener.address)))
        yield* until(() => counts()[0]! > 0)
        connecting.interruptUnsafe()
        yield* until(() => connecting.pollUnsafe() !== undefined)
      })
    )
  )

  it.live("a closing connection sends delayed data first", () =>
    run(
      Effect.gen(function* () {
        const { network, plain } = yield* impaired("delay=30ms")
        const listener = yield* plain.listen({ port: 0 })
        const scope = yield* Scope.fork(yield* Effect.scope)
        const near = yield* Scope.provide(network.connect(listener.address), scope)
        const far = yield* listener.accept
        yield* near.write("last words")
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(`${yield* readAll(far)}`, "last words")
      })
    )
  )
})
