import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Guess from "../../src/guess/Guess.ts"
import * as GuessServer from "../../src/guess/GuessServer.ts"
import * as Network from "../../src/network/Network.ts"
import * as ClientInfo from "../../src/session/ClientInfo.ts"
import * as NodeProcesses from "../../src/session/NodeProcesses.ts"
import * as NodeThreads from "../../src/session/NodeThreads.ts"
import * as Select from "../../src/session/Select.ts"
import { read, readAll } from "../support/Hosts.ts"
import { collectUntil, describeSpans, withEnvironment, withSpans } from "../support/Observing.ts"
import { test, untilStats } from "../support/Servers.ts"

const seed = 7
/** Number that the first client of a server with this seed has to find. */
const first = Guess.target({ min: 1, max: 1_000 }, { seed: ClientInfo.seedFor(seed, 1) })

const connect = Effect.fnUntraced(function* (options: Partial<GuessServer.Options> = {}) {
  const network = yield* Network.Network
  const server = yield* GuessServer.make({ ...options, port: 0, seed })
  return yield* network.connect(server.address)
})

/** Sends a packet and checks the reply. */
const exchange = Effect.fnUntraced(function* (connection: Network.Connection, packet: string, answer: string) {
  yield* connection.write(packet)
  assert.strictEqual((yield* read(connection, answer.length)).toString("latin1"), answer)
})

describe("GuessServer", () => {
  test(
    "sends the replies of the course's server, byte for byte, and no greeting",
    Effect.gen(function* () {
      const connection = yield* connect()
      yield* exchange(connection, `${first + 1}\n`, "too big\n")
      yield* exchange(connection, `${first - 1}\r\n`, "too small\n")
      yield* exchange(connection, "what?\n", "too small\n")
      yield* exchange(connection, "-1", "too small\n")
      yield* exchange(connection, "99999999999999999999", "too big\n")
      yield* exchange(connection, "\u0000\u0001\u001b[2J", "too small\n")
      yield* connection.write(`${first}\n`)
      assert.strictEqual((yield* readAll(connection)).toString(), "correct!\n")
    }),
    it.live
  )

  test(
    "takes one read of at most 100 bytes for one guess, and its first number",
    Effect.gen(function* () {
      const connection = yield* connect()
      yield* exchange(connection, `${first + 1}\n${first}\n`, "too big\n")
      yield* exchange(connection, `${" ".repeat(100)}1001`, "too small\ntoo big\n")
      yield* connection.end
      assert.strictEqual((yield* readAll(connection)).length, 0)
    }),
    it.live
  )

  test(
    "takes telnet commands for no guess, also in the middle of one",
    Effect.gen(function* () {
      const connection = yield* connect()
      const guess = String(first + 1)
      yield* connection.write(Uint8Array.of(255, 241, 255))
      yield* connection.write(Uint8Array.of(241))
      yield* connection.write(Buffer.from(`${guess[0]}\xff\xf1${guess.slice(1)}`, "latin1"))
      assert.strictEqual((yield* read(connection, 8)).toString(), "too big\n")
      yield* connection.end
      assert.strictEqual((yield* readAll(connection)).length, 0)
    }),
    it.live
  )

  test(
    "ends a client that sends telnet commands only as an idle one",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const server = yield* GuessServer.make({ port: 0, seed, idleTimeout: "10 seconds" })
      const connection = yield* network.connect(server.address)
      for (let second = 1; second < 10; second++) {
        yield* connection.write(Uint8Array.of(255, 241))
        yield* untilStats(server, ({ bytesReceived }) => bytesReceived === 2 * second)
        yield* TestClock.adjust("1 second")
      }
      assert.include(yield* server.stats, { active: 1, timedOut: 0 })
      // The clock stands still from here: its bytes did not prolong the 10 seconds.
      yield* TestClock.adjust("2 seconds")
      yield* untilStats(server, ({ active, timedOut }) => active === 0 && timedOut === 1)
      assert.strictEqual((yield* readAll(connection)).length, 0)
    })
  )

  test(
    "uses the range of its options",
    Effect.gen(function* () {
      const connection = yield* connect({ min: 77, max: 77 })
      yield* exchange(connection, "76", "too small\n")
      yield* connection.write("77")
      assert.strictEqual((yield* readAll(connection)).toString(), "correct!\n")
    }),
    it.live
  )

  for (const model of [Select.model, NodeProcesses.model(), NodeThreads.model({ threads: 1 })]) {
    test(
      `uses the range of its options under the model ${model.name}`,
      Effect.gen(function* () {
        const connection = yield* connect({ min: 5, max: 1_004, model })
        yield* exchange(connection, `${first + 5}`, "too big\n")
        yield* connection.write(`${first + 4}\n`)
        assert.strictEqual((yield* readAll(connection)).toString(), "correct!\n")
      }),
      it.live
    )
  }

  test(
    "layerConfig takes port and range from the environment",
    Effect.gen(function* () {
      const { address } = yield* GuessServer.GuessServer
      const connection = yield* Effect.flatMap(Network.Network, (network) => network.connect(address))
      yield* exchange(connection, "8", "too big\n")
      yield* connection.write("7")
      assert.strictEqual((yield* readAll(connection)).toString(), "correct!\n")
    }).pipe(Effect.provide(GuessServer.layerConfig({ min: 7 })), withEnvironment({ GUESS_PORT: "0", GUESS_MAX: "7" })),
    it.live
  )

  test(
    "runs a game in a span within that of its connection, and reports the connection",
    Effect.gen(function* () {
      const network = yield* Network.Network
      const [server, spans] = yield* withSpans(GuessServer.make({ port: 0, min: 7, max: 7 }))
      const events = yield* collectUntil(server.events, ({ _tag }) => _tag === "Closed")
      const connection = yield* network.connect(server.address)
      yield* connection.write("7")
      yield* readAll(connection)
      const [accepted, closed] = yield* Fiber.join(events)
      assert.include(accepted, { _tag: "Accepted", id: 1 })
      assert.include(closed, { _tag: "Closed", id: 1 })
      assert.deepStrictEqual(
        describeSpans(spans).map(([name, { client, service }]) => [name, client, service]),
        [
          ["TcpServer.connection", 1, "guess"],
          ["Session.serve", 1, undefined]
        ]
      )
      assert.deepStrictEqual(
        spans.map(({ status }) => status._tag),
        ["Ended", "Ended"]
      )
    }),
    it.live
  )

  it.each([
    [{ min: 0 }, "invalid range 0 to default: Expected a whole number from 1 to 2147483647"],
    [{ max: 2.5 }, "2.5: Expected an integer"],
    [{ min: 10, max: 5 }, "invalid range 10 to 5: min must not exceed max"]
  ])("rejects the options %j", (options, message) =>
    test(
      "",
      Effect.gen(function* () {
        const error = yield* Effect.flip(GuessServer.make({ port: 0, ...options }))
        assert.strictEqual(error._tag, "SessionError")
        assert.include(error.message, message)
      }),
      (_, run) => Effect.runPromise(run())
    )
  )
})
