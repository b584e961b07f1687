import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as Rot13Udp from "../../../src/rot13/Rot13Udp.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import * as ImpairProxy from "../../../src/simulation/impairment/ImpairProxy.ts"
import { assertNoLeaks } from "../../support/Handles.ts"
import { Hosts, outcome, pseudoRandomBytes, read, readAll, turns, until } from "../../support/Hosts.ts"

const proxyTo = Effect.fnUntraced(function* (
  to: NetAddress.SocketAddress,
  plan: string,
  options: Partial<ImpairProxy.Options> = {}
) {
  const impairment = Result.getOrThrow(Impairment.make(FaultPlanSyntax.parseUnsafe(plan)))
  const proxy = yield* ImpairProxy.make(impairment, {
    listen: { port: 0 },
    to: to as NetAddress.InetAddress,
    ...options
  })
  return {
    ...proxy,
    stats: () => Effect.runSync(proxy.stats),
    counts: impairment.engine.counts,
    peer: { address: "127.0.0.1", port: proxy.address.port }
  }
})

/** Opens a socket that records the texts it receives. */
const inbox = Effect.gen(function* () {
  const network = yield* Network.Network
  const received: Array<string> = []
  const socket = yield* network.udp({}, (bytes) => received.push(Buffer.from(bytes).toString()))
  const send = (text: string, to: Endpoint.Endpoint) => socket.send(new TextEncoder().encode(text), to)
  return { received, send, socket }
})

/** Opens an echo server that returns each text in capitals, from the same port. */
const upperCaseServer = Effect.gen(function* () {
  const network = yield* Network.Network
  const requests: Array<string> = []
  const socket: Network.UdpSocket = yield* network.udp({}, (bytes, from) => {
    const text = Buffer.from(bytes).toString()
    requests.push(text)
    socket.sendUnsafe(new TextEncoder().encode(text.toUpperCase()), from)
  })
  return { requests, address: socket.local }
})

/** Opens a server that answers the first datagram from another port and then expects the client there, as TFTP does. */
const portChangingServer = Effect.gen(function* () {
  const network = yield* Network.Network
  const requests: Array<string> = []
  const answer = (where: string, from: () => Network.UdpSocket) => (bytes: Uint8Array, to: Endpoint.Endpoint) => {
    const text = Buffer.from(bytes).toString()
    requests.push(`${where} ${text}`)
    from().sendUnsafe(new TextEncoder().encode(`${where} ${text}`), to)
  }
  const second: Network.UdpSocket = yield* network.udp(
    {},
    answer("transfer", () => second)
  )
  const first = yield* network.udp({}, (bytes, to) => {
    requests.push(`well-known ${Buffer.from(bytes)}`)
    second.sendUnsafe(new TextEncoder().encode("from elsewhere"), to)
  })
  return { requests, address: first.local }
})

const echo = Effect.gen(function* () {
  const network = yield* Network.Network
  const listener = yield* network.listen({ port: 0 })
  const serve = Effect.scoped(
    Effect.flatMap(listener.accept, (client) =>
      Effect.flatMap(readAll(client), (bytes) => Effect.andThen(client.write(bytes), client.end))
    )
  )
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(serve)))
  return listener.address
})

const test = <E>(name: string, body: Effect.Effect<void, E, Network.Network | Hosts | Scope.Scope>) =>
  it.live(name, () =>
    assertNoLeaks(
      body.pipe(Effect.scoped, Effect.provide(Layer.merge(Hosts.one(NodeNetwork.layer), NodeNetwork.layer)))
    )
  )

describe("ImpairProxy over UDP", () => {
  test(
    "returns to each client its own replies, and counts it once",
    Effect.gen(function* () {
      const server = yield* upperCaseServer
      const { stats, peer } = yield* proxyTo(server.address, "")
      const clients = yield* Effect.all([inbox, inbox, inbox])
      for (const [index, client] of clients.entries()) {
        yield* client.send(`hello ${index}`, peer)
        yield* client.send(`again ${index}`, peer)
      }
      yield* until(() => clients.every(({ received }) => received.length === 2))
      for (const [index, { received }] of clients.entries()) {
        assert.deepStrictEqual(received, [`HELLO ${index}`, `AGAIN ${index}`])
      }
      const passed = { datagrams: 6, bytes: 42 }
      assert.deepStrictEqual(stats(), {
        ...{ udp: 3, tcp: 0, refused: 0, lost: { kernel: 0, queue: 0 } },
        ...{ toServer: passed, toClients: passed }
      })
    })
  )

  test(
    "sends to the port from which the server answers, until the next request",
    Effect.gen(function* () {
      const server = yield* portChangingServer
      const { peer } = yield* proxyTo(server.address, "")
      const client = yield* inbox
      yield* client.send("read", peer)
      yield* until(() => client.received.length === 1)
      yield* client.send("ack 1", peer)
      yield* until(() => client.received.length === 2)
      assert.deepStrictEqual(client.received, ["from elsewhere", "transfer ack 1"])
      yield* client.send("\0\u0001file\0octet\0", peer)
      yield* until(() => client.received.length === 3)
      const requests = ["well-known read", "transfer ack 1", "well-known \0\u0001file\0octet\0"]
      assert.deepStrictEqual(server.requests, requests)
    })
  )

  test(
    "passes rot13 datagrams that are delayed and reordered",
    Effect.gen(function* () {
      const server = yield* Rot13Udp.serve({})
      const { peer } = yield* proxyTo(server.local, "reorder=#1:2, delay=1ms..5ms")
      const client = yield* inbox
      const words = ["one", "two", "three", "four"]
      for (const word of words) yield* client.send(word, peer)
      yield* until(() => client.received.length === words.length)
      assert.sameMembers(client.received, ["bar", "gjb", "guerr", "sbhe"])
    })
  )

  test(
    "ignores datagrams of other hosts than the server",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const clients: Array<Endpoint.Endpoint> = []
      const server = yield* network.udp({}, (_, from) => clients.push(from))
      const otherHost = yield* network.udp({ host: "127.0.0.2" }, () => {})
      const { peer } = yield* proxyTo(server.local, "")
      const client = yield* inbox
      yield* client.send("hello", peer)
      yield* until(() => clients.length === 1)
      yield* otherHost.send(new TextEncoder().encode("psst"), clients[0])
      yield* server.send(new TextEncoder().encode("answer"), clients[0])
      yield* until(() => client.received.length > 0)
      assert.deepStrictEqual(client.received, ["answer"])
    })
  )

  test(
    "duplicates the first request with dup=#1",
    Effect.gen(function* () {
      const server = yield* upperCaseServer
      const { counts, peer } = yield* proxyTo(server.address, "dup=#1")
      const client = yield* inbox
      yield* client.send("a", peer)
      yield* until(() => client.received.length === 2)
      assert.deepStrictEqual(server.requests, ["a", "a"])
      assert.deepStrictEqual(counts(), [1])
    })
  )

  test(
    "loses the first reply with drop=#2, which counts requests and replies",
    Effect.gen(function* () {
      const server = yield* upperCaseServer
      const { stats, peer } = yield* proxyTo(server.address, "drop=#2")
      const client = yield* inbox
      yield* client.send("a", peer)
      yield* until(() => stats().toClients.datagrams === 1)
      yield* client.send("b", peer)
      yield* until(() => client.received.length === 1)
      assert.deepStrictEqual(client.received, ["B"])
      assert.deepStrictEqual(server.requests, ["a", "b"])
    })
  )

  test(
    "limits its clients, and removes idle ones",
    Effect.gen(function* () {
      const server = yield* upperCaseServer
      const limits = { maxClients: 1, idleTimeout: "300 millis" } as const
      const { events, stats, peer } = yield* proxyTo(server.address, "", limits)
      const observed: Array<string> = []
      yield* Effect.forkChild(
        Stream.runForEach(events, ({ _tag, client }) =>
          Effect.sync(() => observed.push(`${_tag} ${client.port === one.socket.local.port ? "one" : "other"}`))
        ),
        { startImmediately: true }
      )
      const one = yield* inbox
      const other = yield* inbox
      yield* one.send("one", peer)
      yield* other.send("other", peer)
      yield* until(() => stats().refused === 1 && one.received.length === 1)
      yield* until(() => stats().udp === 0)
      yield* other.send("other", peer)
      yield* until(() => other.received.length === 1)
      assert.deepStrictEqual(server.requests, ["one", "other"])
      assert.deepStrictEqual(observed, ["Added one", "Refused other", "Removed one", "Added other"])
    })
  )
})

describe("ImpairProxy over TCP", () => {
  const connect = Effect.fnUntraced(function* (address: NetAddress.SocketAddress) {
    return yield* (yield* Network.Network).connect(address)
  })

  test(
    "passes megabytes and half-closes",
    Effect.gen(function* () {
      const { address, stats } = yield* proxyTo(yield* echo, "")
      const client = yield* connect(address)
      const all = pseudoRandomBytes(4 << 20)
      yield* Effect.forkChild(Effect.andThen(client.write(all.slice()), client.end))
      assert.isTrue((yield* readAll(client)).equals(all))
      const passed = { datagrams: 0, bytes: all.length }
      assert.deepInclude(stats(), { toServer: passed, toClients: passed })
    })
  )

  test(
    "cuts the reply with cut=3",
    Effect.gen(function* () {
      const { address } = yield* proxyTo(yield* echo, "cut=3 127.0.0.1>*, chunk=1")
      const client = yield* connect(address)
      yield* client.write("abcdef")
      yield* client.end
      assert.strictEqual(`${yield* readAll(client)}`, "abc")
    })
  )

  test(
    "resets the client if the server refuses",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const closed = yield* Effect.scoped(Effect.map(network.listen({ port: 0 }), ({ address }) => address))
      const { address, events, stats, statsEvery } = yield* proxyTo(closed, "")
      const observed = yield* Effect.forkChild(
        Stream.runCollect(Stream.map(Stream.take(events, 3), ({ _tag, transport }) => `${_tag} ${transport}`)),
        { startImmediately: true }
      )
      const client = yield* connect(address)
      assert.strictEqual(yield* outcome(client.pull), "Reset")
      yield* until(() => stats().tcp === 0)
      assert.strictEqual(stats().refused, 1)
      assert.deepStrictEqual(yield* Fiber.join(observed), ["Added tcp", "Refused tcp", "Removed tcp"])
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(statsEvery("1 millis"), 2)), [stats(), stats()])
    })
  )

  test(
    "resets the server when the client resets",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const listener = yield* network.listen({ port: 0 })
      const { address } = yield* proxyTo(listener.address, "", { transports: ["tcp"] })
      const client = yield* connect(address)
      const server = yield* listener.accept
      yield* client.write("abc")
      yield* read(server, 3)
      yield* client.abort
      assert.strictEqual(yield* outcome(server.pull), "Reset")
      yield* turns(1)
    })
  )
})
