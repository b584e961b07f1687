import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as TcpServer from "../../src/network/TcpServer.ts"
import * as Rot13 from "../../src/rot13/Rot13.ts"
import * as Rot13Client from "../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../src/rot13/Rot13Server.ts"
import * as Rot13Udp from "../../src/rot13/Rot13Udp.ts"
import * as Handles from "../support/Handles.ts"
import { outcome, pseudoRandomBytes, read, readAll } from "../support/Hosts.ts"
import { withEnvironment } from "../support/Observing.ts"

const onHost = <A, E>(body: Effect.Effect<A, E, Network.Network | Scope.Scope>) =>
  Handles.assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))

const connectTo = (address: NetAddress.SocketAddress) =>
  Effect.flatMap(Network.Network, (network) => network.connect(address))

const bytes = (text: string) => new TextEncoder().encode(text)
const rotated = (plain: Uint8Array, letters?: Rot13.Case) => Rot13.rotate(Uint8Array.from(plain), letters)

describe("Rot13Server", () => {
  it.live.each([
    ["both", "Uryyb, Jbeyq!"],
    ["lower", "Hryyb, Wbeyq!"]
  ] as const)("rotates letters of case %s", ([letters, answer]) =>
    onHost(
      Effect.gen(function* () {
        const server = yield* Rot13Server.make({ port: 0, case: letters })
        const connection = yield* connectTo(server.address)
        yield* connection.write("Hello, World!")
        yield* connection.end
        assert.strictEqual((yield* readAll(connection)).toString(), answer)
      })
    )
  )

  it.live("layerConfig takes port, case and limits from the environment, before the defaults", () =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* Rot13Server.Rot13Server
        const connection = yield* connectTo(address)
        yield* connection.write("Hello")
        assert.strictEqual((yield* read(connection, 5)).toString(), "Hryyb")
        assert.strictEqual((yield* readAll(yield* connectTo(address))).toString(), "busy")
      }).pipe(
        Effect.provide(Rot13Server.layerConfig({ case: "both", busyMessage: "busy" })),
        withEnvironment({ ROT13_PORT: "0", ROT13_CASE: "lower", ROT13_MAX_CONNECTIONS: "1" })
      )
    )
  )

  it.live("replies to all input of a client that half-closes", () =>
    onHost(
      Effect.gen(function* () {
        const server = yield* Rot13Server.make({ port: 0 })
        const connection = yield* connectTo(server.address)
        const plain = pseudoRandomBytes(1 << 20)
        yield* Effect.forkScoped(Effect.andThen(connection.write(Uint8Array.from(plain)), connection.end))
        assert.isTrue(Buffer.from(rotated(plain)).equals(yield* readAll(connection)))
      })
    )
  )

  it.effect.prop(
    "requestStream returns its input rotated, for any chunks",
    [Schema.Array(Schema.Uint8Array)],
    ([chunks]) =>
      onHost(
        Effect.gen(function* () {
          const server = yield* Rot13Server.make({ port: 0 })
          const connection = yield* connectTo(server.address)
          const input = Stream.fromIterable(chunks.map((chunk) => Uint8Array.from(chunk)))
          const answer = yield* Stream.runCollect(Rot13Client.requestStream(connection, input))
          assert.deepStrictEqual(Buffer.concat(answer), Buffer.from(rotated(Buffer.concat(chunks))))
        })
      ),
    { arbitrary: { runs: 30 } }
  )
})

describe("Rot13Client", () => {
  const server = (handler: (connection: Network.Connection) => Effect.Effect<void, unknown>) =>
    TcpServer.make({ port: 0 }, handler)

  it.live("request returns the whole reply when it arrives byte by byte", () =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* server((connection) =>
          Effect.gen(function* () {
            const answer = rotated(yield* connection.pull)
            for (const byte of answer) {
              yield* connection.write(Uint8Array.of(byte))
              yield* Effect.promise(() => new Promise(setImmediate))
            }
          })
        )
        const answer = yield* Rot13Client.request(yield* connectTo(address), bytes("Hello"))
        assert.strictEqual(Buffer.from(answer).toString(), "Uryyb")
      })
    )
  )

  it.live("request sends a message larger than all buffers on its way", () =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* Rot13Server.make({ port: 0 })
        const message = pseudoRandomBytes(32 << 20)
        const answer = yield* Rot13Client.request(yield* connectTo(address), Uint8Array.from(message))
        assert.isTrue(Buffer.from(rotated(message)).equals(answer))
      })
    )
  )

  it.live("request and requestStream fail with Closed if the server ends early", () =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* server((connection) => Effect.andThen(connection.pull, connection.write("Ury")))
        const asked = Rot13Client.request(yield* connectTo(address), bytes("Hello"))
        assert.strictEqual(yield* outcome(asked), "Closed")
        const streamed = Stream.runDrain(
          Rot13Client.requestStream(yield* connectTo(address), Stream.make(bytes("Hello")))
        )
        assert.strictEqual(yield* outcome(streamed), "Closed")
      })
    )
  )

  it.live("request drops bytes beyond the length of its message", () =>
    onHost(
      Effect.gen(function* () {
        const { address } = yield* server((connection) =>
          Effect.andThen(connection.pull, connection.write("Uryyb and more"))
        )
        const answer = yield* Rot13Client.request(yield* connectTo(address), bytes("Hello"))
        assert.strictEqual(Buffer.from(answer).toString(), "Uryyb")
      })
    )
  )
})

describe("Rot13Udp", () => {
  it.live("replies to each datagram with one datagram", () =>
    onHost(
      Effect.gen(function* () {
        const network = yield* Network.Network
        const served = yield* Rot13Udp.serve({}, "both")
        const answers = yield* Queue.unbounded<string>()
        const remote = { address: "127.0.0.1", port: served.local.port }
        const client = yield* network.udp({ remote }, (answer) =>
          Queue.offerUnsafe(answers, Buffer.from(answer).toString())
        )
        for (const text of ["one", "", "two"]) yield* client.send(bytes(text))
        assert.deepStrictEqual(yield* Queue.takeN(answers, 3), ["bar", "", "gjb"])
      })
    )
  )
})
