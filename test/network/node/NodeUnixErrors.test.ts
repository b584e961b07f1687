import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as NodeUnixErrors from "../../../src/network/node/NodeUnixErrors.ts"

/** Creates a folder with each kind of path: a file, a folder, a live socket and that of a dead server. */
const folder = Effect.gen(function* () {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-unix-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )
  const inRoot = (name: string) => Path.join(root, name)
  Fs.writeFileSync(inRoot("file"), "")
  Fs.mkdirSync(inRoot("folder"))
  const listen = (path: string) =>
    Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const server = Net.createServer().listen(path, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => void server.close())
    )
  yield* listen(inRoot("live"))
  // The file is renamed while the server listens, so that the server does not remove it.
  yield* Effect.scoped(
    Effect.tap(listen(inRoot("dying")), () => Effect.sync(() => Fs.renameSync(inRoot("dying"), inRoot("dead"))))
  )
  return inRoot
})

const messageOf = Effect.fnUntraced(function* (operation: NodeUnixErrors.Operation, path: string) {
  const network = yield* Network.Network
  const attempt: Effect.Effect<unknown, Network.NetworkError, Scope.Scope> =
    operation === "listen on" ? network.listen({ path }) : network.connect(NetAddress.unixPathAddress(path))
  return (yield* Effect.flip(Effect.scoped(attempt))).message
})

const cases: ReadonlyArray<readonly [NodeUnixErrors.Operation, name: string, text: string]> = [
  ["connect to", "nosuch", "no such socket; start the server or check the path"],
  ["connect to", "nosuch/socket", "no such socket; start the server or check the path"],
  ["connect to", "file/socket", "a part of the path is not a folder; check the path"],
  ["connect to", "file", "a file, not a socket; check the path"],
  ["connect to", "folder", "a folder, not a socket; check the path"],
  ["connect to", "dead", "no server listens on it; start the server"],
  ["listen on", "live", "a running server listens on it; stop that server, or choose another path"],
  ["listen on", "file", "a file that is not a socket is there; choose another path"],
  ["listen on", "folder", "a folder; choose another path"],
  ["listen on", "nosuch/socket", "no folder ROOT/nosuch; create it"],
  ["listen on", "file/socket", "a part of the path is not a folder; choose another path"]
]

/** Codes that this user or system cannot provoke, and their texts. */
const provoked: ReadonlyArray<readonly [NodeUnixErrors.Operation, code: string, text: string]> = [
  ["connect to", "EACCES", "permission denied; run as a user who may write the socket"],
  ["connect to", "EAGAIN", "its queue of clients is full; try again later"],
  ["connect to", "ECONNRESET", "connection reset by the peer"],
  ["listen on", "EACCES", "permission denied; choose a folder that this user may write"],
  ["listen on", "EPERM", "its owner or mode cannot be changed; run as root, or leave them out"],
  ["listen on", "EROFS", "the file system is read-only; choose another path"],
  ["listen on", "EXYZ", "system error EXYZ"]
]

describe.skipIf(process.platform === "win32")("NodeUnixErrors", () => {
  it.live.each(cases)("%s %s: %s", ([operation, name, text]) =>
    Effect.gen(function* () {
      const inRoot = yield* folder
      const path = inRoot(name)
      const expected = `cannot ${operation} ${path}: ${text.replace("ROOT", inRoot(""))}`
      assert.strictEqual(yield* messageOf(operation, path), expected)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.each(provoked)("unixError %s with %s: %s", (operation, code, text) => {
    const path = Path.join(Os.tmpdir(), "socket")
    const cause = Object.assign(new Error(`connect ${code} ${path}`), { code })
    const { message } = NodeUnixErrors.unixError(operation, NetAddress.unixPathAddress(path), cause)
    assert.strictEqual(message, `cannot ${operation} ${path}: ${text}`)
  })

  it.live("names the limit of a path, and says that one is empty or has a NUL", () =>
    Effect.gen(function* () {
      const messages = yield* Effect.forEach([`/${"x".repeat(107)}`, "", "/a\0b"], (path) =>
        messageOf("connect to", path)
      )
      assert.deepStrictEqual(messages, [
        `cannot connect to /${"x".repeat(39)}...: the path is too long (108 bytes, at most 107); shorten it`,
        "cannot connect to a unix socket: the path is empty; give one",
        "cannot connect to /a\\u0000b: the path has a NUL; leave it out"
      ])
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer))
  )

  it.live("escapes control characters of the path", () =>
    Effect.gen(function* () {
      const message = yield* messageOf("connect to", "/nosuch/\u001b[31m")
      assert.strictEqual(
        message,
        "cannot connect to /nosuch/\\u001b[31m: no such socket; start the server or check the path"
      )
    }).pipe(Effect.provide(NodeNetwork.layer))
  )
})
