/** The examples in docstrings compile, run, and give the values they state. */
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Examples from "../scripts/check/Examples.ts"
import * as Repository from "../scripts/check/Repository.ts"
import * as Source from "../scripts/check/Source.ts"

const root = Path.join(import.meta.dirname, "..")
const folder = ".cache/examples"

const examples = [...Repository.read(root).values()]
  .filter(({ path }) => path.startsWith("src/"))
  .flatMap(Examples.find)
  .map((example, index) => ({ ...example, file: `${folder}/${Path.basename(example.path, ".ts")}-${index}.ts` }))

Fs.rmSync(Path.join(root, folder), { recursive: true, force: true })
Fs.mkdirSync(Path.join(root, folder), { recursive: true })
for (const example of examples) Fs.writeFileSync(Path.join(root, example.file), Examples.moduleOf(example, folder))

const project = {
  extends: "../../tsconfig.json",
  compilerOptions: { noUnusedLocals: false, rootDir: "../.." },
  include: ["*.ts"],
  exclude: []
}

describe("examples in docstrings", () => {
  it("compile", async () => {
    Fs.writeFileSync(Path.join(root, folder, "tsconfig.json"), JSON.stringify(project))
    const compiler = Path.join(root, "node_modules/.bin/tsc")
    const PATH = [Path.dirname(process.execPath), process.env.PATH].join(Path.delimiter)
    const options = { cwd: root, env: { ...process.env, PATH } }
    const { stdout } = await promisify(execFile)(compiler, ["--pretty", "false", "--project", folder], options).catch(
      (error: { readonly stdout: string }) => error
    )
    assert.strictEqual(stdout, "")
  })

  for (const { file, line, path, runs, title } of examples) {
    it.runIf(runs)(`${path}:${line}: ${title}`, () => import(Path.join(root, file)))
  }

  it("are found with their title, code and line", () => {
    const text = [
      "/**",
      " * A counter.",
      " *",
      " * **Example** (Adding)",
      " *",
      " * ```ts",
      ' * import { Rot13 } from "effect-inet/rot13"',
      " * const sum = 1 + 1",
      " * sum // => 2",
      " * ```",
      " *",
      " * @since 0.1.0",
      " */"
    ].join("\n")
    const [example, ...more] = Examples.find(Source.make("src/a/A.ts", text))
    assert.isEmpty(more)
    assert.deepInclude(example, { path: "src/a/A.ts", line: 4, title: "Adding", runs: true })
    assert.strictEqual(
      Examples.moduleOf(example!, "x/y"),
      [
        'import * as assert from "node:assert/strict"',
        'import { Rot13 } from "../../src/rot13/index.ts"',
        "const sum = 1 + 1",
        "assert.deepStrictEqual(sum, 2)",
        "void assert",
        "export {}",
        ""
      ].join("\n")
    )
  })
})
