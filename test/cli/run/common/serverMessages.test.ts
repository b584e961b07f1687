import * as ChildProcess from "node:child_process"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as NetAddress from "effect/net/NetAddress"
import { connectableHost, explainListenError, summarize } from "../../../../src/cli/run/common/serverMessages.ts"
import * as Network from "../../../../src/network/Network.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 69)

const explain = (reason: Network.Reason, port: number, protocol: "tcp" | "udp" = "udp") =>
  Effect.map(
    Effect.flip(explainListenError("tftp", port, "--port", protocol)(new Network.NetworkError({ reason, address }))),
    ({ message }) => message
  )

/** A process that listens on a port and has control characters in its command line. */
const listeningProcess = Effect.acquireRelease(
  Effect.callback<{ readonly child: ChildProcess.ChildProcess; readonly port: number }>((resume) => {
    const program =
      "const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))"
    const child = ChildProcess.spawn(process.execPath, ["-e", program, "--", "\u001b]0;x\u0007\n\u202e"], {
      argv0: "\u001b[31mred\nline"
    })
    child.stdout.once("data", (bytes) => resume(Effect.succeed({ child, port: Number(`${bytes}`) })))
  }),
  ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
)

describe("serverMessages", () => {
  it.effect.each([
    [
      "PermissionDenied",
      69,
      "tftp: port 69 is reserved for root: run as root, or setcap cap_net_bind_service=+ep on node, or choose another port with --port"
    ],
    ["PermissionDenied", 6969, "tftp: 127.0.0.1:69: permission denied"],
    ["AddressInUse", 1, "tftp: UDP port 1 is in use; choose another port with --port"],
    ["AddressNotAvailable", 69, "tftp: 127.0.0.1:69: not an address of this host"]
  ] as const)("explains %s of port %s", ([reason, port, message]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* explain(reason, port), message)
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("adds the service to an error that explains itself, as that of a unix socket", () =>
    Effect.gen(function* () {
      const text = "cannot listen on /run/a\u001b.sock: permission denied; choose a folder that this user may write"
      const error = new Network.NetworkError({ reason: "AddressInUse", text })
      const { message } = yield* Effect.flip(explainListenError("rot13", 1067, "--port")(error))
      assert.strictEqual(message, `rot13: ${text.replace("\u001b", "\\u001b")}`)
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("explains connections in TIME-WAIT, and for how long", () =>
    Effect.gen(function* () {
      const line = "0: 0100007F:042C 0100007F:8AE3 06 00000000:00000000 03:000003E9 00000000 0 0 0 3 0"
      const files = FileSystem.makeNoop({
        readFileString: (path) => Effect.succeed(path === "/proc/net/tcp" ? `header\n${line}\n` : "")
      })
      const message = yield* Effect.provideService(explain("AddressInUse", 1068, "tcp"), FileSystem.FileSystem, files)
      assert.strictEqual(
        message,
        "tftp: TCP port 1068 has connections in TIME-WAIT, left by a server without SO_REUSEADDR; wait 11 s, or choose another port with --port"
      )
    })
  )

  it.effect("names the address of a wildcard that is in the way, and says where that is not certain", () =>
    Effect.gen(function* () {
      const line = (address: string, inode: number) =>
        `titles\n0: ${address}:0045 ${"0".repeat(address.length)}:0000 0A 00000000:00000000 00:00000000 0 0 0 ${inode} 1 0\n`
      const messageWith = (v4: string, v6: string) =>
        Effect.provide(
          explain("AddressInUse", 69, "tcp"),
          FileSystem.layerNoop({
            readFileString: (path) =>
              Effect.succeed(path === "/proc/net/tcp" ? v4 : path === "/proc/net/tcp6" ? v6 : "server\0"),
            readDirectory: (path) => Effect.succeed(path === "/proc" ? ["7"] : ["3"]),
            readLink: () => Effect.succeed("socket:[99]")
          })
        )
      const fix = "choose another port with --port"
      assert.deepStrictEqual(
        [
          yield* messageWith(line("0100007F", 99), ""),
          yield* messageWith(line("00000000", 99), ""),
          yield* messageWith("", line("0".repeat(32), 99)),
          yield* messageWith(line("3D00007F", 99), "")
        ],
        [
          `tftp: TCP port 69 is in use by server (pid 7); ${fix}`,
          `tftp: TCP port 69 is in use by server (pid 7, which has 0.0.0.0); ${fix}`,
          `tftp: TCP port 69 is in use, probably by server (pid 7, which has ::); ${fix}`,
          `tftp: TCP port 69 is in use; ${fix}`
        ]
      )
    })
  )

  it.live.skipIf(process.platform !== "linux")(
    "escapes the command line of the process that has the port (skipped without /proc)",
    () =>
      Effect.gen(function* () {
        const { child, port } = yield* listeningProcess
        const message = yield* explain("AddressInUse", port, "tcp")
        assert.match(message, /\p{Cc}/u.test(message) ? /never/ : /is in use by \\u001b\[31mred\\u000aline -e /)
        assert.include(message, `(pid ${child.pid}); choose another port with --port`)
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )

  it.effect.each([
    ["0.0.0.0", "127.0.0.1"],
    ["::", "::1"],
    ["192.0.2.1", "192.0.2.1"]
  ] as const)("reaches a server on %s at %s", ([host, reached]) =>
    Effect.sync(() => {
      const listening = NetAddress.inetAddressFromIpStringUnsafe(host, 1067)
      assert.strictEqual(connectableHost(listening as NetAddress.InetAddress), reached)
    })
  )

  it.each([
    [
      "two of loopback",
      ["127.0.0.1", "::1"],
      false,
      "2 of 2 up for this machine only (--host :: listens on all interfaces)"
    ],
    ["inherited ones of loopback", ["127.0.0.1"], true, "2 of 2 up for this machine only"],
    ["an inherited wildcard address", ["::", "127.0.0.1"], true, "2 of 2 up on ::"],
    ["equal addresses", ["192.0.2.1", "192.0.2.1", "0.0.0.0"], false, "2 of 2 up on 192.0.2.1, 0.0.0.0"]
  ] as const)("summarizes who can reach %s", (_, hosts, inherits, summary) => {
    const addresses = hosts.map((host) => NetAddress.inetAddressFromIpStringUnsafe(host, 1067))
    assert.strictEqual(summarize(addresses, "2 of 2", inherits), summary)
  })
})
