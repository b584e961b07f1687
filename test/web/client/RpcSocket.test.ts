import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RpcSocket from "../../../src/web/client/RpcSocket.ts"
import * as FakeSocket from "../../support/web/FakeSocket.ts"

const pingMillis = 10_000

/** Runs a test with a connection over fake sockets. */
const connected = (
  body: (test: {
    readonly rpc: RpcSocket.RpcSocket
    readonly sockets: ReadonlyArray<FakeSocket.FakeSocket>
    readonly timers: FakeSocket.Timers
    /** Events in their order. */
    readonly seen: ReadonlyArray<string>
    readonly restart: (service: string) => () => void
  }) => void
) =>
  Effect.gen(function* () {
    const sockets = yield* FakeSocket.install
    const seen: Array<string> = []
    const timers = FakeSocket.makeTimers()
    const rpc = RpcSocket.make({
      ...{ url: "ws://fake/rpc", after: timers.after },
      ...{ onOpen: () => seen.push("open"), onLost: () => seen.push("lost") }
    })
    const restart = (service: string) =>
      rpc.send(
        "restart",
        { service, token: "" },
        { value: () => {}, end: (failure) => seen.push(`${service}: ${failure?._tag ?? "done"}`) }
      )
    body({ rpc, sockets, timers, seen, restart })
  }).pipe(Effect.scoped)

const exit = (requestId: string) => ({ _tag: "Exit", requestId, exit: { _tag: "Success", value: null } })

describe("RpcSocket", () => {
  it.effect("sends the requests before the first connection, and ends those that are answered", () =>
    connected(({ restart, seen, sockets: [socket] }) => {
      restart("one")
      restart("two")
      assert.deepStrictEqual(socket!.sent, [])
      socket!.open()
      assert.deepStrictEqual(
        socket!.sent.map(({ _tag }) => _tag),
        ["Request", "Request"]
      )
      socket!.receive([exit("2"), exit("1")])
      socket!.receive(exit("1"))
      assert.deepStrictEqual(seen, ["open", "two: done", "one: done"])
    })
  )

  it.effect.each(["<html>", "", "null", '[{"_tag":"Pong"},null]', "7", new Blob(["{}"])])(
    "a message of another protocol ends all requests as a defect, and the connection: %j",
    (data) =>
      connected(({ restart, seen, sockets, timers }) => {
        const socket = sockets[0]!
        restart("one")
        restart("two")
        socket.open()
        socket.onmessage({ data })
        assert.deepStrictEqual(seen, ["open", "one: Defect", "two: Defect", "lost"])
        assert.strictEqual(socket.readyState, 3)
        assert.deepStrictEqual(timers.pauses(), [250])
        timers.elapse(250)
        assert.strictEqual(sockets.length, 2)
      })
  )

  it.effect("a connection whose ping has no answer until the next one is lost, and made again", () =>
    connected(({ restart, seen, sockets, timers }) => {
      const socket = sockets[0]!
      socket.open()
      restart("one")
      timers.elapse(pingMillis)
      assert.strictEqual(socket.sent.at(-1)!._tag, "Ping")
      assert.deepStrictEqual(seen, ["open"])
      timers.elapse(pingMillis)
      assert.deepStrictEqual(seen, ["open", "one: Lost", "lost"])
      assert.strictEqual(socket.readyState, 3)
      assert.deepStrictEqual(timers.pauses(), [250])
      timers.elapse(250)
      sockets[1]!.open()
      assert.deepStrictEqual(seen.slice(3), ["open"])
    })
  )

  it.effect("a connection lives as long as anything arrives between two pings", () =>
    connected(({ seen, sockets: [socket], timers }) => {
      socket!.open()
      for (let count = 0; count < 10; count++) {
        timers.elapse(pingMillis)
        socket!.receive({ _tag: "Pong" })
      }
      assert.strictEqual(socket!.sent.length, 10)
      assert.deepStrictEqual(seen, ["open"])
    })
  )

  it.effect("waits longer before each attempt, up to two seconds", () =>
    connected(({ sockets, timers }) => {
      const pauses = Array.from({ length: 8 }, () => {
        sockets.at(-1)!.close()
        const [pause] = timers.pauses()
        timers.elapse(pause!)
        return pause
      })
      assert.deepStrictEqual(pauses.slice(0, 3), [250, 375, 562.5])
      assert.strictEqual(pauses.at(-1), 2_000)
    })
  )

  it.effect("nothing happens after its end", () =>
    connected(({ restart, rpc, seen, sockets, timers }) => {
      sockets[0]!.open()
      restart("one")
      rpc.close()
      assert.deepStrictEqual(seen, ["open"])
      assert.deepStrictEqual(timers.pauses(), [])
    })
  )
})
