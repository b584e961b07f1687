import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../../src/network/Network.ts"
import * as NodeBacklog from "../../../src/network/node/NodeBacklog.ts"
import * as NodeDescriptorBudget from "../../../src/network/node/NodeDescriptorBudget.ts"
import * as NodeInheritedSockets from "../../../src/network/node/NodeInheritedSockets.ts"
import * as NodeListener from "../../../src/network/node/NodeListener.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as TcpServer from "../../../src/network/TcpServer.ts"
import { readAll } from "../../support/Hosts.ts"
import { connect, echo, request, test, untilStats } from "../../support/Servers.ts"

const hasSs = ChildProcess.spawnSync("which", ["ss"]).status === 0
const isRoot = process.getuid?.() === 0

/** Returns the row of ss(8) for the sockets with a local port. */
const ss = (flags: string, address: NetAddress.SocketAddress) => {
  const { port } = address as NetAddress.InetAddress
  return ChildProcess.execFileSync("ss", [flags, `sport = :${port}`], { encoding: "utf8" })
}

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-listen-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

const somaxconn = () => Number(Fs.readFileSync("/proc/sys/net/core/somaxconn", "utf8"))

describe.runIf(hasSs)("a TCP listener", () => {
  test(
    "has a backlog that follows the maximum of connections, from 511 up to the kernel's limit",
    Effect.gen(function* () {
      for (const [maxConnections, backlog] of [
        [10, 511],
        [3_000, 3_000],
        [1_000_000, Infinity]
      ] as const) {
        const { address } = yield* TcpServer.make({ port: 0, maxConnections }, echo)
        assert.strictEqual(ss("-ltnH", address).split(/\s+/)[2], String(Math.min(backlog, somaxconn())))
      }
      const { address } = yield* TcpServer.make({ port: 0, backlog: 7 }, echo)
      assert.strictEqual(ss("-ltnH", address).split(/\s+/)[2], "7")
    }),
    it.live
  )

  test(
    "probes idle connections after the keep-alive time",
    Effect.gen(function* () {
      const server = yield* TcpServer.make({ port: 0, keepAlive: "10 minutes" }, echo)
      yield* request(yield* connect(server), "a")
      assert.match(ss("-tnoH", server.address), /timer:\(keepalive,(9min|10min)/)
      const other = yield* TcpServer.make({ port: 0 }, echo)
      yield* request(yield* connect(other), "a")
      assert.notInclude(ss("-tnoH", other.address), "keepalive")
    }),
    it.live
  )
})

describe("NodeBacklog", () => {
  it.effect("logs the first backlog above the kernel's limit, with the limit and a fix", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const recorder = Logger.make(({ message }) => lines.push(...[message].flat()))
      const limit = NodeBacklog.make(() => 4_096)
      const backlogs = yield* Effect.forEach([511, 4_096, 5_000, 6_000], limit).pipe(
        Effect.provide(Logger.layer([recorder]))
      )
      assert.deepStrictEqual(backlogs, [511, 4_096, 4_096, 4_096])
      assert.deepStrictEqual(lines, [
        "backlog reduced to 4096: the kernel allows no more (wanted 5000, net.core.somaxconn 4096); raise it with sysctl -w net.core.somaxconn=5000"
      ])
    })
  )
})

describe("a unix listener", () => {
  test(
    "creates its file with the mode, whatever the umask, and refuses what the mode does not allow",
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "socket")
      for (const mode of [0o600, 0o666, 0o660]) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const server = yield* TcpServer.make({ path, mode }, echo)
            assert.strictEqual(Fs.statSync(path).mode & 0o777, mode)
            assert.strictEqual(yield* request(yield* connect(server), "a"), "a")
          })
        )
      }
    }),
    it.live
  )

  it.live.skipIf(!isRoot)("gives its file to an owner (needs root)", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* directory, "socket")
      const server = yield* TcpServer.make({ path, mode: 0o600, owner: { uid: 65_534, gid: 65_533 } }, echo)
      const { gid, mode, uid } = Fs.statSync(path)
      assert.deepStrictEqual([uid, gid, mode & 0o777], [65_534, 65_533, 0o600])
      assert.strictEqual(yield* request(yield* connect(server), "a"), "a")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )
})

describe("a listener without descriptors", () => {
  test(
    "refuses single clients, and goes on",
    Effect.gen(function* () {
      const network = yield* Network.Network
      // A process with 256 sockets, whose limit keeps 64 descriptors for other work: the listener and two clients fit.
      const budget = NodeDescriptorBudget.make(323)
      for (let at = 0; at < 256; at++) budget.track({ on: () => undefined })
      const listen = NodeListener.listen(budget, NodeBacklog.make(), NodeInheritedSockets.make([]))
      const tight = Network.Network.of({ ...network, listen })
      const server = yield* TcpServer.make({ port: 0, maxConnections: 10 }, echo).pipe(
        Effect.provideService(Network.Network, tight),
        Effect.provide(Logger.layer([]))
      )
      const [first, second] = [yield* connect(server), yield* connect(server)]
      for (const client of [first, second]) assert.strictEqual(yield* request(client, "a"), "a")
      assert.strictEqual((yield* readAll(yield* connect(server))).length, 0)
      yield* untilStats(server, ({ refused }) => refused === 1)
      yield* first.end
      yield* readAll(first)
      yield* untilStats(server, ({ active }) => active === 1)
      assert.strictEqual(yield* request(yield* connect(server), "b"), "b")
    }),
    it.live
  )

  test(
    "fails an accept with the client's address and the limit, and does not listen if no client fits",
    Effect.gen(function* () {
      const network = yield* Network.Network
      let open = 55
      const listen = NodeListener.listen(
        NodeDescriptorBudget.make(65, () => open),
        NodeBacklog.make(),
        NodeInheritedSockets.make([])
      )
      const listener = yield* listen({ port: 0 })
      open = 58
      yield* network.connect(listener.address)
      const error = yield* Effect.flip(Effect.asVoid(listener.accept))
      assert.strictEqual(error.reason, "NoDescriptors")
      assert.match(error.message, /^127\.0\.0\.1:\d+: too many open files \(limit 65, 8 of them reserved/)
      open = 56
      const refused = yield* Effect.flip(Effect.asVoid(listen({ port: 0 })))
      assert.match(refused.message, /^127\.0\.0\.1:0: too many open files \(limit 65, /)
    }),
    it.live
  )
})
