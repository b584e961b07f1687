import * as NodeDatagramSocket from "@effect/platform-node/NodeDatagramSocket"
import { assert, describe } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as DatagramSocket from "effect/socket/DatagramSocket"
import * as Interop from "../../../src/network/interop/Interop.ts"
import { test } from "../../support/EffectSockets.ts"
import { outcome, turns, until } from "../../support/Hosts.ts"

const group = NetAddress.ipFromStringUnsafe("239.255.71.4") as NetAddress.MulticastAddress<NetAddress.Ipv4Address>

const text = (payload: Uint8Array) => Buffer.from(payload).toString()

const kindOf = <A, R>(effect: Effect.Effect<A, DatagramSocket.DatagramSocketError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => `${reason._tag} ${"kind" in reason ? reason.kind : ""}`.trimEnd())

describe("Interop.toDatagramSocket", () => {
  test("exchanges datagrams with effect's own socket and replies to a received one", () =>
    Effect.gen(function* () {
      const own = yield* Interop.toDatagramSocket()
      const ownReader = yield* own.reader
      const ownWriter = yield* own.writer
      const node = yield* NodeDatagramSocket.make({ bind: { address: "127.0.0.1" } })
      const nodeReader = yield* node.reader
      const nodeWriter = yield* node.writer
      yield* ownWriter.writeAll(
        Arr.map(Arr.make("one", "", "three"), (payload) => ({ payload, address: nodeReader.address }))
      )
      const received: Array<DatagramSocket.Datagram> = []
      while (received.length < 3) received.push(...(yield* nodeReader.pull))
      assert.deepStrictEqual(
        received.map(({ payload }) => text(payload)),
        ["one", "", "three"]
      )
      assert.deepStrictEqual(received[0]!.address, ownReader.address)
      yield* nodeWriter.write({ payload: "reply", address: received[0]! })
      const [reply] = yield* ownReader.pull
      assert.strictEqual(text(reply.payload), "reply")
      yield* ownWriter.write({ payload: "again", address: reply })
      assert.strictEqual(text((yield* nodeReader.pull)[0].payload), "again")
    }))

  test("fails with effect's kinds of errors", () =>
    Effect.gen(function* () {
      const own = yield* Interop.toDatagramSocket()
      const { address } = yield* own.reader
      const writer = yield* own.writer
      assert.strictEqual(
        yield* kindOf(writer.write({ payload: new Uint8Array(65_508), address })),
        "DatagramSocketWriteError MessageTooLarge"
      )
      const some = [
        { payload: "x", address },
        { payload: new Uint8Array(65_508), address }
      ] as const
      assert.strictEqual(yield* kindOf(writer.writeAll(some)), "DatagramSocketWriteError MessageTooLarge")
      const everyone = NetAddress.inetAddressFromIpStringUnsafe("127.255.255.255", 9)
      assert.strictEqual(
        yield* kindOf(writer.write({ payload: "x", address: everyone })),
        "DatagramSocketWriteError PermissionDenied"
      )
      assert.strictEqual(yield* kindOf(writer.write({ payload: "x" })), "DatagramSocketWriteError Unknown")
      const clash = yield* Interop.toDatagramSocket({ port: address.port })
      assert.strictEqual(yield* kindOf(clash.reader), "DatagramSocketOpenError AddressInUse")
      const elsewhere = yield* Interop.toDatagramSocket({ host: "198.51.100.1" })
      assert.strictEqual(yield* kindOf(elsewhere.reader), "DatagramSocketOpenError AddressNotAvailable")
    }))

  test("rejects an address on a connected socket and reports refusals to onError", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(
        Effect.map(
          Effect.flatMap(Interop.toDatagramSocket(), ({ reader }) => reader),
          ({ address }) => address
        )
      )
      const errors: Array<DatagramSocket.DatagramSocketError> = []
      const own = yield* Interop.toDatagramSocket(
        { remote: { address: "127.0.0.1", port: gone.port } },
        { onError: (error) => errors.push(error) }
      )
      yield* own.reader
      const writer = yield* own.writer
      assert.strictEqual(
        yield* kindOf(writer.write({ payload: "x", address: gone })),
        "DatagramSocketWriteError Unknown"
      )
      yield* writer.write({ payload: "anyone?" })
      yield* until(() => errors.length > 0)
      const { reason } = errors[0]!
      assert.strictEqual(reason._tag, "DatagramSocketReadError")
      assert.strictEqual("kind" in reason && reason.kind, "ConnectionRefused")
      assert.strictEqual(Interop.fromDatagramError(errors[0]!), "cause" in reason && reason.cause)
    }))

  test("binds again for each reader; drops and counts datagrams over the queue's capacity", () =>
    Effect.gen(function* () {
      const own = yield* Interop.toDatagramSocket({}, { queue: { capacity: 2 } })
      const writer = yield* own.writer
      for (let i = 0; i < 2; i++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const reader = yield* own.reader
            for (let n = 0; n < 5; n++) yield* writer.write({ payload: `${n}`, address: reader.address })
            yield* until(() => reader.dropped() === 3)
            assert.deepStrictEqual(
              (yield* reader.pull).map(({ payload }) => text(payload)),
              ["0", "1"]
            )
          })
        )
      }
    }))

  test("joins a multicast group until the scope closes, but not source-specifically", () =>
    Effect.gen(function* () {
      const member = yield* Interop.toDatagramSocket({ host: "0.0.0.0" })
      const reader = yield* member.reader
      const node = yield* NodeDatagramSocket.make({
        bind: { address: "127.0.0.1" },
        multicast: { interface: NetAddress.ipv4Loopback }
      })
      yield* node.reader
      const writer = yield* node.writer
      const address = NetAddress.inetAddressUnsafe(group, reader.address.port)
      const membership = { group, interface: NetAddress.ipv4Loopback }
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* reader.joinMulticast(membership)
          yield* writer.write({ payload: "in", address })
          assert.strictEqual(text((yield* reader.pull)[0].payload), "in")
        })
      )
      yield* writer.write({ payload: "out", address })
      yield* turns(3)
      yield* reader.joinMulticast(membership)
      yield* writer.write({ payload: "in again", address })
      assert.strictEqual(text((yield* reader.pull)[0].payload), "in again")
      const source = NetAddress.ipv4Loopback
      assert.strictEqual(
        yield* kindOf(Effect.scoped(reader.joinMulticast({ group, source }))),
        "DatagramSocketUnsupportedError"
      )
      const nowhere = NetAddress.ipFromStringUnsafe("198.51.100.1") as NetAddress.Ipv4Address
      assert.strictEqual(
        yield* kindOf(Effect.scoped(reader.joinMulticast({ group, interface: nowhere }))),
        "DatagramSocketOpenError AddressNotAvailable"
      )
    }))
})

describe("Interop.fromDatagramSocket", () => {
  test("joins a multicast group on an interface named as in UdpSocket.join", () =>
    Effect.gen(function* () {
      const received: Array<string> = []
      const node = yield* NodeDatagramSocket.make({
        bind: { address: "0.0.0.0" },
        multicast: { interface: NetAddress.ipv4Loopback }
      })
      const own = yield* Interop.fromDatagramSocket(node, (bytes) => received.push(text(bytes)))
      const to = { address: NetAddress.formatIp(group), port: own.local.port }
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* own.join(to.address, "127.0.0.1")
          yield* own.send(Buffer.from("in"), to)
          yield* until(() => received.length > 0)
        })
      )
      yield* own.send(Buffer.from("out"), to)
      yield* turns(5)
      assert.deepStrictEqual(received, ["in"])
      for (const [name, through] of [["127.0.0.1"], ["no address"], [to.address, "%nosuch"]]) {
        assert.strictEqual(
          yield* outcome(Effect.scoped(own.join(name!, through))),
          "InvalidAddress",
          `${name} ${through}`
        )
      }
      assert.strictEqual(own.receiveBuffer, 0)
      assert.strictEqual(yield* own.dropped, 0)
    }))

  test("fails with a NetworkError if the socket cannot bind", () =>
    Effect.gen(function* () {
      const node = yield* NodeDatagramSocket.make({ bind: { address: "198.51.100.1" } })
      assert.strictEqual(yield* outcome(Interop.fromDatagramSocket(node, () => {})), "AddressNotAvailable")
    }))
})
