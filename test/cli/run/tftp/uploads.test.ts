import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import * as MemoryStore from "../../../../src/tftp/store/MemoryStore.ts"
import * as TftpClient from "../../../../src/tftp/TftpClient.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"

const isRoot = process.getuid?.() === 0

const stateOf = (path: string) => {
  const { gid, ino, mode, uid } = Fs.statSync(path)
  return { ino, mode: (mode & 0o7777).toString(8), owner: `${uid}:${gid}`, text: Fs.readFileSync(path, "utf8") }
}

/** Creates a file with an owner and a mode. */
const file = (path: string, mode: number, owner: readonly [user: number, group: number]) => {
  Fs.writeFileSync(path, "old")
  Fs.chownSync(path, ...owner)
  Fs.chmodSync(path, mode)
}

const folder = (path: string, mode: number) => {
  Fs.mkdirSync(path)
  Fs.chmodSync(path, mode)
}

/** Writes a file; returns `done` or the error message. */
const put = (port: number, path: string, text = "new") =>
  TftpClient.put({ host: "127.0.0.1", port, path }, MemoryStore.fromBytes(new TextEncoder().encode(text))).pipe(
    Effect.map(() => "done"),
    Effect.catchTag("TftpError", ({ message }) => Effect.succeed(message)),
    Effect.provide(NodeServices.layer)
  )

describe("tftp serve, uploads as another user", () => {
  for (const threads of [[], ["--threads", "2"]]) {
    it.live.skipIf(!isRoot)(
      `replace files as their layout demands${threads.length === 0 ? "" : ", with --threads"} (needs root)`,
      () =>
        Effect.gen(function* () {
          const { inRoot, path, root } = yield* directory()
          Fs.chmodSync(path, 0o755)
          folder(inRoot("shut"), 0o755)
          folder(inRoot("open"), 0o777)
          file(inRoot("shut/router-confg"), 0o666, [0, 0])
          file(inRoot("shut/private"), 0o644, [0, 0])
          file(inRoot("open/own"), 0o640, [65_534, 65_534])
          file(inRoot("open/read-only"), 0o444, [65_534, 65_534])
          const before = stateOf(inRoot("shut/router-confg"))
          const flags = ["--write", "overwrite", "--umask", "002", "--mkdirs", "--max-file-size", "1000"]
          const server = yield* Cli.serve(["tftp", "serve", "--root", root, "--user", "nobody", ...flags, ...threads])
          const outcomes = yield* Effect.forEach(
            ["shut/router-confg", "shut/private", "open/own", "open/read-only", "open/new/file"],
            (name) => put(server.port, name)
          )
          const denied = "refused by the peer: Access violation (error 2)"
          assert.deepStrictEqual(outcomes, ["done", denied, "done", denied, "done"])
          assert.deepStrictEqual(stateOf(inRoot("shut/router-confg")), { ...before, text: "new" })
          assert.deepInclude(stateOf(inRoot("open/own")), { mode: "640", owner: "65534:65534", text: "new" })
          assert.deepInclude(stateOf(inRoot("open/new/file")), { mode: "664", owner: "65534:65534", text: "new" })
          assert.strictEqual(Fs.statSync(inRoot("open/new")).mode & 0o777, 0o775)
          yield* server.waitForOutput("stderr", /router-confg.*written in place.*its folder is not writable/)
          assert.match(yield* put(server.port, "open/large", "x".repeat(1_001)), /error 3/)
          assert.deepStrictEqual(Fs.readdirSync(inRoot("open")).sort(), ["new", "own", "read-only"])
        }).pipe(Effect.scoped)
    )
  }
})
