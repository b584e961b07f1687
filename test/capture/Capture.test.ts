import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Capture from "../../src/capture/Capture.ts"
import * as CaptureReader from "../../src/capture/CaptureReader.ts"
import * as CaptureWriter from "../../src/capture/CaptureWriter.ts"
import * as Ip from "../../src/capture/Ip.ts"
import * as PcapngDecoder from "../../src/capture/PcapngDecoder.ts"
import type * as Endpoint from "../../src/network/Endpoint.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import type { ObservedPacket } from "../../src/network/Packet.ts"
import * as Simulation from "../../src/simulation/Simulation.ts"
import { assertNoLeaks } from "../support/Handles.ts"
import { outcome, read, readAll } from "../support/Hosts.ts"

const encode = (text: string) => new TextEncoder().encode(text)

/** A captured network, the plain network below it, and the packets that the tap received. */
const tappedNetwork = Effect.gen(function* () {
  const plain = yield* Network.Network
  const seen: Array<ObservedPacket> = []
  const network = yield* Capture.wrap(plain, (packet) => seen.push({ ...packet, bytes: packet.bytes.slice() }))
  return { plain, network, seen }
})

/** Formats packets, one per line: direction (`>` is to the port), kind and text. */
const formatPackets = (seen: ReadonlyArray<ObservedPacket>, port: number) =>
  seen.map(({ bytes, kind, to }) => `${to.port === port ? ">" : "<"} ${kind} ${Buffer.from(bytes)}`.trimEnd())

const handshake = ["> syn", "< synack", "> ack"]

/** Opens a connection whose ends are captured or not, each with its own scope. */
const openPair = Effect.fnUntraced(function* (near: "network" | "plain", far: "network" | "plain", accepts = true) {
  const all = yield* tappedNetwork
  const listener = yield* all[far].listen({ port: 0 })
  const { port } = listener.address as NetAddress.InetAddress
  const scopes = [yield* Scope.fork(yield* Effect.scope), yield* Scope.fork(yield* Effect.scope)] as const
  const client = yield* Scope.provide(all[near].connect(listener.address), scopes[0])
  const accept = Scope.provide(listener.accept, scopes[1])
  const server = accepts ? yield* accept : client
  const close = (which: 0 | 1) => Scope.close(scopes[which], Exit.void)
  return { ...all, port, client, server, accept, close, formattedPackets: () => formatPackets(all.seen, port) }
})

const test = (name: string, body: Effect.Effect<void, unknown, Network.Network | Scope.Scope>) =>
  it.live(name, () => assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))))

describe("Capture.wrap, streams", () => {
  for (const [near, far] of [
    ["network", "network"],
    ["network", "plain"],
    ["plain", "network"]
  ] as const) {
    test(
      `client on ${near}, server on ${far}: reports every packet once, in order`,
      Effect.gen(function* () {
        const { client, close, server, formattedPackets } = yield* openPair(near, far)
        yield* client.write("hello ☃")
        yield* read(server, 9)
        yield* server.write(encode("answer"))
        yield* read(client, 6)
        yield* client.end
        yield* client.end
        assert.strictEqual((yield* readAll(server)).length, 0)
        yield* server.write("more")
        yield* read(client, 4)
        yield* close(1)
        assert.strictEqual((yield* readAll(client)).length, 0)
        yield* close(0)
        const expected = [...handshake, "> data hello ☃", "< data answer", "> fin", "< data more", "< fin"]
        assert.deepStrictEqual(formattedPackets(), expected)
      })
    )

    test(
      `client on ${near}, server on ${far}: reports a reset once`,
      Effect.gen(function* () {
        const { client, close, server, formattedPackets } = yield* openPair(near, far)
        yield* client.write("hello")
        yield* server.pull
        yield* server.abort
        assert.strictEqual(yield* outcome(client.pull), "Reset")
        yield* close(0)
        yield* close(1)
        assert.deepStrictEqual(formattedPackets(), [...handshake, "> data hello", "< rst"])
      })
    )
  }

  test(
    "reports a client that closes before it is accepted once",
    Effect.gen(function* () {
      const { accept, client, close, formattedPackets } = yield* openPair("network", "network", false)
      yield* client.write("hi")
      yield* close(0)
      assert.strictEqual(`${yield* readAll(yield* accept)}`, "hi")
      yield* close(1)
      assert.deepStrictEqual(formattedPackets(), [...handshake, "> data hi", "> fin", "< fin"])
    })
  )

  test(
    "reports nothing for endRead and for a write after the end",
    Effect.gen(function* () {
      const { client, close, formattedPackets } = yield* openPair("network", "plain")
      yield* client.endRead
      assert.strictEqual(yield* outcome(client.pull), "Done")
      yield* client.end
      assert.strictEqual(yield* outcome(client.write("late")), "Closed")
      yield* close(0)
      assert.deepStrictEqual(formattedPackets(), [...handshake, "> fin"])
    })
  )

  test(
    "reports nothing while the tap is not active, and then what follows",
    Effect.gen(function* () {
      const seen: Array<ObservedPacket> = []
      let isActive = false
      const tap = Object.assign((packet: ObservedPacket) => seen.push(packet), { isActive: () => isActive })
      const network = yield* Capture.wrap(yield* Network.Network, tap)
      const listener = yield* network.listen({ port: 0 })
      const { port } = listener.address as NetAddress.InetAddress
      const client = yield* network.connect(listener.address)
      const server = yield* listener.accept
      const received: Array<string> = []
      const socket = yield* network.udp({ host: "127.0.0.1" }, (bytes) => received.push(`${Buffer.from(bytes)}`))
      const self = { address: "127.0.0.1", port: socket.local.port }
      for (const text of ["one", "two"]) {
        yield* client.write(text)
        yield* read(server, 3)
        yield* socket.send(encode(text), self)
        while (received.at(-1) !== text) yield* Effect.yieldNow
        isActive = true
      }
      assert.deepStrictEqual(formatPackets(seen, port), ["> data two", "< datagram two"])
    })
  )

  test(
    "does not report Unix domain sockets",
    Effect.gen(function* () {
      const { network, seen } = yield* tappedNetwork
      const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(directory, { recursive: true })))
      const listener = yield* network.listen({ path: Path.join(directory, "s") })
      const near = yield* network.connect(listener.address)
      const far = yield* listener.accept
      yield* near.write("hello")
      assert.strictEqual(`${yield* read(far, 5)}`, "hello")
      assert.deepStrictEqual(seen, [])
    })
  )
})

describe("Capture.wrap, connections that fail", () => {
  const loopback = (port: number) => NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", port)

  /** A port on which nothing listens. */
  const closedPort = Effect.gen(function* () {
    const network = yield* Network.Network
    const { address } = yield* network.listen({ port: 0 })
    return (address as NetAddress.InetAddress).port
  }).pipe(Effect.scoped)

  /** A network on which each connect ends in the same way. */
  const failing = Effect.fnUntraced(function* (connect: Network.Network["Service"]["connect"]) {
    const plain = yield* Network.Network
    const seen: Array<ObservedPacket> = []
    const network = yield* Capture.wrap({ ...plain, connect }, (packet) => seen.push(packet))
    return { network, seen }
  })

  test(
    "reports the SYN and the RST of a refused one, each attempt from another port",
    Effect.gen(function* () {
      const { network, seen } = yield* tappedNetwork
      const port = yield* closedPort
      for (const _ of [1, 2]) assert.strictEqual(yield* outcome(network.connect(loopback(port))), "Refused")
      assert.deepStrictEqual(formatPackets(seen, port), ["> syn", "< rst", "> syn", "< rst"])
      assert.deepStrictEqual(
        seen.map(({ fault }) => fault),
        ["local port unknown", undefined, "local port unknown", undefined]
      )
      const [first, answer, second] = seen.map(({ from, to }) => ({ from, to }))
      assert.deepStrictEqual(first, { from: { address: "127.0.0.1", port: 61_000 }, to: answer!.from })
      assert.deepStrictEqual(answer!.to, first!.from)
      assert.deepStrictEqual(second!.from, { address: "127.0.0.1", port: 61_001 })
    })
  )

  test(
    "the file has a SYN, and a RST that acknowledges it",
    Effect.gen(function* () {
      const { network, seen } = yield* tappedNetwork
      yield* outcome(network.connect(loopback(yield* closedPort)))
      const writer = CaptureWriter.make()
      for (const packet of seen) writer.tap(packet)
      const read = CaptureReader.make()
      const packets = Result.getOrThrow(PcapngDecoder.decode(Buffer.concat(writer.finish()))).flatMap(
        (block) => read(block) ?? []
      )
      assert.deepStrictEqual(
        packets.map(({ comments, problems, tcp }) => ({ flags: tcp?.flags, comments, problems })),
        [
          { flags: Ip.flag.syn, comments: ["local port unknown"], problems: [] },
          { flags: Ip.flag.rst | Ip.flag.ack, comments: [], problems: [] }
        ]
      )
      assert.strictEqual(packets[1]!.tcp!.ack, packets[0]!.tcp!.seq + 1)
    })
  )

  for (const [reason, why] of [
    ["TimedOut", "no answer"],
    ["Unreachable", "no route to the host"]
  ] as const)
    it.effect(`reports the SYN alone if the reason is ${reason}`, () =>
      Effect.gen(function* () {
        const failure = Effect.delay(Effect.fail(new Network.NetworkError({ reason })), "3 seconds")
        const { network, seen } = yield* failing(() => failure)
        const attempt = yield* Effect.forkChild(Effect.exit(network.connect(loopback(9))), { startImmediately: true })
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(attempt)
        assert.deepStrictEqual(formatPackets(seen, 9), ["> syn"])
        assert.strictEqual(seen[0]!.fault, `local port unknown, ${why} after 3.00 s`)
      }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
    )

  it.effect("reports the SYN alone if it is interrupted", () =>
    Effect.gen(function* () {
      const { network, seen } = yield* failing(() => Effect.never)
      const attempt = yield* Effect.forkChild(network.connect(loopback(9)), { startImmediately: true })
      yield* TestClock.adjust("20 millis")
      yield* Fiber.interrupt(attempt)
      assert.deepStrictEqual(formatPackets(seen, 9), ["> syn"])
      assert.strictEqual(seen[0]!.fault, "local port unknown, interrupted after 20.0 ms")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  test(
    "reports nothing if no packet was sent, or for a Unix domain socket",
    Effect.gen(function* () {
      const none = new Network.NetworkError({ reason: "NoDescriptors" })
      const { network, seen } = yield* failing(() => Effect.fail(none))
      assert.strictEqual(yield* outcome(network.connect(loopback(9))), "NoDescriptors")
      const captured = yield* tappedNetwork
      const path = NetAddress.unixPathAddress(Path.join(Os.tmpdir(), "inet-no-such-socket"))
      assert.notStrictEqual(yield* outcome(captured.network.connect(path)), "Success")
      assert.deepStrictEqual([...seen, ...captured.seen], [])
    })
  )

  it.live("reports a refusal on a simulated host once", () =>
    Effect.gen(function* () {
      const { exit } = yield* Simulation.run(
        Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
          const [client, server] = [yield* host("client"), yield* host("server")]
          return yield* client.run(
            Effect.gen(function* () {
              const { network, seen } = yield* tappedNetwork
              const remote = NetAddress.inetAddressFromNativeUnsafe(server.address, 7)
              assert.strictEqual(yield* outcome(network.connect(remote)), "Refused")
              assert.deepStrictEqual(formatPackets(seen, 7), ["> syn", "< rst"])
              assert.strictEqual(seen[0]!.from.address, client.address)
            }).pipe(Effect.scoped)
          )
        })
      )
      yield* exit
    })
  )
})

describe("Capture.wrap, datagrams", () => {
  /** Sends a datagram from one socket to another, and waits until it has arrived. */
  const send = Effect.fnUntraced(function* (
    from: Network.Network["Service"],
    to: Network.Network["Service"],
    host?: string,
    options: Network.UdpOptions = {}
  ) {
    const received: Array<Endpoint.Endpoint> = []
    const inbox = yield* to.udp({ host }, (_, peer) => received.push(peer))
    const { port } = inbox.local
    const outbox = yield* from.udp(options, () => {})
    yield* outbox.send(encode("one"), { address: "127.0.0.1", port })
    while (received.length < 1) yield* Effect.yieldNow
    return { port, outbox, inbox }
  })

  test(
    "reports a datagram between two captured sockets once",
    Effect.gen(function* () {
      const { network, seen } = yield* tappedNetwork
      const { port } = yield* send(network, network)
      assert.deepStrictEqual(formatPackets(seen, port), ["> datagram one"])
    })
  )

  test(
    "reports datagrams from and to other networks, with the inferred address of a socket bound to all addresses",
    Effect.gen(function* () {
      const { network, plain, seen } = yield* tappedNetwork
      const first = yield* send(plain, network, "0.0.0.0")
      yield* send(network, plain, "127.0.0.1", { host: "0.0.0.0" })
      assert.deepStrictEqual(
        seen.map(({ to }) => to.address),
        ["127.0.0.1", "127.0.0.1"]
      )
      assert.deepStrictEqual(
        seen.map(({ from }) => from.address),
        ["127.0.0.1", "127.0.0.1"]
      )
      assert.strictEqual(seen[0]!.to.port, first.port)
    })
  )

  test(
    "does not report a datagram that cannot be sent",
    Effect.gen(function* () {
      const { network, seen } = yield* tappedNetwork
      const to = { address: "127.0.0.1", port: 9 }
      const scope = yield* Scope.make()
      const free = yield* Scope.provide(
        network.udp({}, () => {}),
        scope
      )
      const bound = yield* Scope.provide(
        network.udp({ remote: to }, () => {}),
        scope
      )
      assert.strictEqual(yield* outcome(free.send(new Uint8Array(65_508), to)), "MessageTooLarge")
      assert.strictEqual(yield* outcome(free.send(encode("x"))), "NotConnected")
      assert.strictEqual(yield* outcome(bound.send(encode("x"), to)), "IsConnected")
      yield* Scope.close(scope, Exit.void)
      free.sendUnsafe(encode("x"), to)
      assert.deepStrictEqual(seen, [])
    })
  )

  it.effect("reports the time of the Clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_234)
      const { network, seen } = yield* tappedNetwork
      const socket = yield* network.udp({}, () => {})
      yield* socket.send(encode("x"), { address: "127.0.0.1", port: 9 })
      assert.strictEqual(seen[0]!.at, 1_234_000_000n)
      assert.strictEqual(seen[0]!.host, "local")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})
