import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as PortHolder from "../../../src/inspect/sockets/PortHolder.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"

const table = `\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:042B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 0100007F:042B 0100007F:8AE2 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1
   2: 0100007F:042C 0100007F:8AE3 06 00000000:00000000 03:000003E8 00000000     0        0 0 3 0
   3: 0100007F:042C 0100007F:8AE4 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0
`

describe("PortHolder", () => {
  it("listeningInodes returns listening sockets of the port, not connected ones", () => {
    assert.deepStrictEqual(PortHolder.listeningInodes(table, 1067, "tcp"), ["4242"])
    assert.deepStrictEqual(PortHolder.listeningInodes(table, 1068, "tcp"), [])
  })

  it("timeWaitMillis returns the longest remaining time of the port", () => {
    assert.strictEqual(PortHolder.timeWaitMillis(table, 1068), 60_000)
    assert.isUndefined(PortHolder.timeWaitMillis(table, 1067))
  })

  it.prop("timeWaitMillis never throws", [Schema.String], ([text]) => {
    assert.isUndefined(PortHolder.timeWaitMillis(text, 1068))
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
      const millis = (yield* PortHolder.findTimeWaitMillis(port)) ?? 0
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
        const holder = yield* PortHolder.findListeningProcess((address as NetAddress.InetAddress).port, protocol)
        assert.strictEqual(holder?.pid, process.pid)
        assert.include(holder?.command, "node")
      }).pipe(Effect.scoped, Effect.provide([NodeNetwork.layer, NodeFileSystem.layer]))
    )
  }
})
