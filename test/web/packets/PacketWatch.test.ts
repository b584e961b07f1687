import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Capture from "../../../src/capture/Capture.ts"
import { captureDissectors } from "../../../src/cli/run/common/dissectors.ts"
import * as Network from "../../../src/network/Network.ts"
import type * as NetworkPacket from "../../../src/network/Packet.ts"
import * as Rot13Client from "../../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../../src/rot13/Rot13Server.ts"
import * as PageRpc from "../../../src/web/PageRpc.ts"
import * as PacketWatch from "../../../src/web/packets/PacketWatch.ts"
import { Hosts, pseudoRandomBytes } from "../../support/Hosts.ts"
import * as TftpHosts from "../../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../../support/tftp/TftpTranscript.ts"

const makeWatch = PacketWatch.make({ dissectors: captureDissectors, maxWatchers: 3 })

const [client, server] = [
  { address: "10.0.0.2", port: 4_000 },
  { address: "10.0.0.1", port: 1_067 }
]

const packet = (changes: Partial<NetworkPacket.ObservedPacket> = {}): NetworkPacket.ObservedPacket => ({
  ...{ transport: "tcp", kind: "data", from: client, to: server, bytes: new TextEncoder().encode("Hello") },
  ...{ at: 1_764_000_000_123_456_789n, host: "local" },
  ...changes
})

const rot13 = { protocol: "tcp", port: 1_067 } as const

/** Watches a service, and keeps its batches, but for the first one. */
const follow = Effect.fnUntraced(function* ({ watch }: PacketWatch.PacketWatch, service: string) {
  const batches = yield* Ref.make<ReadonlyArray<PageRpc.Packets>>([])
  const keep = (batch: PageRpc.Packets) => Ref.update(batches, (all) => [...all, batch])
  const fiber = yield* Effect.forkScoped(Stream.runForEach(Stream.drop(watch(service), 1), keep), {
    startImmediately: true
  })
  const arrows = Effect.map(Ref.get(batches), (all) => all.flatMap((batch) => batch.arrows))
  return { arrows, batches: Ref.get(batches), stop: Fiber.interrupt(fiber) }
})

const kinds = Effect.map((arrows: ReadonlyArray<PageRpc.Packets["arrows"][number]>) => arrows.map(({ kind }) => kind))

describe("PacketWatch", () => {
  it.effect("emits an arrow for each packet of the service", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      yield* watch.serve("rot13", rot13)
      const { arrows, batches } = yield* follow(watch, "rot13")
      watch.tap(packet({ kind: "syn", bytes: new Uint8Array(0) }))
      watch.tap(packet({ fault: "drop\u001b", lost: true }))
      watch.tap(packet({ to: { ...server, port: 9 } }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* arrows, [
        {
          ...{ number: 1, from: "10.0.0.2:4000", to: "10.0.0.1:1067", sentMillis: 1_764_000_000_123.456, lost: false },
          ...{ transport: "tcp", kind: "syn", label: "SYN", bytes: 0 }
        },
        {
          ...{ number: 2, from: "10.0.0.2:4000", to: "10.0.0.1:1067", sentMillis: 1_764_000_000_123.456, lost: true },
          ...{ transport: "tcp", kind: "REQUEST", label: 'request "Hello"', bytes: 5, fault: "drop\\u001b" }
        }
      ])
      assert.isTrue((yield* batches).every(Schema.is(PageRpc.Packets)))
    })
  )

  it.effect("emits an empty batch when it begins: the service is watched", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      yield* watch.serve("rot13", rot13)
      const first = yield* Stream.runCollect(Stream.take(watch.watch("rot13"), 1))
      assert.deepStrictEqual(first, [{ arrows: [], omitted: 0 }])
    })
  )

  it.effect("emits the first packet at once, and then at most four batches a second", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      yield* watch.serve("rot13", rot13)
      const { arrows, batches } = yield* follow(watch, "rot13")
      watch.tap(packet())
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* batches).length, 1)
      for (let millis = 0; millis < 2_000; millis += 10) {
        watch.tap(packet())
        yield* TestClock.adjust("10 millis")
      }
      assert.isAtMost((yield* batches).length, 9)
      assert.isAtLeast((yield* arrows).length, 176)
      yield* TestClock.adjust("1 minute")
      const all = yield* arrows
      assert.deepStrictEqual(
        all.map(({ number }) => number),
        Array.from({ length: 201 }, (_, index) => index + 1)
      )
    })
  )

  it.effect("emits 200 packets of a flood in each batch, and the number of the others", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      yield* watch.serve("rot13", rot13)
      const { batches } = yield* follow(watch, "rot13")
      for (let count = 0; count < 10_000; count++) watch.tap(packet())
      yield* TestClock.adjust("2 seconds")
      const sizes = (yield* batches).map(({ arrows, omitted }) => [arrows.length, omitted])
      assert.deepStrictEqual(sizes, [
        [200, 0],
        [0, 9_800]
      ])
    })
  )

  it.effect("keeps no more for a browser that does not read than one batch", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      yield* watch.serve("rot13", rot13)
      const seen: Array<number> = []
      const slow = Stream.runForEach(Stream.drop(watch.watch("rot13"), 1), ({ arrows }) =>
        Effect.andThen(
          Effect.sync(() => seen.push(arrows.length)),
          Effect.sleep("1 hour")
        )
      )
      yield* Effect.forkScoped(slow, { startImmediately: true })
      const fast = yield* follow(watch, "rot13")
      for (let second = 0; second < 60; second++) {
        for (let count = 0; count < 100; count++) watch.tap(packet())
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(seen, [100])
      assert.strictEqual((yield* fast.arrows).length, 6_000)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(seen, [100, 200])
    })
  )

  it.effect("does nothing without a browser, and forgets all when the last one leaves", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      yield* watch.serve("rot13", rot13)
      let reads = 0
      const observed = {
        ...packet(),
        get transport(): "tcp" {
          reads++
          return "tcp"
        }
      }
      watch.tap(observed)
      assert.strictEqual(reads, 0)
      assert.isFalse(watch.tap.isActive())
      const { stop } = yield* follow(watch, "rot13")
      assert.isTrue(watch.tap.isActive())
      watch.tap(observed)
      assert.isAbove(reads, 0)
      yield* stop
      assert.isFalse(watch.tap.isActive())
      reads = 0
      watch.tap(observed)
      assert.strictEqual(reads, 0)
    })
  )

  it.effect("refuses a service without packets, and browsers above the limit", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      const failure = (service: string) => Effect.flip(Stream.runDrain(watch.watch(service)))
      const missing = yield* failure("no\u001bthing")
      assert.deepInclude(missing, {
        reason: "NotFound",
        message: "no packets of no\\u001bthing: no such service runs"
      })
      yield* watch.serve("rot13", rot13)
      const all = [1, 2, 3].map(() => follow(watch, "rot13"))
      const [first] = yield* Effect.all(all)
      assert.strictEqual((yield* failure("rot13")).reason, "Busy")
      yield* first!.stop
      const another = yield* follow(watch, "rot13")
      assert.strictEqual((yield* failure("rot13")).reason, "Busy")
      watch.tap(packet())
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* another.arrows, 1)
      yield* another.stop
      // A place that is not given back would be missing after some of these.
      for (let at = 0; at < 5; at++) yield* (yield* follow(watch, "rot13")).stop
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(watch.watch("rot13"), 1)), [
        { arrows: [], omitted: 0 }
      ])
    })
  )

  it.effect("goes on when the service starts again, on another port", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      const scope = yield* Scope.make()
      yield* Scope.provide(watch.serve("rot13", rot13), scope)
      const { arrows } = yield* follow(watch, "rot13")
      watch.tap(packet())
      yield* Scope.close(scope, Exit.void)
      watch.tap(packet())
      yield* watch.serve("rot13", { ...rot13, port: 5_000 })
      watch.tap(packet({ to: { ...server, port: 5_000 } }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        (yield* arrows).map(({ number, to }) => [number, to]),
        [
          [1, "10.0.0.1:1067"],
          [2, "10.0.0.1:5000"]
        ]
      )
    })
  )
})

/** Observes the network of the server by a watch. */
const observed = <A, E, R>(watch: PacketWatch.PacketWatch, body: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const hosts = yield* Hosts
    const network = yield* Capture.wrap(hosts.server.network, watch.tap)
    return yield* Effect.provideService(body, Hosts, { ...hosts, server: { ...hosts.server, network } })
  })

const files = { f: pseudoRandomBytes(1_000) }

describe("PacketWatch, on a network", () => {
  TftpHosts.simulated("follows the transfers of a TFTP server to their ports", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      const { endpoint } = yield* observed(watch, TftpHosts.serve({ files, port: 6_969, timeout: "1 minute" }))
      yield* watch.serve("boot", { protocol: "udp", port: endpoint.port })
      const { arrows } = yield* follow(watch, "boot")
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 488", "a> ACK 2", "a-")
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* kinds(arrows), ["RRQ", "DATA", "ACK", "DATA", "ACK"])
      const [request, data] = yield* arrows
      assert.strictEqual(data!.to, request!.from)
      assert.notStrictEqual(data!.from, request!.to)
    })
  )

  TftpHosts.simulated("follows a transfer on while the watcher of another service leaves", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      const { endpoint } = yield* observed(watch, TftpHosts.serve({ files, port: 6_969, timeout: "1 minute" }))
      yield* watch.serve("boot", { protocol: "udp", port: endpoint.port })
      yield* watch.serve("rot13", rot13)
      const { arrows } = yield* follow(watch, "boot")
      const other = yield* follow(watch, "rot13")
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512")
      yield* other.stop
      yield* talk.play("a> ACK 1", "a< DATA 2 488", "a> ACK 2", "a-")
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* kinds(arrows), ["RRQ", "DATA", "ACK", "DATA", "ACK"])
    })
  )

  TftpHosts.simulated("follows a transfer that had begun before, by the clients of the service", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      const { endpoint, server } = yield* observed(watch, TftpHosts.serve({ files, port: 6_969, timeout: "1 minute" }))
      const clients = Effect.map(server.transfers, (all) => all.map(({ transfer }) => transfer.client))
      yield* watch.serve("boot", { protocol: "udp", port: endpoint.port, clients })
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512")
      const { arrows } = yield* follow(watch, "boot")
      yield* talk.play("a> ACK 1", "a< DATA 2 488", "a> ACK 2", "a-")
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* kinds(arrows), ["ACK", "DATA", "ACK"])
    })
  )

  TftpHosts.simulated("follows transfers whose requests were too many to show", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      const { endpoint } = yield* observed(watch, TftpHosts.serve({ files, port: 6_969, timeout: "1 minute" }))
      yield* watch.serve("boot", { protocol: "udp", port: endpoint.port, dissector: "tftp" })
      const { arrows } = yield* follow(watch, "boot")
      const talk = yield* TftpTranscript.open({ endpoint, content: files.f })
      // Duplicates of a running request get no reply.
      yield* talk.play("a> RRQ f octet", "a< DATA 1 512", ...Array.from({ length: 300 }, () => "a>> ACK 9"))
      yield* talk.play("b> RRQ f octet", "b< DATA 1 512")
      yield* Effect.sleep("1 second")
      const before = (yield* arrows).length
      yield* talk.play("b> ACK 1", "b< DATA 2 488")
      yield* Effect.sleep("1 second")
      const after = (yield* arrows).slice(before)
      assert.deepStrictEqual(
        after.map(({ kind }) => kind),
        ["ACK", "DATA"]
      )
    })
  )

  TftpHosts.both("shows a rot13 exchange", () =>
    Effect.gen(function* () {
      const watch = yield* makeWatch
      const hosts = yield* Hosts
      const serve = Effect.flatMap(Hosts, ({ server }) =>
        Effect.provideService(Rot13Server.make({ host: server.address, port: 0 }), Network.Network, server.network)
      )
      const { address } = yield* observed(watch, serve)
      if (address._tag === "UnixPathAddress") return
      yield* watch.serve("rot13", { protocol: "tcp", port: address.port })
      const { arrows } = yield* follow(watch, "rot13")
      const connection = yield* hosts.client.network.connect(address)
      yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
      yield* connection.end
      const whole = ["syn", "synack", "ack", "REQUEST", "REPLY"]
      const hasReply = Effect.map(kinds(arrows), (found) => found.includes("REPLY"))
      yield* Effect.repeat(Effect.andThen(hosts.turn, hasReply), { until: (done) => done }).pipe(
        Effect.timeout("30 seconds")
      )
      // TCP may deliver a message in several pieces.
      assert.deepStrictEqual([...new Set(yield* kinds(arrows))].slice(0, 5), whole)
    })
  )
})
