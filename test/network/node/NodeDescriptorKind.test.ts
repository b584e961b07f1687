import * as Fs from "node:fs"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as NodeDescriptorKind from "../../../src/network/node/NodeDescriptorKind.ts"

/** Rows as the kernel prints them: a listener, a connection and a closing one; two datagram sockets; unix sockets. */
const tables = {
  tcp: [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:042B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000",
    "   1: 0100007F:042B 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000",
    "   2: 0100007F:042B 0100007F:D432 08 00000000:00000000 00:00000000 00000000     0        0 13 1 0000000000000000"
  ].join("\n"),
  tcp6: "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 14 1 0",
  udp: "  25: 00000000:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 15 2 0 0",
  udp6: "  26: 00000000000000000000000000000000:0812 00000000000000000000000000000000:0000 07 0:0 00:0 0 0 0 16 2 0 0",
  unix: [
    "Num       RefCount Protocol Flags    Type St Inode Path",
    "0000000000000000: 00000002 00000000 00010000 0001 01 21 /run/a b.sock",
    "0000000000000000: 00000003 00000000 00000000 0001 03 22 /run/a b.sock",
    "0000000000000000: 00000003 00000000 00000000 0001 03 23",
    "0000000000000000: 00000002 00000000 00000000 0002 01 24 /run/log"
  ].join("\n")
}

describe("NodeDescriptorKind", () => {
  it.each([
    ["11", { _tag: "TcpListener", family: "IPv4", port: 1067 }],
    ["12", { _tag: "Stream" }],
    ["13", { _tag: "Stream" }],
    ["14", { _tag: "TcpListener", family: "IPv6", port: 80 }],
    ["15", { _tag: "Udp", family: "IPv4", port: 69 }],
    ["16", { _tag: "Udp", family: "IPv6", port: 2066 }],
    ["21", { _tag: "UnixListener", path: "/run/a b.sock" }],
    ["22", { _tag: "Stream" }],
    ["23", { _tag: "SocketPair" }],
    ["24", { _tag: "Other" }],
    ["99", { _tag: "Stream" }]
  ])("finds the kind of socket %s in the kernel's tables", (inode, expected) => {
    assert.deepStrictEqual<unknown>(NodeDescriptorKind.kindOfSocket(inode, tables), expected)
  })

  it.prop("reads any text as tables", [Schema.String, Schema.String], ([text, inode]) => {
    const all = { tcp: text, tcp6: text, udp: text, udp6: text, unix: text }
    assert.isString(NodeDescriptorKind.kindOfSocket(inode, all)._tag)
  })

  it.live.skipIf(process.platform !== "linux")("finds the kind of open descriptors (Linux only)", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<Net.Server>((resolve) => {
              const server = Net.createServer().listen(0, "127.0.0.1", () => resolve(server))
            })
        ),
        (server) => Effect.sync(() => void server.close())
      )
      const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle
      const { port } = server.address() as Net.AddressInfo
      assert.deepStrictEqual<unknown>(NodeDescriptorKind.kindOf(fd), { _tag: "TcpListener", family: "IPv4", port })
      const file = Fs.openSync("/dev/null", "r")
      assert.deepStrictEqual(NodeDescriptorKind.kindOf(file), { _tag: "Other" })
      assert.isTrue(NodeDescriptorKind.areSame(fd, fd))
      assert.isFalse(NodeDescriptorKind.areSame(fd, file))
      Fs.closeSync(file)
      assert.deepStrictEqual(NodeDescriptorKind.kindOf(99_999), { _tag: "Other" })
    }).pipe(Effect.scoped)
  )
})
