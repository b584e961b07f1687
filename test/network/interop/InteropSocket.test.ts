import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Interop from "../../../src/network/interop/Interop.ts"
import * as Network from "../../../src/network/Network.ts"
import { endOf, inet, loopback, test, text } from "../../support/EffectSockets.ts"
import { outcome, read, readAll, turns } from "../../support/Hosts.ts"

/** A listener, and an effect socket that connects to it. */
const dialled = Effect.gen(function* () {
  const listener = yield* (yield* Network.Network).listen(loopback)
  return { listener, socket: yield* Interop.dial(listener.address) }
})

describe("Interop.dial and toSocket", () => {
  test("delay writes until the reader connects; FIN is close code 1000", () =>
    Effect.gen(function* () {
      const { listener, socket } = yield* dialled
      const writer = yield* socket.writer
      const early = yield* Effect.forkChild(writer.writeAll(["one ", Buffer.from("two "), "thrée"]), {
        startImmediately: true
      })
      yield* turns(2)
      assert.isUndefined(early.pollUnsafe())
      const { pull, upgrade } = yield* socket.reader
      const far = yield* listener.accept
      yield* Fiber.join(early)
      assert.strictEqual(`${yield* read(far, 14)}`, "one two thrée")
      yield* far.write("answer")
      assert.strictEqual(text(yield* pull), "answer")
      assert.strictEqual(yield* endOf(upgrade()), "SocketUpgradeError")
      yield* far.end
      assert.strictEqual(yield* endOf(pull), "SocketCloseError 1000")
      assert.strictEqual(yield* endOf(pull), "SocketCloseError 1000")
      yield* writer.write("still open")
      assert.strictEqual(`${yield* read(far, 10)}`, "still open")
    }))

  test("connect for every acquisition of the reader, until its scope closes", () =>
    Effect.gen(function* () {
      const { listener, socket } = yield* dialled
      for (const name of ["first", "second"]) {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const { pull } = yield* Scope.provide(socket.reader, scope)
        const far = yield* listener.accept
        yield* Effect.scoped(Effect.flatMap(socket.writer, (writer) => writer.write(name)))
        assert.strictEqual(`${yield* readAll(far)}`, name, "the writer's scope sends FIN")
        const waiting = yield* Effect.forkChild(endOf(pull), { startImmediately: true })
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* Fiber.join(waiting), "SocketCloseError 1006")
      }
    }))

  test("end both directions of an open connection when its reader's scope closes", () =>
    Effect.gen(function* () {
      const { listener } = yield* dialled
      const near = yield* (yield* Network.Network).connect(listener.address)
      const far = yield* listener.accept
      const socket = Interop.toSocket(near)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { pull } = yield* socket.reader
          yield* far.write("once")
          assert.strictEqual(text(yield* pull), "once")
        })
      )
      assert.strictEqual(yield* outcome(far.pull), "Done")
      const again = yield* socket.reader
      assert.strictEqual(yield* endOf(again.pull), "SocketCloseError 1000")
    }))

  test("send FIN for close event 1000, RST above it, and report code and reason to the reader", () =>
    Effect.gen(function* () {
      for (const [code, reason, seen] of [
        [1000, undefined, "Done"],
        [4001, "why", "Reset"]
      ] as const) {
        const { listener, socket } = yield* dialled
        const { pull } = yield* socket.reader
        const far = yield* listener.accept
        const waiting = yield* Effect.forkChild(endOf(pull), { startImmediately: true })
        const writer = yield* socket.writer
        yield* writer.write(new Socket.CloseEvent(code, reason))
        assert.strictEqual(yield* Fiber.join(waiting), `SocketCloseError ${code} ${reason ?? ""}`.trimEnd())
        assert.strictEqual(yield* outcome(far.pull), seen)
        assert.strictEqual(yield* endOf(writer.write("late")), "SocketWriteError Closed")
      }
    }))

  test("keep the NetworkError of a refusal or reset, and return it when converted back", () =>
    Effect.gen(function* () {
      const { listener, socket } = yield* dialled
      const { pull } = yield* socket.reader
      const far = yield* listener.accept
      yield* far.abort
      const failed = yield* Effect.flip(pull)
      assert.strictEqual(failed.reason._tag, "SocketReadError")
      const cause = (failed.reason as Socket.SocketReadError).cause
      assert.strictEqual(Interop.fromSocketError(failed), cause)
      assert.strictEqual(Interop.fromSocketError(failed).reason, "Reset")
      const writer = yield* socket.writer
      assert.strictEqual(yield* endOf(writer.write("late")), "SocketWriteError Reset")
      const gone = yield* Effect.scoped(Effect.map((yield* Network.Network).listen(loopback), ({ address }) => address))
      const dead = yield* Interop.dial(gone)
      assert.strictEqual(yield* endOf(dead.reader), "SocketOpenError Refused")
    }))
})

describe("Interop.fromSocket", () => {
  test("fails with Refused and the address if nothing listens", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(Effect.map((yield* Network.Network).listen(loopback), ({ address }) => address))
      const socket = yield* NodeSocket.makeNet(inet(gone))
      const error = yield* Effect.flip(Interop.fromSocket(socket, { local: gone, remote: gone }))
      assert.strictEqual(error.reason, "Refused")
      assert.deepStrictEqual(error.address, gone)
    }))

  test("fails a write after the peer's FIN, by the timeout", () =>
    Effect.gen(function* () {
      const { listener } = yield* dialled
      // Without allowHalfOpen Node's socket is gone as soon as it has seen the FIN.
      const socket = yield* NodeSocket.makeNet(inet(listener.address))
      const addresses = { local: listener.address, remote: listener.address }
      const near = yield* Interop.fromSocket(socket, { ...addresses, writeTimeoutAfterFin: "20 millis" })
      yield* (yield* listener.accept).end
      assert.strictEqual(yield* outcome(near.pull), "Done")
      const writing = Effect.forever(Effect.andThen(near.write("late"), turns(1)))
      assert.strictEqual(yield* outcome(writing), "Closed")
    }))
})
