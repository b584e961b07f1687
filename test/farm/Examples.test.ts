import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import * as Directory from "../support/Directory.ts"

const folder = new URL("../../scripts/examples/", import.meta.url)

const names = ["image-rows", "word-count", "password-search", "fetch-urls", "one-job"]

/** Runs an example, and returns what it prints. */
const outputOf = Effect.fnUntraced(function* (name: string, ...args: ReadonlyArray<string>) {
  const { ended } = yield* Cli.startScript(`examples/${name}.ts`, args)
  const { code, stderr, stdout } = yield* ended
  assert.deepStrictEqual([stderr, code], ["", 0])
  return stdout
}, Effect.scoped)

describe("examples of the farm", () => {
  it.live("image-rows brightens each pixel", () =>
    Effect.gen(function* () {
      const output = yield* outputOf("image-rows")
      const header = "P5 1024 256 255\n"
      assert.strictEqual(output.subarray(0, header.length).toString(), header)
      const pixels = output.subarray(header.length)
      assert.strictEqual(pixels.length, 1_024 * 256)
      const wrong = pixels.findIndex((grey, at) => grey !== Math.floor(255 * ((at >> 10) / 255) ** 0.5))
      assert.strictEqual(wrong, -1)
    })
  )

  it.live("fetch-urls fetches 1,000 pages", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* outputOf("fetch-urls")).toString(), "1000 pages, 499500 characters\n")
    })
  )

  it.live("password-search finds a PIN", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* outputOf("password-search", "012345")).toString(), "012345\n")
    })
  )

  it.live("word-count counts the words of a file, also in its last line", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* Directory.directory()
      const path = inRoot("words.txt")
      Fs.writeFileSync(path, `${"one two  three\n\n".repeat(200_000)}last line`)
      assert.strictEqual((yield* outputOf("word-count", path)).toString(), "600002 words\n")
    }).pipe(Effect.scoped)
  )

  it.live.each(["threads", "embedded"])("one-job counts on %s", (where) =>
    Effect.gen(function* () {
      // The embedded cluster logs to stdout as well, before and after.
      assert.include((yield* outputOf("one-job", where)).toString().split("\n"), "664579")
    })
  )

  it.live("one-job counts on another machine", () =>
    Effect.gen(function* () {
      const { address, port } = yield* Cli.serve(["primes", "serve", "--threads", "1"])
      assert.strictEqual((yield* outputOf("one-job", "tcp", `${address}:${port}`)).toString(), "664579\n")
    }).pipe(Effect.scoped)
  )

  it("have fewer than 40 lines each, and are named in the guide", () => {
    const guide = Fs.readFileSync(new URL("../../docs/guide/farm.md", import.meta.url), "utf8")
    for (const name of names) {
      assert.include(guide, `scripts/examples/${name}.ts`)
      for (const path of Fs.globSync(`${name}{,-job}.ts`, { cwd: folder })) {
        assert.isBelow(Fs.readFileSync(new URL(path, folder), "utf8").split("\n").length, 41, path)
      }
    }
  })
})
