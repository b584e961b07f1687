import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as Network from "../../../src/network/Network.ts"
import { Hosts, outcome, pair, read, readAll, turns, until } from "../../support/Hosts.ts"
import type { Test, UnixPaths } from "./Subject.ts"

const portOf = (address: NetAddress.SocketAddress): number => {
  assert.isTrue(NetAddress.isInetAddress(address))
  return (address as NetAddress.InetAddress).port
}

/** Listens in a scope of its own, which `close` of the result closes. */
const listenFor = Effect.fnUntraced(function* (host: Network.Network["Service"], options: Network.ListenOptions) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const listener = yield* Scope.provide(host.listen(options), scope)
  return { listener, close: Scope.close(scope, Exit.void) }
})

/** Sends one byte in each direction. */
const greet = Effect.fnUntraced(function* (
  listener: Network.Listener,
  network: Network.Network["Service"],
  to: NetAddress.SocketAddress = listener.address
) {
  const near = yield* network.connect(to)
  const far = yield* listener.accept
  yield* near.write("?")
  assert.strictEqual(`${yield* read(far, 1)}`, "?")
  yield* far.write("!")
  assert.strictEqual(`${yield* read(near, 1)}`, "!")
  return { near, far }
})

export const suite = (test: Test) => {
  test("listen on port 0 selects a port, and both ends report the same addresses", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const { far, listener, near } = yield* pair
      assert.isAbove(portOf(listener.address), 0)
      assert.strictEqual(
        NetAddress.formatSocketAddress(listener.address),
        `${server.address}:${portOf(listener.address)}`
      )
      assert.deepStrictEqual(near.remote, listener.address)
      assert.deepStrictEqual(far.local, near.remote)
      assert.deepStrictEqual(far.remote, near.local)
      assert.strictEqual(NetAddress.formatSocketAddress(near.local), `${client.address}:${portOf(near.local)}`)
    }))

  test("listen and connect fail for a port in use, a port without listener, an address of another host", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const { close, listener } = yield* listenFor(server.network, { host: server.address, port: 0 })
      const where = { host: server.address, port: portOf(listener.address) }
      const error = yield* Effect.flip(server.network.listen(where))
      assert.strictEqual(error.reason, "AddressInUse")
      assert.strictEqual(error.message, `${server.address}:${where.port}: address already in use`)
      yield* close
      const refused = yield* Effect.flip(client.network.connect(listener.address))
      assert.strictEqual(refused.reason, "Refused")
      assert.deepStrictEqual(refused.address, listener.address)
      assert.strictEqual(
        yield* outcome(server.network.listen({ host: "198.51.100.1", port: 0 })),
        "AddressNotAvailable"
      )
      assert.strictEqual(yield* outcome(server.network.listen(where)), "Success", "the port is free again")
    }))

  test("listen and udp fail with InvalidAddress for an invalid host or port", () =>
    Effect.gen(function* () {
      const { server } = yield* Hosts
      const bad = [{ host: "localhost" }, { host: "" }, { host: "1.2.3" }, { port: -1 }, { port: 65536 }, { port: 1.5 }]
      for (const wrong of bad) {
        const listening = server.network.listen({ host: server.address, port: 0, ...wrong })
        assert.strictEqual(yield* outcome(listening), "InvalidAddress", JSON.stringify(wrong))
        const bound = server.network.udp({ host: server.address, ...wrong }, () => {})
        assert.strictEqual(yield* outcome(bound), "InvalidAddress", JSON.stringify(wrong))
      }
    }))

  test("an interrupted accept loses no connection", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const listener = yield* server.network.listen({ host: server.address, port: 0 })
      const seen = new Set<number>()
      const take = Effect.map(
        Effect.flatMap(listener.accept, (far) => read(far, 1)),
        (byte) => seen.add(byte[0]!)
      )
      for (let i = 0; i < 24; i++) {
        const early = yield* Effect.forkChild(listener.accept, { startImmediately: true })
        const near = yield* client.network.connect(listener.address)
        yield* near.write(Uint8Array.of(i))
        yield* turns(i % 4)
        yield* Fiber.interrupt(early)
        const exit = yield* Fiber.await(early)
        if (Exit.isSuccess(exit)) seen.add((yield* read(exit.value, 1))[0]!)
        else yield* Effect.timeout(take, "5 seconds")
      }
      assert.strictEqual(seen.size, 24)
    }))

  test("an interrupted connect leaves no connection open", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const listener = yield* server.network.listen({ host: server.address, port: 0 })
      for (let i = 0; i < 12; i++) {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const dial = client.network.connect(listener.address).pipe(Scope.provide(scope))
        const fiber = yield* Effect.forkChild(dial, { startImmediately: true })
        yield* turns(i % 3)
        yield* Fiber.interrupt(fiber)
        yield* Scope.close(scope, Exit.void)
      }
      const last = yield* client.network.connect(listener.address)
      yield* last.write("last")
      yield* last.end
      while (true) {
        const far = yield* listener.accept
        const text = yield* Effect.orElseSucceed(readAll(far), () => "reset")
        if (`${text}` === "last") return
        assert.oneOf(`${text}`, ["", "reset"])
      }
    }).pipe(Effect.timeout("5 seconds")))

  test("closing a listener fails a waiting accept and closes unaccepted connections only", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const { close, listener } = yield* listenFor(server.network, { host: server.address, port: 0 })
      const { far, near } = yield* greet(listener, client.network)
      const unaccepted = yield* client.network.connect(listener.address)
      yield* turns(3)
      yield* Effect.timeout(close, "3 seconds")
      assert.oneOf(yield* outcome(unaccepted.pull), ["Done", "Reset"])
      assert.strictEqual(yield* outcome(listener.accept), "Closed")
      assert.strictEqual(yield* outcome(client.network.connect(listener.address)), "Refused")
      yield* near.write("still here")
      assert.strictEqual(`${yield* read(far, 10)}`, "still here")

      const idle = yield* listenFor(server.network, { host: server.address, port: 0 })
      const waiting = yield* Effect.forkChild(outcome(idle.listener.accept), { startImmediately: true })
      yield* idle.close
      assert.strictEqual(yield* Fiber.join(waiting), "Closed")
    }))

  test("availableSockets decreases with every socket and increases when it closes", () =>
    Effect.gen(function* () {
      const { server } = yield* Hosts
      const before = server.network.availableSockets()
      assert.isAbove(before, 0)
      const { close, listener } = yield* listenFor(server.network, { host: server.address, port: 0 })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* greet(listener, server.network)
          yield* server.network.udp({ host: server.address }, () => {})
          if (Number.isFinite(before)) assert.strictEqual(server.network.availableSockets(), before - 4)
        })
      )
      yield* close
      yield* until(() => server.network.availableSockets() === before)
    }))

  test("interfaces include the server's address and loopback with a prefix of 8 bits", () =>
    Effect.gen(function* () {
      const { server } = yield* Hosts
      const all = yield* server.network.interfaces
      const own = all.find(({ address }) => NetAddress.formatIp(address.address) === server.address)
      assert.isDefined(own)
      const loopback = all.find(({ address }) => NetAddress.formatIp(address.address) === "127.0.0.1")
      assert.isTrue(loopback?.loopback)
      assert.strictEqual(loopback?.address.prefixLength, 8)
      assert.strictEqual(loopback?.scopeId, 0)
    }))
}

export const reusePort = (test: Test) =>
  test("reusePort lets several listeners share a port, and every client reaches one of them", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const one = yield* server.network.listen({ host: server.address, port: 0, reusePort: true })
      const where = { host: server.address, port: portOf(one.address) }
      const two = yield* server.network.listen({ ...where, reusePort: true })
      assert.strictEqual(yield* outcome(server.network.listen(where)), "AddressInUse")
      for (let i = 0; i < 20; i++) {
        const near = yield* client.network.connect(one.address)
        const far = yield* Effect.raceFirst(one.accept, two.accept)
        yield* near.write("x")
        assert.strictEqual((yield* read(far, 1)).length, 1)
      }
    }).pipe(Effect.timeout("5 seconds")))

export const ipv6 = (host: string, test: Test) =>
  test("listen and connect work over IPv6", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const listener = yield* server.network.listen({ host, port: 0 })
      assert.strictEqual(NetAddress.formatSocketAddress(listener.address), `[${host}]:${portOf(listener.address)}`)
      const { far, near } = yield* greet(listener, client.network)
      assert.deepStrictEqual(far.remote, near.local)
    }))

export const unix = ({ directory, exists, file, stale }: UnixPaths, test: Test) => {
  test("a path supports listen, connect and half-close, and is removed with the listener", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const path = `${yield* directory}/socket`
      const { close, listener } = yield* listenFor(server.network, { path })
      assert.deepStrictEqual(listener.address, NetAddress.unixPathAddress(path))
      const { far, near } = yield* greet(listener, client.network)
      assert.deepStrictEqual(near.remote, listener.address)
      assert.deepStrictEqual(far.local, listener.address)
      yield* near.write("question")
      yield* near.end
      assert.strictEqual(`${yield* readAll(far)}`, "question")
      yield* far.write("answer")
      yield* far.end
      assert.strictEqual(`${yield* readAll(near)}`, "answer")
      yield* close
      assert.isFalse(yield* exists(path))
      assert.oneOf(yield* outcome(client.network.connect(listener.address)), ["Refused", "AddressNotAvailable"])
    }))

  test("listen replaces a path left by a dead server, but not one in use or another kind of file", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const path = `${yield* directory}/socket`
      yield* stale(path)
      const listener = yield* server.network.listen({ path })
      yield* greet(listener, client.network)
      // Listening on a path in use may connect to it as a probe, so this comes last.
      assert.strictEqual(yield* outcome(server.network.listen({ path })), "AddressInUse")
      const other = `${yield* directory}/file`
      yield* file(other)
      assert.strictEqual(yield* outcome(server.network.listen({ path: other })), "AddressInUse")
      assert.isTrue(yield* exists(other))
    }))

  test("listen and connect fail with typed errors for invalid paths", () =>
    Effect.gen(function* () {
      const { client, server } = yield* Hosts
      const parent = yield* directory
      const fits = `${parent}/`.padEnd(107, "x")
      assert.strictEqual(yield* outcome(server.network.listen({ path: fits })), "Success")
      for (const path of [`${fits}x`, `${parent}/`.padEnd(105, "x").concat("éé"), "", `${parent}/a\0b`]) {
        assert.strictEqual(yield* outcome(server.network.listen({ path })), "InvalidAddress", JSON.stringify(path))
      }
      const long = NetAddress.unixPathAddress(`${fits}x`)
      assert.strictEqual(yield* outcome(client.network.connect(long)), "InvalidAddress")
      const nowhere = yield* outcome(server.network.listen({ path: `${parent}/no/such` }))
      assert.oneOf(nowhere, ["AddressNotAvailable", "PermissionDenied"])
    }))
}
