/** Pages agree with the program: commands and flags exist, and modules and the files of examples are complete. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ModuleMap from "../scripts/check/ModuleMap.ts"
import * as Repository from "../scripts/check/Repository.ts"
import { runInProcess } from "./support/Cli.ts"

const read = (path: string) => Fs.readFileSync(new URL(`../${path}`, import.meta.url), "utf8")

/** Commands in the table cells of a page, from column `column`: `rot13 send localhost rot13 Hello`. */
const commandsIn = (page: string, column: number) =>
  page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
    .flatMap((line) => line.split(/(?<!\\)\|/)[column]?.match(/`[^`]+`/g) ?? [])
    .map((code) => code.slice(1, -1).replace(/^effect-inet /, ""))

const root = Effect.map(
  runInProcess(["--help"]),
  ({ stdout }) => new Set(stdout.match(/^ {2}[a-z][\w-]+/gm)?.map((name) => name.trim()))
)

const check = Effect.fnUntraced(function* (command: string) {
  const words = command.replaceAll(/[[\]]/g, "").split(" ")
  const path = words.filter((word, at) => /^[a-z][a-z0-9-]*$/.test(word) && at < 2)
  const { code, stderr, stdout } = yield* runInProcess([...path, "--help"])
  assert.strictEqual(code, 0, `${command}: ${stderr}`)
  for (const flag of words.filter((word) => word.startsWith("--"))) assert.include(stdout, flag, command)
})

describe("documented commands", () => {
  it.effect.each([
    ["docs/course.md", 2],
    ["README.md", 1]
  ] as const)("of %s exist, with their flags", ([path, column]) =>
    Effect.gen(function* () {
      const known = yield* root
      const commands = commandsIn(read(path), column).filter((command) => known.has(command.split(" ")[0]!))
      assert.isAtLeast(commands.length, 9)
      yield* Effect.forEach(commands, check, { discard: true })
    })
  )
})

describe("the stability page", () => {
  it.each(Fs.globSync("*/index.ts", { cwd: new URL("../src", import.meta.url) }))(
    "has every module of src/%s once",
    (file) => {
      const modules = [...read(`src/${file}`).matchAll(/^export \* as (\w+) /gm)].map(([, name]) => name!)
      const row = read("docs/reference/stability.md")
        .split("\n")
        .find((line) => line.startsWith(`| \`effect-inet/${file.split("/")[0]}\` |`))
      const named = [...(row ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name!)
      assert.sameMembers(named, modules)
    }
  )
})

describe("the walk-through of a service", () => {
  const folder = "scripts/examples/key-value"
  const fences = new Map(
    [...read("docs/guide/your-own-service.md").matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)].map(([, name, code]) => [
      name!,
      code!
    ])
  )

  it("has every file of its example", () => {
    assert.sameMembers([...fences.keys()], Fs.readdirSync(new URL(`../${folder}`, import.meta.url)))
  })

  it("names the file of each section in its heading", () => {
    const sections = read("docs/guide/your-own-service.md").split(/^## /m)
    const unnamed = sections.filter((section) => {
      const [, file] = /^```ts (\S+)$/m.exec(section) ?? []
      return file !== undefined && !section.split("\n")[0]!.endsWith(`: \`${file}\``)
    })
    assert.deepStrictEqual(unnamed, [])
  })

  it.each([...fences])("has %s as it is in the example", (name, code) => {
    assert.strictEqual(code, read(`${folder}/${name}`))
  })
})

describe("the module map", () => {
  it("has the first sentence of every module; node scripts/module-map.ts updates it", () => {
    const page = read("docs/architecture.md")
    assert.strictEqual(ModuleMap.insert(page, Repository.read(Path.join(import.meta.dirname, ".."))), page)
  })
})
