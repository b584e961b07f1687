import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as Rot13Udp from "../../../src/rot13/Rot13Udp.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import * as ImpairProxy from "../../../src/simulation/impairment/ImpairProxy.ts"
import { assertNoLeaks } from "../../support/Handles.ts"
import { Hosts, pseudoRandomBytes, outcome, read, readAll, turns, until } from "../../support/Hosts.ts"

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
  return { ...proxy, counts: impairment.engine.counts, peer: { address: "127.0.0.1", port: proxy.address.port } }
})

/** A socket that keeps the texts it hears. */
const inbox = Effect.gen(function* () {
  const network = yield* Network.Network
  const heard: Array<string> = []
  const socket = yield* network.udp({}, (bytes) => heard.push(Buffer.from(bytes).toString()))
  const send = (text: string, to: Endpoint.Endpoint) => socket.send(new TextEncoder().encode(text), to)
  return { heard, send, socket }
})

/** Answers each datagram with its text in capitals, from the port it came to. */
const shouter = Effect.gen(function* () {
  const network = yield* Network.Network
  const asked: Array<string> = []
  const socket: Network.UdpSocket = yield* network.udp({}, (bytes, from) => {
    const text = Buffer.from(bytes).toString()
    asked.push(text)
    socket.sendUnsafe(new TextEncoder().encode(text.toUpperCase()), from)
  })
  return { asked, address: socket.local }
})

/** Answers the first datagram of a client from a new port, and then is to be talked to there, as TFTP's server is. */
const changer = Effect.gen(function* () {
  const network = yield* Network.Network
  const asked: Array<string> = []
  const answer = (where: string, from: () => Network.UdpSocket) => (bytes: Uint8Array, to: Endpoint.Endpoint) => {
    const text = Buffer.from(bytes).toString()
    asked.push(`${where} ${text}`)
    from().sendUnsafe(new TextEncoder().encode(`${where} ${text}`), to)
  }
  const second: Network.UdpSocket = yield* network.udp(
    {},
    answer("transfer", () => second)
  )
  const first = yield* network.udp({}, (bytes, to) => {
    asked.push(`well-known ${Buffer.from(bytes)}`)
    second.sendUnsafe(new TextEncoder().encode("from elsewhere"), to)
  })
  return { asked, address: first.local }
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
    assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(Layer.merge(Hosts.one(NodeNetwork.layer), NodeNetwork.layer))))
  )

describe("datagrams through a proxy", () => {
  test(
    "each client gets its own answers, and is one client",
    Effect.gen(function* () {
      const server = yield* shouter
      const { stats, peer } = yield* proxyTo(server.address, "")
      const clients = yield* Effect.all([inbox, inbox, inbox])
      for (const [index, client] of clients.entries()) {
        yield* client.send(`hello ${index}`, peer)
        yield* client.send(`again ${index}`, peer)
      }
      yield* until(() => clients.every(({ heard }) => heard.length === 2))
      for (const [index, { heard }] of clients.entries()) {
        assert.deepStrictEqual(heard, [`HELLO ${index}`, `AGAIN ${index}`])
      }
      const passed = { datagrams: 6, bytes: 42 }
      assert.deepStrictEqual(stats(), { udp: 3, tcp: 0, refused: 0, toServer: passed, toClients: passed })
    })
  )

  test(
    "it follows a server that answers from another port, until the next request",
    Effect.gen(function* () {
      const server = yield* changer
      const { peer } = yield* proxyTo(server.address, "")
      const client = yield* inbox
      yield* client.send("read", peer)
      yield* until(() => client.heard.length === 1)
      yield* client.send("ack 1", peer)
      yield* until(() => client.heard.length === 2)
      assert.deepStrictEqual(client.heard, ["from elsewhere", "transfer ack 1"])
      yield* client.send("\0\u0001file\0octet\0", peer)
      yield* until(() => client.heard.length === 3)
      const asked = ["well-known read", "transfer ack 1", "well-known \0\u0001file\0octet\0"]
      assert.deepStrictEqual(server.asked, asked)
    })
  )

  test(
    "rot13, with everything late and in another order",
    Effect.gen(function* () {
      const server = yield* Rot13Udp.serve({})
      const { peer } = yield* proxyTo(server.local, "reorder=#1:2, delay=1ms..5ms")
      const client = yield* inbox
      const words = ["one", "two", "three", "four"]
      for (const word of words) yield* client.send(word, peer)
      yield* until(() => client.heard.length === words.length)
      assert.sameMembers(client.heard, ["bar", "gjb", "guerr", "sbhe"])
    })
  )

  test(
    "what comes from another host is no answer",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const clients: Array<Endpoint.Endpoint> = []
      const server = yield* network.udp({}, (_, from) => clients.push(from))
      const stranger = yield* network.udp({ host: "127.0.0.2" }, () => {})
      const { peer } = yield* proxyTo(server.local, "")
      const client = yield* inbox
      yield* client.send("hello", peer)
      yield* until(() => clients.length === 1)
      yield* stranger.send(new TextEncoder().encode("psst"), clients[0])
      yield* server.send(new TextEncoder().encode("answer"), clients[0])
      yield* until(() => client.heard.length > 0)
      assert.deepStrictEqual(client.heard, ["answer"])
    })
  )

  test(
    "dup=#1 doubles the first request",
    Effect.gen(function* () {
      const server = yield* shouter
      const { counts, peer } = yield* proxyTo(server.address, "dup=#1")
      const client = yield* inbox
      yield* client.send("a", peer)
      yield* until(() => client.heard.length === 2)
      assert.deepStrictEqual(server.asked, ["a", "a"])
      assert.deepStrictEqual(counts(), [1])
    })
  )

  test(
    "drop=#2 loses the first answer: requests and answers are counted together",
    Effect.gen(function* () {
      const server = yield* shouter
      const { stats, peer } = yield* proxyTo(server.address, "drop=#2")
      const client = yield* inbox
      yield* client.send("a", peer)
      yield* until(() => stats().toClients.datagrams === 1)
      yield* client.send("b", peer)
      yield* until(() => client.heard.length === 1)
      assert.deepStrictEqual(client.heard, ["B"])
      assert.deepStrictEqual(server.asked, ["a", "b"])
    })
  )

  test(
    "the clients are bounded, and forgotten when they are silent",
    Effect.gen(function* () {
      const server = yield* shouter
      const { stats, peer } = yield* proxyTo(server.address, "", { maxClients: 1, idleTimeout: "300 millis" })
      const one = yield* inbox
      const other = yield* inbox
      yield* one.send("one", peer)
      yield* other.send("other", peer)
      yield* until(() => stats().refused === 1 && one.heard.length === 1)
      yield* until(() => stats().udp === 0)
      yield* other.send("other", peer)
      yield* until(() => other.heard.length === 1)
      assert.deepStrictEqual(server.asked, ["one", "other"])
    })
  )
})

describe("streams through a proxy", () => {
  const connect = Effect.fnUntraced(function* (address: NetAddress.SocketAddress) {
    return yield* (yield* Network.Network).connect(address)
  })

  test(
    "megabytes and half-closes pass",
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
    "a plan for streams: the answer is cut",
    Effect.gen(function* () {
      const { address } = yield* proxyTo(yield* echo, "cut=3 127.0.0.1>*, chunk=1")
      const client = yield* connect(address)
      yield* client.write("abcdef")
      yield* client.end
      assert.strictEqual(`${yield* readAll(client)}`, "abc")
    })
  )

  test(
    "a server that is not there resets the client",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const gone = yield* Effect.scoped(Effect.map(network.listen({ port: 0 }), ({ address }) => address))
      const { address, stats } = yield* proxyTo(gone, "")
      const client = yield* connect(address)
      assert.strictEqual(yield* outcome(client.pull), "Reset")
      yield* until(() => stats().tcp === 0)
      assert.strictEqual(stats().refused, 1)
    })
  )

  test(
    "a client's reset reaches the server, whose last words it does not await",
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
