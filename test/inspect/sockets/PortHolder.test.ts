import * as ChildProcess from "node:child_process"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as PortHolder from "../../../src/inspect/sockets/PortHolder.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import { formatTable, row } from "./ProcFiles.ts"

const table = `\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:042B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 0100007F:042B 0100007F:8AE2 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1
   2: 0100007F:042C 0100007F:8AE3 06 00000000:00000000 03:000003E8 00000000     0        0 0 3 0
   3: 0100007F:042C 0100007F:8AE4 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0
`

/** A host with sockets of IPv4 and, as text of its table, of IPv6; the process with the number has the inode. */
const hostOf = (
  v4: ReadonlyArray<readonly [address: string, inode: number]>,
  v6: string,
  visible: ReadonlyArray<number>
) =>
  FileSystem.layerNoop({
    readFileString: (path) => {
      const rows = v4.map(([localAddress, inode]) => row({ localAddress, inode }))
      if (path === "/proc/net/tcp") return Effect.succeed(new TextDecoder().decode(formatTable(rows)))
      if (path === "/proc/net/tcp6") return Effect.succeed(v6)
      return Effect.succeed(path.endsWith("/cmdline") ? "server\0" : "")
    },
    readDirectory: (path) => Effect.succeed(path === "/proc" ? visible.map(String) : ["3"]),
    readLink: (path) => Effect.succeed(`socket:[${path.split("/")[2]}]`)
  })

/** The table of IPv6 with one listener. */
const tableOfIpv6 = (address: string, inode: number) =>
  `titles\n   0: ${address}:042B ${"0".repeat(32)}:0000 0A 00000000:00000000 00:00000000 00000000  0  0 ${inode} 1 0\n`

const wildcardOfIpv6 = "0".repeat(32)
const mappedIpv4 = "0000000000000000FFFF00003D00007F"

/** A process that binds a port of an address, of both protocols. */
const otherProcess = Effect.fnUntraced(function* (protocol: "tcp" | "udp", host: string, port: number) {
  const program =
    protocol === "tcp"
      ? "require('net').createServer().listen(+process.argv[2], process.argv[1], () => console.log('up'))"
      : "const s = require('dgram').createSocket(process.argv[1].includes(':') ? 'udp6' : 'udp4'); " +
        "s.bind(+process.argv[2], process.argv[1], () => console.log('up'))"
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(process.execPath, ["-e", program, host, `${port}`])),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  yield* Effect.callback<void>((resume) => void child.stdout.once("data", () => resume(Effect.void)))
  return child.pid
})

describe("PortHolder", () => {
  it.each([
    ["127.0.0.61", "127.0.0.61", "same"],
    ["127.0.0.61", "127.0.0.1", undefined],
    ["127.0.0.61", "0.0.0.0", "wildcard"],
    ["0.0.0.0", "127.0.0.1", "wildcard"],
    ["127.0.0.61", "::ffff:127.0.0.61", "same"],
    ["::ffff:127.0.0.61", "127.0.0.61", "same"],
    ["127.0.0.61", "::ffff:0.0.0.0", "wildcard"],
    ["127.0.0.61", "::", "possible"],
    ["0.0.0.0", "::", "possible"],
    ["127.0.0.61", "::1", undefined],
    ["0.0.0.0", "::1", undefined],
    ["::1", "::1", "same"],
    ["::1", "::", "wildcard"],
    ["::1", "0.0.0.0", undefined],
    ["::1", "fe80::1", undefined],
    ["fe80::1%lo", "fe80::1", "same"],
    ["::", "::1", "wildcard"],
    ["::", "127.0.0.1", "wildcard"],
    ["::", "0.0.0.0", "wildcard"]
  ] as const)("conflictOf a wanted %s with a bound %s is %s", (wanted, bound, conflict) => {
    assert.strictEqual(PortHolder.conflictOf(wanted, bound), conflict)
  })

  const both: Parameters<typeof hostOf>[0] = [
    ["127.0.0.1", 11],
    ["127.0.0.61", 22]
  ]
  it.effect.each([
    ["of the same address, not the first of the port", "127.0.0.61", hostOf(both, "", [11, 22]), 22],
    ["of no other address if that process is hidden", "127.0.0.61", hostOf(both, "", [11]), undefined],
    ["of no other address at all", "127.0.0.62", hostOf(both, "", [11, 22]), undefined],
    ["of any address for a wildcard", "0.0.0.0", hostOf(both, "", [22]), 22],
    ["of an address that is mapped into IPv6", "127.0.0.61", hostOf([], tableOfIpv6(mappedIpv4, 33), [33]), 33],
    [
      "of a wildcard of IPv6 if nothing else has the port",
      "127.0.0.61",
      hostOf([], tableOfIpv6(wildcardOfIpv6, 33), [33]),
      33
    ],
    [
      "of the address rather than a wildcard of IPv6",
      "127.0.0.61",
      hostOf(both, tableOfIpv6(wildcardOfIpv6, 33), [33, 22]),
      22
    ],
    [
      "of no wildcard of IPv6 if that of the address is hidden",
      "127.0.0.61",
      hostOf(both, tableOfIpv6(wildcardOfIpv6, 33), [33]),
      undefined
    ]
  ] as const)("findListeningProcess finds the process %s", ([, address, host, pid]) =>
    Effect.gen(function* () {
      const holder = yield* PortHolder.findListeningProcess({ address, port: 1067 }, "tcp")
      assert.strictEqual(holder?.pid, pid)
    }).pipe(Effect.provide(host))
  )

  it("listeningInodes returns listening sockets of the port, not connected ones", () => {
    assert.deepStrictEqual(PortHolder.listeningInodes(table, 1067, "tcp"), ["4242"])
    assert.deepStrictEqual(PortHolder.listeningInodes(table, 1068, "tcp"), [])
  })

  it("timeWaitMillis returns the longest remaining time of the port", () => {
    const wait = (address: string | undefined, port: number) => PortHolder.timeWaitMillis(table, { address, port })
    assert.deepStrictEqual([wait("127.0.0.1", 1068), wait("::", 1068), wait(undefined, 1068)], [60_000, 60_000, 60_000])
    assert.deepStrictEqual([wait("127.0.0.1", 1067), wait("127.0.0.2", 1068)], [undefined, undefined])
  })

  it.prop("timeWaitMillis never throws", [Schema.String], ([text]) => {
    assert.isUndefined(PortHolder.timeWaitMillis(text, { address: undefined, port: 1068 }))
  })

  it.prop(
    "listeningInodes never throws, and returns at most one inode per line",
    [Schema.String, Schema.Literals(["tcp", "udp"])],
    ([text, protocol]) => {
      assert.isAtMost(PortHolder.listeningInodes(text, 1067, protocol).length, text.split("\n").length)
    }
  )

  const onLinux = it.live.skipIf(process.platform !== "linux")

  onLinux("findTimeWaitMillis finds what a server left that closed a connection first (skipped without /proc)", () =>
    Effect.gen(function* () {
      const network = yield* Network.Network
      const port = yield* Effect.scoped(
        Effect.gen(function* () {
          const listener = yield* network.listen({ port: 0 })
          const client = yield* network.connect(listener.address)
          const server = yield* listener.accept
          yield* server.end
          yield* Effect.ignore(client.pull)
          yield* client.end
          yield* Effect.ignore(server.pull)
          return (listener.address as NetAddress.InetAddress).port
        })
      )
      const millis = (yield* PortHolder.findTimeWaitMillis({ address: "127.0.0.1", port })) ?? 0
      assert.isAbove(millis, 0)
      assert.isAtMost(millis, 60_000)
      // Sockets with SO_REUSEADDR leave no obstacle.
      yield* network.listen({ port })
    }).pipe(Effect.scoped, Effect.provide([NodeNetwork.layer, NodeFileSystem.layer]))
  )

  for (const protocol of ["tcp", "udp"] as const) {
    onLinux(`findListeningProcess finds this process by its ${protocol} port (skipped without /proc)`, () =>
      Effect.gen(function* () {
        const network = yield* Network.Network
        const address =
          protocol === "tcp" ? (yield* network.listen({ port: 0 })).address : (yield* network.udp({}, () => {})).local
        const holder = yield* PortHolder.findListeningProcess(
          { address: "127.0.0.1", port: (address as NetAddress.InetAddress).port },
          protocol
        )
        assert.strictEqual(holder?.pid, process.pid)
        assert.include(holder?.command, "node")
      }).pipe(Effect.scoped, Effect.provide([NodeNetwork.layer, NodeFileSystem.layer]))
    )
  }

  for (const protocol of ["tcp", "udp"] as const) {
    onLinux(`findListeningProcess tells servers of a ${protocol} port by their addresses (skipped without /proc)`, () =>
      Effect.gen(function* () {
        const network = yield* Network.Network
        const own =
          protocol === "tcp"
            ? (yield* network.listen({ host: "127.0.0.78", port: 0 })).address
            : (yield* network.udp({ host: "127.0.0.78" }, () => {})).local
        const { port } = own as NetAddress.InetAddress
        const other = yield* otherProcess(protocol, "127.0.0.79", port)
        const find = (address: string) =>
          Effect.map(PortHolder.findListeningProcess({ address, port }, protocol), (holder) => [
            holder?.pid,
            holder?.address
          ])
        assert.deepStrictEqual(yield* find("127.0.0.78"), [process.pid, "127.0.0.78"])
        assert.deepStrictEqual(yield* find("127.0.0.79"), [other, "127.0.0.79"])
        assert.deepStrictEqual(yield* find("127.0.0.80"), [undefined, undefined])
        const mapped = yield* otherProcess(protocol, "::ffff:127.0.0.80", port)
        assert.deepStrictEqual(yield* find("127.0.0.80"), [mapped, "::ffff:127.0.0.80"])
      }).pipe(Effect.scoped, Effect.provide([NodeNetwork.layer, NodeFileSystem.layer]))
    )
  }
})
