import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as TestClock from "effect/testing/TestClock"
import * as Line from "../../src/network/Line.ts"
import * as Network from "../../src/network/Network.ts"
import * as TcpServer from "../../src/network/TcpServer.ts"
import { outcome, readAll } from "../support/Hosts.ts"
import { collectUntil } from "../support/Observing.ts"
import { connect, echo, request, test, untilStats, whileTimePasses } from "../support/Servers.ts"

const networks = (...texts: ReadonlyArray<string>) => texts.map(IpNetwork.fromStringUnsafe)

/** Connects and waits for the end of a connection that the server refuses; the reset may arrive with the connect. */
const refused = (server: TcpServer.TcpServer) =>
  outcome(Effect.flatMap(connect(server), ({ pull }) => Effect.forever(pull)))

/** Returns the refused connections of a service in the metrics, by reason. */
const refusals = Effect.fnUntraced(function* (service: string) {
  const own = (yield* Metric.snapshot).filter(({ attributes }) => attributes?.service === service)
  const counts = own.flatMap(({ attributes, state }) =>
    attributes?.reason !== undefined && "count" in state ? [[attributes.reason, Number(state.count)] as const] : []
  )
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
})

describe("TcpServer access", () => {
  test(
    "resets clients of other networks than those allowed, and counts them by reason",
    Effect.gen(function* () {
      const options = { port: 0, service: "access", allow: networks("192.0.2.0/24") }
      const server = yield* TcpServer.make(options, echo)
      const event = yield* collectUntil(server.events, ({ _tag }) => _tag === "Refused")
      assert.strictEqual(yield* refused(server), "Reset")
      assert.include(yield* server.stats, { accepted: 0, refused: 1, active: 0 })
      assert.deepInclude((yield* Fiber.join(event))[0], { _tag: "Refused", reason: "NotAllowed" })
      assert.deepStrictEqual(yield* refusals("access"), { NotAllowed: 1 })
    })
  )

  test(
    "resets clients of denied networks, also if they are allowed",
    Effect.gen(function* () {
      const options = { port: 0, allow: networks("127.0.0.0/8"), deny: networks("127.0.0.1/32") }
      assert.strictEqual(yield* refused(yield* TcpServer.make(options, echo)), "Reset")
      const other = yield* TcpServer.make({ ...options, deny: networks("127.0.0.2/32") }, echo)
      assert.strictEqual(yield* request(yield* connect(other), "a"), "a")
    })
  )

  test(
    "resets clients above the rate, and accepts them again later",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, service: "rates", connectionsPerSecondPerPeer: 2 }, echo)
      for (const text of ["a", "b"]) assert.strictEqual(yield* request(yield* connect(server), text), text)
      assert.strictEqual(yield* refused(server), "Reset")
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* request(yield* connect(server), "c"), "c")
      assert.strictEqual(yield* refused(server), "Reset")
      assert.include(yield* server.stats, { accepted: 3, refused: 2 })
      assert.deepStrictEqual(yield* refusals("rates"), { RateExceeded: 2 })
    })
  )
})

describe("TcpServer.reconfigure", () => {
  test(
    "applies limits to new connections, and keeps the open ones",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, maxConnections: 2 }, echo)
      const first = yield* connect(server)
      assert.strictEqual(yield* request(first, "a"), "a")
      yield* server.reconfigure({ maxConnections: 1, busyMessage: "busy\n" })
      assert.strictEqual((yield* readAll(yield* connect(server))).toString(), "busy\n")
      yield* server.reconfigure({ deny: networks("127.0.0.0/8") })
      assert.strictEqual(yield* refused(server), "Reset")
      yield* server.reconfigure({ maxConnectionsPerPeer: 2 })
      const second = yield* connect(server)
      assert.strictEqual(yield* request(second, "b"), "b")
      assert.strictEqual((yield* readAll(yield* connect(server))).length, 0)
      yield* first.end
      yield* readAll(first)
      yield* untilStats(server, ({ active }) => active === 1)
      assert.strictEqual(yield* request(yield* connect(server), "c"), "c")
      assert.strictEqual(yield* request(second, "d"), "d")
    })
  )

  test(
    "applies deadlines to open connections, and returns to the defaults",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, idleTimeout: "1 hour" }, echo)
      const connection = yield* connect(server)
      yield* request(connection, "a")
      yield* TestClock.adjust("59 minutes")
      assert.include(yield* server.stats, { active: 1, timedOut: 0 })
      yield* request(connection, "b")
      yield* server.reconfigure({})
      yield* TestClock.adjust("59 seconds")
      assert.include(yield* server.stats, { active: 1, timedOut: 0 })
      yield* whileTimePasses(readAll(connection))
      assert.include(yield* server.stats, { timedOut: 1 })
    })
  )
})

describe("TcpServer with proxyProtocol", () => {
  const greet = (connection: Network.Connection) =>
    Effect.andThen(connection.write(`hello ${NetAddress.formatSocketAddress(connection.remote)}\n`), echo(connection))
  const header = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 1067\r\n"

  test(
    "gives the handler the client's addresses and the bytes after the header",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, proxyProtocol: true }, greet)
      const events = yield* collectUntil(server.events, ({ _tag }) => _tag === "Accepted")
      for (const pieces of [[`${header}rest`], [header.slice(0, 9), `${header.slice(9)}re`, "st"]]) {
        const connection = yield* connect(server)
        for (const piece of pieces) yield* connection.write(piece)
        yield* connection.end
        assert.strictEqual((yield* readAll(connection)).toString(), "hello 192.0.2.7:56324\nrest")
      }
      const [event] = yield* Fiber.join(events)
      assert.strictEqual(event?._tag === "Accepted" ? String(event.remote) : undefined, "192.0.2.7:56324")
    })
  )

  test(
    "keeps the proxy's address for a connection of its own",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, proxyProtocol: true }, greet)
      const connection = yield* connect(server)
      yield* connection.write("PROXY UNKNOWN\r\n")
      yield* connection.end
      assert.strictEqual((yield* readAll(connection)).toString(), `hello ${connection.local}\n`)
    })
  )

  test(
    "applies access and limits to the client, not to the proxy",
    Effect.gen(function* () {
      const options = { port: 0, proxyProtocol: true, maxConnectionsPerPeer: 1, busyMessage: "busy\n" }
      const server = yield* TcpServer.make({ ...options, deny: networks("127.0.0.0/8", "203.0.113.0/24") }, greet)
      const hello = Effect.fnUntraced(function* (ip: string) {
        const connection = yield* connect(server)
        yield* connection.write(`PROXY TCP4 ${ip} 198.51.100.1 1 2\r\n`)
        return yield* outcome(Effect.map(connection.pull, String))
      })
      assert.strictEqual(yield* hello("192.0.2.7"), "Success")
      assert.strictEqual(yield* hello("192.0.2.8"), "Success")
      assert.strictEqual(yield* hello("203.0.113.1"), "Reset")
      const again = yield* connect(server)
      yield* again.write("PROXY TCP4 192.0.2.7 198.51.100.1 3 4\r\n")
      assert.strictEqual((yield* readAll(again)).toString(), "busy\n")
      assert.include(yield* server.stats, { active: 2, accepted: 2, refused: 2 })
    })
  )

  test(
    "resets clients without a header or with half of one after 5 seconds, and logs that once a minute",
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const recorder = Logger.make(({ message }) => lines.push(...[message].flat()))
      const options = { port: 0, service: "proxied", proxyProtocol: true, maxConnections: 2 }
      const server = yield* TcpServer.make(options, greet).pipe(Effect.provide(Logger.layer([recorder])))
      const malformed = yield* connect(server)
      yield* malformed.write("GET / HTTP/1.1\r\n")
      assert.strictEqual(yield* outcome(Effect.forever(malformed.pull)), "Reset")
      const slow = yield* connect(server)
      yield* slow.write("PROXY TCP4 1")
      yield* untilStats(server, ({ bytesReceived }) => bytesReceived >= 28)
      yield* TestClock.adjust("4 seconds")
      yield* slow.write("9")
      assert.include(yield* server.stats, { active: 1, refused: 1 })
      assert.strictEqual(yield* whileTimePasses(outcome(Effect.forever(slow.pull))), "Reset")
      yield* untilStats(server, ({ active }) => active === 0)
      assert.deepStrictEqual(yield* refusals("proxied"), { InvalidProxyHeader: 2 })
      assert.deepStrictEqual(lines, [
        "1 connection refused: invalid PROXY header: the stream begins with other bytes; connect through the proxy"
      ])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(lines.slice(1), [
        "1 connection refused in the last minute: incomplete PROXY header; connect through the proxy"
      ])
    })
  )

  test(
    "counts connections whose header is missing as open",
    Effect.gen(function* () {
      const options = { port: 0, proxyProtocol: true, maxConnections: 1, busyMessage: "busy\n" }
      const server = yield* TcpServer.make(options, greet)
      yield* connect(server)
      yield* untilStats(server, ({ active }) => active === 1)
      assert.strictEqual((yield* readAll(yield* connect(server))).toString(), "busy\n")
    })
  )
})

describe("TcpServer without descriptors", () => {
  const address = NetAddress.inetAddressFromIpStringUnsafe("192.0.2.1", 1067)
  const cause = new Error("too many open files (limit 100)")

  /** A network without descriptors for its first clients. */
  const refusing = (clients: number) =>
    Effect.map(Deferred.make<never>(), (waiting) => {
      let refusedClients = clients
      return Network.Network.of({
        ...({} as Network.Network["Service"]),
        availableSockets: () => 100,
        listen: () =>
          Effect.succeed({
            address,
            accept: Effect.suspend(() =>
              refusedClients-- > 0
                ? Effect.fail(new Network.NetworkError({ reason: "NoDescriptors", address, cause }))
                : Deferred.await(waiting)
            )
          })
      })
    })

  it.effect("counts the refused clients, logs them once a minute with the limit, and goes on", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const recorder = Logger.make(({ message }) => lines.push(...[message].flat()))
      const network = yield* refusing(3)
      const server = yield* TcpServer.make({ port: 0, service: "files" }, echo).pipe(
        Effect.provideService(Network.Network, network),
        Effect.provide(Logger.layer([recorder]))
      )
      const event = yield* collectUntil(server.events, ({ _tag }) => _tag === "Refused")
      while ((yield* server.stats).refused < 3) yield* Effect.yieldNow
      assert.deepInclude((yield* Fiber.join(event))[0], { _tag: "Refused", reason: "NoDescriptors" })
      assert.deepStrictEqual(lines, ["1 connection refused: too many open files (limit 100)"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(lines.slice(1), [
        "2 connections refused in the last minute: too many open files (limit 100)"
      ])
      yield* TestClock.adjust("1 minute")
      assert.match(String(lines[2]), /^descriptors are available again: /)
      assert.lengthOf(lines, 3)
      assert.deepStrictEqual(yield* refusals("files"), { NoDescriptors: 3 })
    }).pipe(Effect.scoped)
  )

  it.effect("logs the refusals that have no line yet when it stops", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const recorder = Logger.make(({ message }) => lines.push(...[message].flat()))
      const network = yield* refusing(3)
      yield* Effect.gen(function* () {
        const server = yield* TcpServer.make({ port: 0 }, echo)
        while ((yield* server.stats).refused < 3) yield* Effect.yieldNow
      }).pipe(Effect.scoped, Effect.provideService(Network.Network, network), Effect.provide(Logger.layer([recorder])))
      assert.deepStrictEqual(lines, [
        "1 connection refused: too many open files (limit 100)",
        "2 connections refused since the last such line: too many open files (limit 100)"
      ])
    })
  )
})

describe("TcpServer idle timeout of lines", () => {
  test(
    "ends clients that send telnet commands or parts of lines only, and frees their places",
    Effect.gen(function* () {
      const maxConnections = 50
      const options = { port: 0, maxConnections, idleTimeout: "20 seconds" } as const
      const server = yield* TcpServer.make(options, (connection, { data, sweeper }) =>
        Effect.gen(function* () {
          const { next } = yield* Line.make(connection, { deadline: "10 minutes", data, sweeper })
          while (true) yield* connection.write(`${yield* next}!\n`)
        }).pipe(Effect.scoped)
      )
      const clients = yield* Effect.forEach(Array.from({ length: maxConnections }), () => connect(server))
      yield* untilStats(server, ({ active }) => active === maxConnections)
      const pieces = [Uint8Array.of(255, 241), Uint8Array.of(97), Uint8Array.of(255, 250), Uint8Array.of(24)]
      for (let second = 0; second < 22; second++) {
        const received = (yield* server.stats).bytesReceived
        for (const [index, client] of clients.entries()) {
          yield* Effect.ignore(client.write(pieces[index % pieces.length]!))
        }
        if (second < 19) yield* untilStats(server, ({ bytesReceived }) => bytesReceived > received)
        yield* TestClock.adjust("1 second")
      }
      // The clock stands still: their bytes did not prolong the 20 seconds.
      yield* untilStats(server, ({ active }) => active === 0)
      assert.include(yield* server.stats, { timedOut: maxConnections })
      const next = yield* connect(server)
      assert.strictEqual(yield* request(next, "hi\n"), "hi!\n")
    })
  )

  test(
    "keeps a client that sends lines within the timeout",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, idleTimeout: "10 seconds" }, (connection, { data, sweeper }) =>
        Effect.gen(function* () {
          const { next } = yield* Line.make(connection, { data, sweeper })
          while (true) yield* connection.write(`${yield* next}!\n`)
        }).pipe(Effect.scoped)
      )
      const client = yield* connect(server)
      for (let second = 0; second < 60; second += 6) {
        assert.strictEqual(yield* request(client, "hi\n"), "hi!\n")
        yield* TestClock.adjust("6 seconds")
      }
      assert.include(yield* server.stats, { active: 1, timedOut: 0 })
    })
  )
})
