import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import type * as Network from "../../../src/network/Network.ts"
import { Hosts, outcome, pseudoRandomBytes, turns, until } from "../../support/Hosts.ts"
import type { Ipv6, Multicast, Test } from "./Subject.ts"

interface Inbox {
  readonly socket: Network.UdpSocket
  /** Address and port to send to. */
  readonly peer: Endpoint.Endpoint
  readonly datagrams: Array<{ readonly text: string; readonly from: Endpoint.Endpoint }>
  readonly errors: Array<Network.NetworkError>
}

/** Opens a socket that records datagrams and errors. */
const open = Effect.fnUntraced(function* (which: "server" | "client", options: Network.UdpOptions = {}) {
  const host = (yield* Hosts)[which]
  const datagrams: Inbox["datagrams"] = []
  const errors: Inbox["errors"] = []
  const socket = yield* host.network.udp(
    { host: host.address, ...options },
    (bytes, { address, port }) =>
      datagrams.push({ text: Buffer.from(bytes).toString("latin1"), from: { address, port } }),
    (error) => errors.push(error)
  )
  const peer = { address: NetAddress.formatIp(socket.local.address), port: socket.local.port }
  return { socket, peer, datagrams, errors } satisfies Inbox
})

const textsOf = (inbox: Inbox) => inbox.datagrams.map(({ text }) => text)

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"))

export const suite = (test: Test) => {
  test("datagrams keep their boundaries, from empty to largest, and their sender's address", () =>
    Effect.gen(function* () {
      const inbox = yield* open("server")
      const sender = yield* open("client")
      assert.isAbove(inbox.peer.port, 0)
      const sent = ["one", "", "x", latin1(pseudoRandomBytes(1472)), latin1(pseudoRandomBytes(65_507))]
      for (const text of sent) {
        yield* sender.socket.send(bytesOf(text), inbox.peer)
        yield* until(() => inbox.datagrams.length === sent.indexOf(text) + 1)
      }
      assert.deepStrictEqual(textsOf(inbox), sent)
      for (const { from } of inbox.datagrams) assert.deepStrictEqual(from, sender.peer)
      inbox.socket.sendUnsafe(bytesOf("reply"), inbox.datagrams[0]!.from)
      yield* until(() => sender.datagrams.length === 1)
      assert.deepStrictEqual(sender.datagrams, [{ text: "reply", from: inbox.peer }])
    }))

  test("send fails with MessageTooLarge above the largest datagram, and later datagrams still arrive", () =>
    Effect.gen(function* () {
      const inbox = yield* open("server")
      const sender = yield* open("client")
      const large = new Uint8Array(65_508)
      const error = yield* Effect.flip(sender.socket.send(large, inbox.peer))
      assert.strictEqual(error.reason, "MessageTooLarge")
      assert.strictEqual(NetAddress.formatSocketAddress(error.address!), `${inbox.peer.address}:${inbox.peer.port}`)
      sender.socket.sendUnsafe(large, inbox.peer)
      yield* sender.socket.send(bytesOf("next"), inbox.peer)
      yield* until(() => inbox.datagrams.length === 1)
      assert.deepStrictEqual(textsOf(inbox), ["next"])
    }))

  test("a connected socket receives from its remote only and rejects a destination; others require one", () =>
    Effect.gen(function* () {
      const remote = yield* open("server")
      const stranger = yield* open("server")
      const connected = yield* open("client", { remote: remote.peer })
      yield* stranger.socket.send(bytesOf("psst"), connected.peer)
      yield* remote.socket.send(bytesOf("hello"), connected.peer)
      yield* until(() => connected.datagrams.length > 0)
      yield* connected.socket.send(bytesOf("answer"))
      yield* until(() => remote.datagrams.length > 0)
      assert.deepStrictEqual(connected.datagrams, [{ text: "hello", from: remote.peer }])
      assert.deepStrictEqual(remote.datagrams, [{ text: "answer", from: connected.peer }])
      const misplaced = yield* Effect.flip(connected.socket.send(bytesOf("x"), remote.peer))
      assert.strictEqual(misplaced.reason, "IsConnected")
      assert.strictEqual(yield* outcome(stranger.socket.send(bytesOf("x"))), "NotConnected")
      connected.socket.sendUnsafe(bytesOf("x"), remote.peer)
      stranger.socket.sendUnsafe(bytesOf("x"))
      yield* turns(5)
      assert.strictEqual(remote.datagrams.length, 1)
    }))

  test("a connected socket reports a refusal, and still works", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const remote = yield* Scope.provide(open("server"), scope)
      const connected = yield* open("client", { remote: remote.peer })
      yield* Scope.close(scope, Exit.void)
      yield* connected.socket.send(bytesOf("anyone?"))
      yield* until(() => connected.errors.length > 0)
      assert.strictEqual(connected.errors[0]!.reason, "Refused")
      assert.strictEqual(
        NetAddress.formatSocketAddress(connected.errors[0]!.address!),
        `${remote.peer.address}:${remote.peer.port}`
      )
      const again = yield* open("server", { port: remote.peer.port })
      yield* connected.socket.send(bytesOf("again"))
      yield* until(() => again.datagrams.length > 0)
    }))

  test("send fails with InvalidAddress for an invalid destination, and sendUnsafe does not throw", () =>
    Effect.gen(function* () {
      const sender = yield* open("client")
      for (const address of ["", "localhost", "1.2.3", "1.2.3.4:5", "fe80::1%nosuch", "::1", "\0"]) {
        const to = { address, port: 9 }
        assert.strictEqual(
          yield* outcome(sender.socket.send(bytesOf("x"), to)),
          "InvalidAddress",
          JSON.stringify(address)
        )
        sender.socket.sendUnsafe(bytesOf("x"), to)
      }
      for (const port of [-1, 0, 65536, 1.5, Number.NaN]) {
        const to = { address: "127.0.0.1", port }
        assert.strictEqual(yield* outcome(sender.socket.send(bytesOf("x"), to)), "InvalidAddress", `port ${port}`)
        sender.socket.sendUnsafe(bytesOf("x"), to)
      }
      const remote = { address: "localhost", port: 9 }
      assert.strictEqual(yield* outcome(open("client", { remote })), "InvalidAddress")
    }))

  test("udp fails for a port in use unless both sockets set reuseAddress", () =>
    Effect.gen(function* () {
      const { port } = (yield* open("server")).peer
      assert.strictEqual(yield* outcome(open("server", { port })), "AddressInUse")
      assert.strictEqual(yield* outcome(open("server", { port, reuseAddress: true })), "AddressInUse")
      const shared = yield* open("server", { reuseAddress: true })
      assert.strictEqual(yield* outcome(open("server", { port: shared.peer.port, reuseAddress: true })), "Success")
      assert.strictEqual(yield* outcome(open("server", { host: "198.51.100.1" })), "AddressNotAvailable")
    }))

  test("closing fails pending and later sends with Closed; sendUnsafe does nothing", () =>
    Effect.gen(function* () {
      const inbox = yield* open("server")
      const scope = yield* Scope.fork(yield* Effect.scope)
      const sender = yield* Scope.provide(open("client"), scope)
      const started = yield* Deferred.make<void>()
      const sending = yield* Effect.forkChild(
        outcome(
          Effect.gen(function* () {
            while (true) {
              yield* sender.socket.send(bytesOf("tick"), inbox.peer)
              yield* Deferred.succeed(started, undefined)
              yield* turns(1)
            }
          })
        )
      )
      yield* Deferred.await(started)
      const last = yield* Effect.forkChild(outcome(sender.socket.send(bytesOf("last"), inbox.peer)))
      yield* Effect.timeout(Scope.close(scope, Exit.void), "2 seconds")
      assert.strictEqual(yield* Fiber.join(sending), "Closed")
      assert.oneOf(yield* Fiber.join(last), ["Success", "Closed"])
      sender.socket.sendUnsafe(bytesOf("late"), inbox.peer)
      assert.strictEqual(yield* outcome(sender.socket.send(bytesOf("late"), inbox.peer)), "Closed")
      assert.strictEqual(yield* outcome(Effect.scoped(sender.socket.join("239.1.2.3"))), "Closed")
      assert.isUndefined(yield* sender.socket.dropped)
    }))
}

export const buffers = (test: Test) =>
  test("dropped counts datagrams over the receive buffer: sent = received + dropped", () =>
    Effect.gen(function* () {
      const inbox = yield* open("server", { receiveBuffer: 4_096 })
      const large = yield* open("server", { receiveBuffer: 100_000 })
      assert.isAbove(inbox.socket.receiveBuffer, 0)
      assert.isAbove(large.socket.receiveBuffer, inbox.socket.receiveBuffer)
      const sender = yield* open("client")
      if ((yield* inbox.socket.dropped) === undefined) return
      assert.strictEqual(yield* inbox.socket.dropped, 0)
      const count = 400
      for (let i = 0; i < count; i++) sender.socket.sendUnsafe(pseudoRandomBytes(500, i), inbox.peer)
      yield* turns(20)
      const dropped = (yield* inbox.socket.dropped) ?? 0
      assert.isAbove(dropped, 0)
      assert.isAbove(inbox.datagrams.length, 0)
      assert.strictEqual(inbox.datagrams.length + dropped, count)
      assert.strictEqual(yield* large.socket.dropped, 0, "each socket has its own count")
    }))

/** Not for effect's sockets: the kernel chooses their ports, and may choose one that several sockets share. */
export const ephemeralPorts = (test: Test) =>
  test("udp chooses a port that no other socket has, although all let others share theirs", () =>
    Effect.gen(function* () {
      const count = 800
      const all = yield* Effect.forEach(Array.from({ length: count }), () => open("server", { reuseAddress: true }))
      assert.strictEqual(new Set(all.map(({ peer }) => peer.port)).size, count)
    }))

export const reusePort = (test: Test) =>
  test("reusePort must be set by all sockets of a port", () =>
    Effect.gen(function* () {
      const { port } = (yield* open("server", { reusePort: true })).peer
      assert.strictEqual(yield* outcome(open("server", { port, reusePort: true })), "Success")
      assert.strictEqual(yield* outcome(open("server", { port })), "AddressInUse")
    }))

export const ipv6 = ({ client, server }: Ipv6, test: Test) =>
  test("udp works over IPv6", () =>
    Effect.gen(function* () {
      const inbox = yield* open("server", { host: server })
      const sender = yield* open("client", { host: client })
      yield* sender.socket.send(bytesOf("six"), inbox.peer)
      yield* until(() => inbox.datagrams.length === 1)
      assert.deepStrictEqual(inbox.datagrams, [{ text: "six", from: sender.peer }])
    }))

export const broadcast = (address: string, test: Test) =>
  test("broadcast requires the option, and every socket on the port receives one copy", () =>
    Effect.gen(function* () {
      const host = "0.0.0.0"
      const one = yield* open("server", { host, reuseAddress: true })
      const two = yield* open("server", { host, reuseAddress: true, port: one.peer.port })
      const to = { address, port: one.peer.port }
      const quiet = yield* open("client")
      assert.strictEqual(yield* outcome(quiet.socket.send(bytesOf("all"), to)), "PermissionDenied")
      const loud = yield* open("client", { broadcast: true })
      yield* loud.socket.send(bytesOf("all"), to)
      yield* until(() => one.datagrams.length > 0 && two.datagrams.length > 0)
      yield* turns(5)
      assert.deepStrictEqual([...textsOf(one), ...textsOf(two)], ["all", "all"])
    }))

const member = Effect.fnUntraced(function* (multicast: Multicast, port = 0) {
  const inbox = yield* open("server", { host: "0.0.0.0", port, reuseAddress: true })
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* Scope.provide(inbox.socket.join(multicast.group, multicast.interface), scope)
  return { ...inbox, leave: Scope.close(scope, Exit.void) }
})

export const multicast = (multicast: Multicast, test: Test) => {
  test("multicast delivers one copy to every member until it leaves", () =>
    Effect.gen(function* () {
      const one = yield* member(multicast)
      const two = yield* member(multicast, one.peer.port)
      const to = { address: multicast.group, port: one.peer.port }
      const sender = yield* open("client", { multicast: { interface: multicast.interface } })
      yield* sender.socket.send(bytesOf("both"), to)
      yield* until(() => one.datagrams.length > 0 && two.datagrams.length > 0)
      yield* one.leave
      yield* two.leave
      yield* sender.socket.send(bytesOf("nobody"), to)
      const last = yield* member(multicast, one.peer.port)
      yield* sender.socket.send(bytesOf("last"), to)
      yield* until(() => last.datagrams.length > 0)
      assert.deepStrictEqual(textsOf(last), ["last"])
      // Some kernels deliver a group's datagrams to every socket on the port while any of them is a member.
      for (const former of [one, two]) assert.deepStrictEqual(textsOf(former).slice(0, 2).includes("nobody"), false)
    }))

  test("join fails with a typed error for an invalid group or interface", () =>
    Effect.gen(function* () {
      const inbox = yield* open("server")
      for (const group of ["127.0.0.1", "", "localhost", "ff02::1"]) {
        assert.notInclude(["Success", "Done"], yield* outcome(Effect.scoped(inbox.socket.join(group))), group)
      }
      const nowhere = Effect.scoped(inbox.socket.join(multicast.group, "198.51.100.1"))
      assert.notInclude(["Success", "Done"], yield* outcome(nowhere))
    }))
}

export const silence = (multicast: Multicast, test: Test) =>
  test("multicast without loopback is not received on the sending host", () =>
    Effect.gen(function* () {
      const inbox = yield* member(multicast)
      const to = { address: multicast.group, port: inbox.peer.port }
      const own = { host: "0.0.0.0", multicast: { interface: multicast.interface, ttl: 0 } }
      const silent = yield* open("server", { ...own, multicast: { ...own.multicast, loopback: false } })
      const sender = yield* open("server", own)
      yield* silent.socket.send(bytesOf("silent"), to)
      yield* sender.socket.send(bytesOf("heard"), to)
      yield* until(() => inbox.datagrams.length > 0)
      assert.deepStrictEqual(textsOf(inbox), ["heard"])
    }))
