/** Runs the code about disks of the guide to simulated networks. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Random from "effect/Random"
import * as SimCheck from "../../src/simulation/SimCheck.ts"

const replace = Effect.fnUntraced(function* (path: string, text: string) {
  const files = yield* FileSystem.FileSystem
  const file = yield* files.open(`${path}.new`, { flag: "w" })
  yield* file.writeAll(new TextEncoder().encode(text))
  yield* file.sync
  yield* files.rename(`${path}.new`, path)
}, Effect.scoped)

it.effect("a crash leaves the old file or the new one", () =>
  SimCheck.check(
    Effect.fnUntraced(function* ({ host, sometimes }) {
      const server = yield* host("server", { disk: { files: { "/config": "old" } } })
      yield* Effect.forkScoped(server.run(replace("/config", "new")))
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 60_000))
      yield* server.crash
      yield* server.restart
      const read = Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString("/config"))
      const text = yield* server.run(read)
      assert.include(["old", "new"], text)
      yield* sometimes(text)
    }),
    { sometimes: ["old", "new"] }
  )
)

const guide = Fs.readFileSync(new URL("../../docs/guide/simulation.md", import.meta.url), "utf8")

it("the guide contains the program and the test above", () => {
  const code = guide.split("## Disks")[1]!.split("```ts\n")[1]!.split("```")[0]!
  const own = Fs.readFileSync(new URL(import.meta.url), "utf8")
  for (const part of code.split(/\n(?=const replace|it\.effect)/).slice(1)) assert.include(own, part)
})
