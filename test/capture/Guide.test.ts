/** Runs the programs of the guide and compares the output that it shows. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Examples from "../../scripts/check/Examples.ts"
import * as CaptureWriter from "../../src/capture/CaptureWriter.ts"
import * as Cli from "../support/Cli.ts"

const root = Path.resolve(import.meta.dirname, "../..")
const folder = ".cache/guide-capture"
const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))

const guide = Fs.readFileSync(Path.join(root, "docs/guide/capture.md"), "utf8")

/** Returns the fenced blocks of a language. */
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, block = ""]) => block)

const programs = blocks("ts").map((code, index) => ({
  file: Path.join(root, folder, `program${index}.ts`),
  code: code.replaceAll('"out.pcapng"', JSON.stringify(Path.join(temporary, "out.pcapng")))
}))

const [diagram = "", listing = ""] = blocks("text")

beforeAll(() => {
  Fs.rmSync(Path.join(root, folder), { recursive: true, force: true })
  Fs.mkdirSync(Path.join(root, folder), { recursive: true })
  for (const { code, file } of programs) {
    Fs.writeFileSync(file, Examples.moduleOf({ path: "", line: 1, title: "", code, runs: true }, folder))
  }
})

afterAll(() => Fs.rmSync(temporary, { recursive: true }))

describe("guide of packet capture", () => {
  // A later program reads the file that the first one writes: they run in the order of the guide.
  it("has programs that run and print the diagram shown", async () => {
    const printed: Array<unknown> = []
    const log = vi.spyOn(console, "log").mockImplementation((text) => void printed.push(text))
    for (const { file } of programs) await import(file)
    log.mockRestore()
    assert.include(printed, diagram)
  })

  it.live("shows the output of capture read", () =>
    Effect.gen(function* () {
      const writer = CaptureWriter.make()
      const [from, to] = [
        { address: "10.0.0.1", port: 4_000 },
        { address: "10.0.0.2", port: 7 }
      ]
      const packet = {
        transport: "udp",
        kind: "datagram",
        from,
        to,
        bytes: Buffer.from("hello"),
        host: "client"
      } as const
      writer.tap({ ...packet, at: 0n })
      writer.tap({ ...packet, at: 1_000_000_000n, fault: "drop", lost: true })
      const file = Path.join(temporary, "read.pcapng")
      Fs.writeFileSync(file, Buffer.concat(writer.finish()))
      const { stdout } = yield* Cli.run(["capture", "read", file])
      assert.strictEqual(stdout.toString(), listing)
    })
  )
})
