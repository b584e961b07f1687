/** The examples in docstrings and the programs in the guide to the farm compile, run, and give the stated values. */
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, describe, it, vi } from "@effect/vitest"
import * as Examples from "../scripts/check/Examples.ts"
import * as Repository from "../scripts/check/Repository.ts"
import * as Source from "../scripts/check/Source.ts"

const root = Path.join(import.meta.dirname, "..")
const folder = ".cache/examples"

const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))

afterAll(() => Fs.rmSync(temporary, { recursive: true }))

const guide = "docs/guide/farm.md"

/** The programs of the guide, whose files are in a temporary folder. */
const programs = Examples.inGuide({ path: guide, text: Fs.readFileSync(Path.join(root, guide), "utf8") }).map(
  (program, index) => ({
    ...program,
    code: program.code.replace(/"([\w-]+\.checkpoint)"/g, (_, name) => JSON.stringify(Path.join(temporary, name))),
    file: `${folder}/${program.name ?? `guide-${index}.ts`}`
  })
)

const examples = [...Repository.read(root).values()]
  .filter(({ path }) => path.startsWith("src/"))
  .flatMap(Examples.find)
  .map((example, index) => ({ ...example, file: `${folder}/${Path.basename(example.path, ".ts")}-${index}.ts` }))

Fs.rmSync(Path.join(root, folder), { recursive: true, force: true })
Fs.mkdirSync(Path.join(root, folder), { recursive: true })
for (const example of [...examples, ...programs]) {
  Fs.writeFileSync(Path.join(root, example.file), Examples.moduleOf(example, folder))
}

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

describe("programs in the guide to the farm", () => {
  for (const { file, line, runs, title } of programs) {
    it.runIf(runs)(`line ${line}: ${title}`, async () => {
      const write = vi.spyOn(process.stderr, "write").mockReturnValue(true)
      await import(Path.join(root, file)).finally(() => write.mockRestore())
    })
  }

  it("are found with their name, code and line", () => {
    const text = "# A\n\n```ts job.ts\nconst a = 1\n```\n\n## B\n\n```ts\na // => 1\n```\n\n```ts no-run\na\n```\n"
    assert.deepStrictEqual(
      Examples.inGuide({ path: guide, text }).map(({ path: _, ...program }) => program),
      [
        { line: 3, title: "A", code: "const a = 1\n", runs: false, name: "job.ts" },
        { line: 9, title: "B", code: "a // => 1\n", runs: true, name: undefined },
        { line: 13, title: "B", code: "a\n", runs: false, name: undefined }
      ]
    )
  })
})
