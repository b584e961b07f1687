import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeCheckpoint from "../../src/farm/NodeCheckpoint.ts"
import * as Cli from "../support/Cli.ts"
import * as Directory from "../support/Directory.ts"
import { sum } from "./jobs/odd.ts"

const [scripts, counting] = [new URL("../../scripts", import.meta.url), new URL("./node/Counting.ts", import.meta.url)]

const program = Path.relative(fileURLToPath(scripts), fileURLToPath(counting))

const lines = (path: string) => Fs.readFileSync(path, "utf8").trimEnd().split("\n").length

describe("NodeCheckpoint", () => {
  it.live("brings a run that was killed to the same answer, and repeats only what was not saved", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* Directory.directory()
      const [file, log] = [inRoot("checkpoint"), inRoot("log")]
      const start = Cli.startScript(program, [file, log])
      const killed = yield* start
      yield* killed.waitForOutput("stdout", /(saved\n){8}/)
      yield* killed.kill("SIGKILL")
      yield* killed.ended
      const before = lines(log)
      const { cut, open } = JSON.parse(Fs.readFileSync(file, "utf8"))
      const left = 1_000 - cut + open.length
      assert.isBelow(left, 990)
      // What the death may leave beside the file is not looked at.
      Fs.writeFileSync(`${file}.new`, '{"farm":1,"job":"od')
      const { code, stdout } = yield* (yield* start).ended
      assert.match(stdout.toString(), new RegExp(`\nanswer ${sum(1_000)}\n$`))
      assert.strictEqual(code, 0)
      const again = lines(log) - before
      assert.isAtLeast(again, left)
      // The last ones may be tried by both threads.
      assert.isBelow(again, left + 9)
      assert.deepStrictEqual(
        [file, `${file}.new`].filter((path) => Fs.existsSync(path)),
        []
      )
    })
  )

  it.live("replaces the file as a whole", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* Directory.directory()
      const path = inRoot("checkpoint")
      const file = NodeCheckpoint.file(path)
      assert.isUndefined(yield* file.read)
      yield* file.remove
      yield* file.write("one")
      // Whoever has the old one open goes on reading the old one.
      const old = Fs.openSync(path, "r")
      yield* Effect.all([file.write("two, which is longer"), file.write("three")], { concurrency: "unbounded" })
      assert.strictEqual(Fs.readFileSync(old, "utf8"), "one")
      Fs.closeSync(old)
      assert.strictEqual(yield* file.read, "three")
      yield* file.remove
      assert.isUndefined(yield* file.read)
    })
  )

  it.live("says what is wrong with a place", () =>
    Effect.gen(function* () {
      const { root } = yield* Directory.directory()
      const why = (path: string) =>
        Effect.map(Effect.flip(NodeCheckpoint.file(path).write("")), ({ message }) => message)
      assert.strictEqual(
        yield* why(`${root}/none/file`),
        `${root}/none/file: its directory does not exist: make it first`
      )
      assert.strictEqual(yield* why(root), `${root}: is a directory: name a file in it`)
    })
  )
})
