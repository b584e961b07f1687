/** The programs and commands of the guide to looking for a fault. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Examples from "../../scripts/check/Examples.ts"
import { runInProcess } from "../support/Cli.ts"

const root = Path.resolve(import.meta.dirname, "../..")
const folder = ".cache/guide-looking"

const guide = Fs.readFileSync(Path.join(root, "docs/guide/looking.md"), "utf8")

/** Returns the fenced blocks of a language. */
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, block = ""]) => block)

const programs = blocks("ts").map((code, index) => ({ file: Path.join(root, folder, `program${index}.ts`), code }))

/** The commands of the guide, each with its flags: those before ` -- ` of a command that runs another one. */
const commands = blocks("sh")
  .flatMap((block) => block.split("\n"))
  .filter((line) => line.startsWith("effect-inet "))
  .map((line) =>
    line
      .replace(/ (\||--) .*/, "")
      .split(" ")
      .slice(1)
  )

beforeAll(() => {
  Fs.rmSync(Path.join(root, folder), { recursive: true, force: true })
  Fs.mkdirSync(Path.join(root, folder), { recursive: true })
  for (const { code, file } of programs) {
    Fs.writeFileSync(file, Examples.moduleOf({ path: "", line: 1, title: "", code, runs: true }, folder))
  }
})

describe("guide to looking for a fault", () => {
  it.each(programs.map(({ file }) => Path.basename(file)))(
    "has %s, which gives the values shown",
    (name) => import(Path.join(root, folder, name))
  )

  it.effect("has commands with flags that exist", () =>
    Effect.gen(function* () {
      assert.isAtLeast(commands.length, 15)
      const helps = new Map<string, string>()
      for (const words of commands) {
        const path = words.slice(0, ["scan", "sockets", "impair"].includes(words[0]!) ? 1 : 2)
        const key = path.join(" ")
        const help = helps.get(key) ?? (yield* runInProcess([...path, "--help"])).stdout
        helps.set(key, help)
        for (const flag of words.filter((word) => word.startsWith("-"))) assert.include(help, flag, words.join(" "))
      }
    })
  )
})
