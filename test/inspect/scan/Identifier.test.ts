import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Identifier from "../../../src/inspect/scan/Identifier.ts"
import type { Transport } from "../../../src/inspect/scan/PortTest.ts"
import type { Identity } from "../../../src/inspect/scan/ServiceProbe.ts"
import * as ServiceProbes from "../../../src/inspect/scan/ServiceProbes.ts"
import * as Network from "../../../src/network/Network.ts"
import * as Rot13 from "../../../src/rot13/Rot13.ts"
import * as Simulated from "../../support/Simulated.ts"

type Reply = (request: Uint8Array) => Uint8Array

/** The requests of each connection to a server; it answers each by `reply`, or does not read at all without one. */
const serve = Effect.fnUntraced(function* (port: number, reply: Reply | undefined, onConnection: () => void) {
  const network = yield* Network.Network
  const listener = yield* network.listen({ host: "0.0.0.0", port })
  const answer = (connection: Network.Connection, to: Reply) =>
    Effect.ignore(Effect.forever(Effect.flatMap(connection.pull, (bytes) => connection.write(to(bytes)))))
  const talk = Effect.gen(function* () {
    const connection = yield* listener.accept
    onConnection()
    yield* Effect.forkScoped(reply === undefined ? Effect.never : answer(connection, reply))
  })
  return yield* Effect.forever(talk)
})

const serveUdp = Effect.fnUntraced(function* (port: number, reply: Reply) {
  const network = yield* Network.Network
  const socket: Network.UdpSocket = yield* network.udp({ host: "0.0.0.0", port }, (bytes, from) =>
    socket.sendUnsafe(reply(bytes), from)
  )
  return yield* Effect.never
})

/** Identifies a port of a simulated server. */
const identify = Effect.fnUntraced(function* (port: number, reply: Reply | undefined, transport: Transport = "tcp") {
  let connections = 0
  return yield* Simulated.run(
    Effect.fnUntraced(function* ({ host }) {
      const [server, scanner] = [yield* host("server"), yield* host("scanner")]
      const program = transport === "tcp" ? serve(port, reply, () => connections++) : serveUdp(port, reply!)
      yield* server.start(Effect.ignore(Effect.scoped(program)))
      const target = { address: server.address, port, transport }
      const startedAt = yield* Clock.currentTimeMillis
      const identity: Identity | undefined = yield* scanner.run(
        Identifier.identify(target, ServiceProbes.common, Identifier.defaultLimits)
      )
      return { identity, connections, millis: (yield* Clock.currentTimeMillis) - startedAt }
    })
  )
})

/** Ports of all kinds of probes, and one of none. */
const ports = [9_999, 22, 25, 53, 80, 443, 5_432, 6_379]

describe("Identifier", () => {
  it.effect.each(ports)("recognizes a server that echoes on port %d", (port) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* identify(port, (bytes) => bytes)).identity, { service: "echo" })
    })
  )

  it.effect.each([9_999, 53, 69, 123])("recognizes a UDP server that echoes on port %d", (port) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* identify(port, (bytes) => bytes, "udp")).identity, { service: "echo" })
    })
  )

  it.effect.each(ports)("does not recognize a server on port %d that returns changed requests", (port) =>
    Effect.gen(function* () {
      const { identity } = yield* identify(port, (bytes) => Rot13.rotate(bytes))
      assert.include([undefined, "unknown"], identity?.service)
    })
  )

  it.effect.each(ports)("opens two connections to a server on port %d that says nothing, for four seconds", (port) =>
    Effect.gen(function* () {
      const { connections, identity, millis } = yield* identify(port, undefined)
      assert.deepStrictEqual([identity, connections], [undefined, 2])
      assert.isAtMost(millis, 4_000)
    })
  )

  it.effect("tries requests of other kinds at a server that ignores lines", () =>
    Effect.gen(function* () {
      // A DNS server waits for as many bytes as the first two say.
      const { identity } = yield* identify(9_999, (bytes) => {
        if (bytes[0] !== 0) return new Uint8Array(0)
        const reply = bytes.slice()
        reply[4] = 0x80
        return reply
      })
      assert.deepStrictEqual(identity, { service: "dns" })
    })
  )
})
