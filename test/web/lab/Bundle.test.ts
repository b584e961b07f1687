import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Zlib from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { rolldown } from "rolldown"

const entry = Path.join(fileURLToPath(new URL("../../..", import.meta.url)), "src/web/lab/Laboratory.ts")

/** The laboratory's part of the 200 kB of its chunk; the rest is its view. */
const maxBrotliBytes = 180_000

describe("the laboratory in a browser", () => {
  it("is bundled without a module of Node, and is small", async () => {
    const bundle = await rolldown({
      input: entry,
      platform: "browser",
      external: [/^node:/],
      logLevel: "silent"
    })
    const { output } = await bundle.generate({ format: "esm", minify: true })
    await bundle.close()
    const chunks = output.filter((file) => file.type === "chunk")
    assert.deepStrictEqual(
      chunks.flatMap(({ dynamicImports, imports }) => [...imports, ...dynamicImports]),
      []
    )
    const modules = chunks.flatMap(({ moduleIds }) => moduleIds)
    assert.deepStrictEqual(
      modules.filter((id) => /\/(Node|Native)[A-Z]\w*\.ts$|platform-node/.test(id)),
      []
    )
    const bytes = Buffer.from(chunks.map(({ code }) => code).join(""))
    assert.isBelow(Zlib.brotliCompressSync(bytes).length, maxBrotliBytes)
  }, 60_000)
})
