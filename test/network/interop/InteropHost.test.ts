import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import * as Interop from "../../../src/network/interop/Interop.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"

const greeting = Effect.gen(function* () {
  const server = yield* SocketServer.SocketServer
  yield* server.run(
    Effect.fnUntraced(function* (socket: Socket.Socket) {
      yield* socket.reader
      yield* (yield* socket.writer).write("hello")
    }, Effect.scoped)
  )
}).pipe(Effect.provide(Interop.layerSocketServer({ host: "0.0.0.0", port: 80 })))

/** Connects to a host, and returns what it sends first. */
const firstOf = (host: string) =>
  Effect.gen(function* () {
    const { pull } = yield* (yield* Socket.Socket).reader
    const [chunk] = yield* pull
    return new TextDecoder().decode(chunk as Uint8Array)
  }).pipe(Effect.scoped, Effect.provide(Interop.layerSocket({ host, port: 80 })))

const run = (host: string) =>
  Effect.flatMap(
    Simulation.run(
      Effect.fnUntraced(function* (simulation) {
        const server = yield* simulation.host("server")
        yield* server.start(greeting)
        return yield* (yield* simulation.host("client")).run(firstOf(host === "" ? server.address : host))
      })
    ),
    ({ exit }) => exit
  )

describe("Interop.layerSocket", () => {
  it.effect("connects to a host given by name or address", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* run("server"), "hello")
      assert.strictEqual(yield* run(""), "hello")
    })
  )

  it.effect("fails with SocketOpenError, with the DnsError as cause, if the name is unknown", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run("nowhere"))
      assert.instanceOf(error, Socket.SocketError)
      assert.strictEqual(error.reason._tag, "SocketOpenError")
      assert.strictEqual((error.reason as Socket.SocketOpenError).cause?.constructor.name, "DnsError")
    })
  )
})
