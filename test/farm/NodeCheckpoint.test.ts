import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeCheckpoint from "../../src/farm/NodeCheckpoint.ts"
import * as NodeFileOwner from "../../src/process/NodeFileOwner.ts"
import * as Cli from "../support/Cli.ts"
import * as Directory from "../support/Directory.ts"
import { sum } from "./jobs/odd.ts"

const [scripts, counting] = [new URL("../../scripts", import.meta.url), new URL("./node/Counting.ts", import.meta.url)]

const program = Path.relative(fileURLToPath(scripts), fileURLToPath(counting))

const lines = (path: string) => Fs.readFileSync(path, "utf8").trimEnd().split("\n").length

describe("NodeCheckpoint", () => {
  it.live("continues a killed run to the same output, and repeats only the packets that were not saved", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* Directory.directory()
      const [file, log] = [inRoot("checkpoint"), inRoot("log")]
      const start = Cli.startScript(program, [file, log])
      const killed = yield* start
      yield* killed.waitForOutput("stdout", /(saved\n){8}/)
      yield* killed.kill("SIGKILL")
      yield* killed.ended
      const before = lines(log)
      const { cut, open } = JSON.parse(Fs.readFileSync(file, "utf8")).state
      const unfinished = 1_000 - cut + open.length
      assert.isBelow(unfinished, 990)
      // A temporary file that a crash leaves behind is deleted.
      const owner = NodeFileOwner.self().replace(/-\d+-.*/, `-${killed.pid}-0`)
      Fs.writeFileSync(`${file}.new-${owner}.01234567`, '{"farm":1,"job":"od')
      const { code, stdout } = yield* (yield* start).ended
      assert.match(stdout.toString(), new RegExp(`\nanswer ${sum(1_000)}\n$`))
      assert.strictEqual(code, 0)
      const repeated = lines(log) - before
      assert.isAtLeast(repeated, unfinished)
      // Both threads may try the last packets.
      assert.isBelow(repeated, unfinished + 9)
      assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["log"])
    })
  )

  it.live("replaces the file atomically", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* Directory.directory()
      const path = inRoot("checkpoint")
      const file = NodeCheckpoint.file(path)
      assert.isUndefined(yield* file.read)
      yield* file.remove
      yield* file.write("one")
      // A reader that has the old file open continues to read the old content.
      const old = Fs.openSync(path, "r")
      yield* Effect.all([file.write("two, which is longer"), file.write("three")], { concurrency: "unbounded" })
      assert.strictEqual(Fs.readFileSync(old, "utf8"), "one")
      Fs.closeSync(old)
      assert.strictEqual(yield* file.read, "three")
      yield* file.remove
      assert.isUndefined(yield* file.read)
    })
  )

  it.live("names the problem of a path that cannot be written", () =>
    Effect.gen(function* () {
      const { root } = yield* Directory.directory()
      const why = (path: string) =>
        Effect.map(Effect.flip(NodeCheckpoint.file(path).write("")), ({ message }) => message)
      assert.strictEqual(
        yield* why(`${root}/none/file`),
        `${root}/none/file: its directory does not exist; create it first`
      )
      assert.strictEqual(yield* why(root), `${root}: is a directory; name a file in it`)
    })
  )

  it.live("reads no device, no directory, and no file beyond its limit", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* Directory.directory()
      const why = (path: string, options?: NodeCheckpoint.Options) =>
        Effect.map(Effect.flip(NodeCheckpoint.file(path, options).read), ({ message }) => message)
      for (const device of ["/dev/full", "/dev/zero", "/dev/null"]) {
        assert.strictEqual(yield* why(device), `${device}: is not a regular file; name a regular file or a new path`)
      }
      assert.strictEqual(yield* why(root), `${root}: is a directory; name a file in it`)
      // A file of a gigabyte that takes no space.
      const huge = inRoot("huge")
      Fs.writeFileSync(huge, "")
      Fs.truncateSync(huge, 2 ** 30)
      assert.strictEqual(yield* why(huge), `${huge}: is too large (1073741824 bytes, limit 268435456)`)
      const small = inRoot("small")
      yield* NodeCheckpoint.file(small).write("0123456789")
      assert.strictEqual(yield* why(small, { maxBytes: 9 }), `${small}: is too large (10 bytes, limit 9)`)
      const { message } = yield* Effect.flip(NodeCheckpoint.file(small, { maxBytes: 9 }).write("ten letters"))
      assert.strictEqual(message, `${small}: is too large (11 bytes, limit 9)`)
      assert.strictEqual(yield* NodeCheckpoint.file(small, { maxBytes: 10 }).read, "0123456789")
    })
  )

  it.live("tells a second run which process has the checkpoint, and lets it in once the first has ended", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* Directory.directory()
      const file = inRoot("checkpoint")
      const { lock = Effect.void } = NodeCheckpoint.file(file)
      const { message } = yield* Effect.scoped(Effect.andThen(lock, Effect.flip(Effect.scoped(lock))))
      assert.strictEqual(message, `${file}: locked by process ${process.pid}; stop it or name another file`)
      yield* Effect.scoped(lock)
    })
  )
})
