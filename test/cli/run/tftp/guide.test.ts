/** The code of the TFTP guide, which is run here. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import { FileStore, MemoryStore, NodeFileStore, TftpClient, TftpServer } from "../../../../src/tftp/index.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"

const configurations = FileStore.virtual(({ client, filename }) =>
  Effect.succeed(filename === "startup.cfg" ? `! for ${client.address}\n` : undefined)
)

const files = (root: string) =>
  Layer.effect(
    FileStore.FileStore,
    Effect.map(NodeFileStore.make({ root }), (directory) => FileStore.orElse(configurations, directory))
  )

const server = (root: string) =>
  TftpServer.layer({ port: 0, mtu: 1_500, maxTransfersPerClient: 8 }).pipe(Layer.provide(files(root)))

const roundTrip = Effect.fnUntraced(function* (port: number, bytes: Uint8Array) {
  const target = { host: "127.0.0.1", port, path: "backup.cfg" }
  const summary = yield* TftpClient.put(target, MemoryStore.fromBytes(bytes), { windowsize: 16, deadline: "1 minute" })
  const copy = yield* Stream.mkUint8Array(TftpClient.get(target))
  return { copy, summary }
})

const firstFinished = Effect.gen(function* () {
  const { events } = yield* TftpServer.TftpServer
  const finished = Stream.filter(events, (event) => event._tag === "Finished")
  return yield* Stream.runHead(finished)
})

it.live("the guide's server runs and publishes events", () =>
  Effect.gen(function* () {
    const { root } = yield* directory({ other: "other" })
    yield* Effect.gen(function* () {
      const { address } = yield* TftpServer.TftpServer
      const first = yield* Effect.forkChild(firstFinished, { startImmediately: true })
      const get = (path: string) =>
        Stream.mkString(Stream.decodeText(TftpClient.get({ host: "127.0.0.1", port: address.port, path })))
      assert.strictEqual(yield* get("startup.cfg"), "! for 127.0.0.1\n")
      assert.strictEqual(yield* get("other"), "other")
      const event = yield* Fiber.join(first)
      assert.strictEqual(event._tag === "Some" && event.value.transfer.filename, "startup.cfg")
    }).pipe(Effect.provide(server(root)))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
)

it.live("the guide's client writes and reads a file", () =>
  Effect.gen(function* () {
    const { address } = yield* TftpServer.TftpServer
    const bytes = new TextEncoder().encode("hostname switch1\n".repeat(1_000))
    const { copy, summary } = yield* roundTrip(address.port, bytes)
    assert.deepStrictEqual(copy, bytes)
    assert.deepInclude(summary, { bytes: bytes.length, windowsize: 16 })
  }).pipe(
    Effect.provide(TftpServer.layer({ port: 0 })),
    Effect.provide([FileStore.layer(MemoryStore.make({ write: "create" })), NodeServices.layer])
  )
)

const guide = Fs.readFileSync(new URL("../../../../docs/guide/tftp.md", import.meta.url), "utf8")

it("the guide has the code of this file", () => {
  const own = Fs.readFileSync(new URL(import.meta.url), "utf8")
  const blocks = Array.from(guide.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code!)
  assert.lengthOf(blocks, 3)
  for (const code of blocks) assert.include(own, code.slice(code.indexOf("const ")))
})

const serverFlags = Effect.gen(function* () {
  const { stdout } = yield* Cli.runInProcess(["tftp", "serve", "--help"])
  const [help = "", global = ""] = stdout.split("GLOBAL FLAGS")
  const flagsOf = (text: string) => Array.from(text.matchAll(/^ {2}(--[\w-]+)/gm), ([, flag]) => flag!)
  return { own: flagsOf(help), global: flagsOf(global) }
})

/** Flags of the replacements in the tables of other servers, which are the second column. */
const replacements = () => {
  const [, ...chapters] = guide.split("\n## Moving from ")
  return chapters.flatMap((chapter) => {
    const [text = ""] = chapter.split("\n## ")
    const cells = text.split("\n").flatMap((line) => (line.startsWith("| ") ? [line.split(" | ")[1] ?? ""] : []))
    return cells.flatMap((cell) => cell.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [])
  })
}

it.live("the guide lists every flag of the server, and replaces flags of other servers by flags that exist", () =>
  Effect.gen(function* () {
    const { global, own } = yield* serverFlags
    const rows = Array.from(guide.matchAll(/^\| `(--[\w-]+)(?=.* \| .* \| .* \|$)/gm), ([, flag]) => flag)
    assert.deepStrictEqual(rows, own)
    const named = replacements()
    assert.isAtLeast(new Set(named).size, 20)
    for (const flag of named) assert.include([...own, ...global], flag)
  })
)
