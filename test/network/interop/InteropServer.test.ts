import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import * as Interop from "../../../src/network/interop/Interop.ts"
import * as Network from "../../../src/network/Network.ts"
import { endOf, inet, loopback, test, text } from "../../support/EffectSockets.ts"
import { outcome, read, turns, until } from "../../support/Hosts.ts"

const echo = Effect.fnUntraced(function* (socket: Socket.Socket) {
  const { pull } = yield* socket.reader
  const writer = yield* socket.writer
  while (true) yield* writer.writeAll(yield* pull)
}, Effect.scoped)

describe("Interop.toSocketServer", () => {
  test("serves effect's own client, and closes its connection when run is interrupted", () =>
    Effect.gen(function* () {
      const server = yield* SocketServer.SocketServer
      const running = yield* Effect.forkChild(server.run(echo))
      const clients = yield* Effect.forEach([1, 2, 3], () => NodeSocket.makeNet(inet(server.address)))
      const pulls = yield* Effect.forEach(clients, (client) => Effect.map(client.reader, ({ pull }) => pull))
      for (const [index, client] of clients.entries()) {
        yield* (yield* client.writer).write(`client ${index}`)
        assert.strictEqual(text(yield* pulls[index]!), `client ${index}`)
      }
      yield* Fiber.interrupt(running)
      for (const pull of pulls) assert.strictEqual(yield* endOf(pull), "SocketCloseError 1000")
    }).pipe(Effect.provide(Interop.layerSocketServer(loopback))))

  test("closes the connection of each ended handler, and logs only its defects and failures at ERROR", () =>
    Effect.gen(function* () {
      const levels: Array<string> = []
      const logger = Logger.make(({ logLevel }) => void levels.push(logLevel))
      const served = yield* Deferred.make<void>()
      const network = yield* Network.Network
      const server = Interop.toSocketServer(yield* network.listen(loopback))
      const handlers: ReadonlyArray<(socket: Socket.Socket) => Effect.Effect<void, unknown>> = [
        () => Effect.void,
        echo,
        (socket) => Effect.orDie(echo(socket)),
        () => Effect.die("a mistake"),
        () => Effect.fail("another")
      ]
      let count = 0
      const handle = (socket: Socket.Socket) =>
        Effect.onExit(handlers[count++]!(socket), () =>
          count === handlers.length ? Deferred.succeed(served, undefined) : Effect.void
        )
      yield* Effect.forkScoped(Effect.provide(server.run(handle), Logger.layer([logger])))
      for (const index of handlers.keys()) {
        const near = yield* network.connect(server.address)
        if (index === 1 || index === 2) yield* near.abort
        else assert.strictEqual(yield* outcome(near.pull), "Done")
      }
      yield* Deferred.await(served)
      yield* turns(3)
      assert.deepStrictEqual(
        levels.filter((level) => level === "Error"),
        ["Error", "Error"]
      )
    }))

  test("fails with SocketServerOpenError, with the NetworkError as cause, if the port is in use", () =>
    Effect.gen(function* () {
      const taken = yield* (yield* Network.Network).listen(loopback)
      const port = inet(taken.address).port
      const error = yield* Effect.flip(Layer.build(Interop.layerSocketServer({ ...loopback, port })))
      assert.strictEqual(error.reason._tag, "SocketServerOpenError")
      assert.strictEqual((error.reason.cause as Network.NetworkError).reason, "AddressInUse")
    }))
})

describe("Interop.fromSocketServer", () => {
  const remote = Effect.map(NodeSocket.NetSocket, ({ remotePort }) =>
    NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", remotePort!)
  ) as Effect.Effect<NetAddress.SocketAddress>

  test("loses no connection when accept is interrupted, and reads the remote address in the handler's context", () =>
    Effect.gen(function* () {
      const listener = yield* Interop.fromSocketServer(yield* NodeSocketServer.make(loopback), { remote })
      const network = yield* Network.Network
      for (let i = 0; i < 8; i++) {
        const early = yield* Effect.forkChild(listener.accept, { startImmediately: true })
        const near = yield* network.connect(listener.address)
        yield* turns(i % 4)
        yield* Fiber.interrupt(early)
        const exit = yield* Fiber.await(early)
        const far = Exit.isSuccess(exit) ? exit.value : yield* listener.accept
        assert.deepStrictEqual(far.remote, near.local)
        assert.deepStrictEqual(far.local, near.remote)
      }
    }))

  test("keeps the server's handler running until its connection closes", () =>
    Effect.gen(function* () {
      let ended = 0
      const server = yield* NodeSocketServer.make(loopback)
      const counted: SocketServer.SocketServer["Service"] = {
        address: server.address,
        run: (handler) =>
          server.run((socket) =>
            Effect.ensuring(
              handler(socket),
              Effect.sync(() => ended++)
            )
          )
      }
      const listener = yield* Interop.fromSocketServer(counted)
      const near = yield* (yield* Network.Network).connect(listener.address)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const far = yield* listener.accept
          yield* near.write("hello")
          assert.strictEqual(`${yield* read(far, 5)}`, "hello")
          yield* turns(3)
          assert.strictEqual(ended, 0)
        })
      )
      yield* until(() => ended === 1)
    }))

  test("closes unaccepted connections, those over the backlog at once, the others with the listener", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const server = yield* NodeSocketServer.make(loopback)
      const listener = yield* Scope.provide(Interop.fromSocketServer(server, { backlog: 2 }), scope)
      const network = yield* Network.Network
      const [one, two, three] = yield* Effect.all([
        network.connect(listener.address),
        network.connect(listener.address),
        network.connect(listener.address)
      ])
      assert.strictEqual(yield* outcome(three!.pull), "Done")
      const far = yield* listener.accept
      yield* one!.write("accepted")
      assert.strictEqual(`${yield* read(far, 8)}`, "accepted")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* outcome(two!.pull), "Done")
      assert.strictEqual(yield* outcome(listener.accept), "Closed")
      yield* far.write("goes on")
      assert.strictEqual(`${yield* read(one!, 7)}`, "goes on")
    }))
})
