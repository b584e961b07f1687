import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as NodeFiles from "../../../src/network/files/NodeFiles.ts"
import * as RegularFile from "../../../src/network/files/RegularFile.ts"
import { directory } from "../../support/Directory.ts"

const layers = { NodeFiles: NodeFiles.layer, NodeFileSystem: NodeFileSystem.layer }

describe.each(["NodeFiles", "NodeFileSystem"] as const)("RegularFile with %s", (name) => {
  const read = (path: string, maxBytes: number) => Effect.provide(RegularFile.readText(path, maxBytes), layers[name])
  const errorOf = (path: string, maxBytes = 1_024) =>
    Effect.map(Effect.flip(read(path, maxBytes)), ({ message, reason }) => [reason, message] as const)

  it.live("reads a file whole, through a symbolic link, and with bytes that are not UTF-8", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ empty: "", text: "Ünïcode\n", large: "x".repeat(200_000) })
      Fs.symlinkSync("text", inRoot("link"))
      Fs.writeFileSync(inRoot("latin1"), Uint8Array.of(0x61, 0xe9))
      assert.strictEqual(yield* read(inRoot("empty"), 0), "")
      assert.strictEqual(yield* read(inRoot("link"), 1_024), "Ünïcode\n")
      assert.strictEqual(yield* read(inRoot("large"), 200_000), "x".repeat(200_000))
      assert.strictEqual(yield* read(inRoot("latin1"), 2), "a\ufffd")
    }).pipe(Effect.scoped)
  )

  it.live("refuses all that is not a regular file within the limit, at once", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ "1025": "x".repeat(1_025), file: "" })
      ChildProcess.execFileSync("mkfifo", [inRoot("fifo")])
      Fs.symlinkSync("fifo", inRoot("link"))
      Fs.symlinkSync("loop", inRoot("loop"))
      Fs.closeSync(Fs.openSync(inRoot("sparse"), "w"))
      Fs.truncateSync(inRoot("sparse"), 3_000_000_000)
      const notRegular = "is not a regular file; name one"
      for (const path of [inRoot("fifo"), inRoot("link"), "/dev/zero", "/dev/null"]) {
        assert.deepStrictEqual(yield* errorOf(path), ["NotRegular", notRegular])
      }
      assert.deepStrictEqual(yield* errorOf(root), ["NotRegular", "is a directory; name a file"])
      assert.deepStrictEqual(yield* errorOf(inRoot("1025")), ["TooLarge", "is too large (1025 bytes, limit 1024)"])
      assert.deepStrictEqual(yield* errorOf(inRoot("sparse")), [
        "TooLarge",
        "is too large (3000000000 bytes, limit 1024)"
      ])
      assert.deepStrictEqual(yield* errorOf(inRoot("none")), ["NotFound", "no such file or directory"])
      assert.deepStrictEqual(yield* errorOf(inRoot("file/x")), ["SystemError", "not a directory"])
      assert.strictEqual((yield* errorOf(inRoot("loop")))[0], "SystemError")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(process.platform !== "linux")("reads a file that states no size, up to the limit (Linux only)", () =>
    Effect.gen(function* () {
      const path = "/proc/self/status"
      assert.match(yield* read(path, 65_536), /^Name:/)
      assert.deepStrictEqual(yield* errorOf(path, 10), ["TooLarge", "is too large (limit 10 bytes)"])
    })
  )
})

describe("RegularFile", () => {
  it.live("does not wait for the writer of a FIFO that has replaced the file since it was checked", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ file: "text" })
      ChildProcess.execFileSync("mkfifo", [inRoot("fifo")])
      // Sees the file that was there before.
      const before = Effect.map(FileSystem.FileSystem, (fs) =>
        FileSystem.FileSystem.of({ ...fs, stat: () => fs.stat(inRoot("file")) })
      )
      const { message, reason } = yield* Effect.flip(RegularFile.readBytes(inRoot("fifo"), 1_024)).pipe(
        Effect.provideServiceEffect(FileSystem.FileSystem, before),
        Effect.provide(NodeFiles.layer)
      )
      assert.deepStrictEqual([reason, message], ["NotRegular", "is not a regular file; name one"])
    }).pipe(Effect.scoped)
  )
})
