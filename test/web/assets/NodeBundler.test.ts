import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NodeBundler from "../../../src/web/assets/NodeBundler.ts"

const root = Path.resolve(import.meta.dirname, "../../..")

/** Loads the page, and prints what is loaded into the process: a bundler is a library of the platform. */
const program = `
import * as Effect from "effect/Effect"
import * as NodePageAssets from "./src/web/assets/NodePageAssets.ts"
const load = Effect.flatMap(NodePageAssets.make, ({ get }) => get("/"))
const index = await Effect.runPromise(Effect.scoped(load))
process.report.excludeNetwork = true
console.log(JSON.stringify({ type: index.type, libraries: process.report.getReport().sharedObjects }))
`

/** Returns the number of child processes that have not ended. */
const children = () => process.getActiveResourcesInfo().filter((name) => name === "ProcessWrap").length

describe("NodeBundler", () => {
  let project: string

  const write = (path: string, text: string) => {
    const file = Path.join(project, "src/web/client", path)
    Fs.mkdirSync(Path.dirname(file), { recursive: true })
    Fs.writeFileSync(file, text)
  }

  beforeAll(() => {
    project = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bundling-"))
    for (const path of ["index.html", "favicon.svg", "styles/base.css"]) write(path, "")
    write("lab/mount.tsx", "export const mount = 1\n")
  })

  afterAll(() => Fs.rmSync(project, { recursive: true, force: true }))

  it("loads no bundler into the process that has the page, also after a change of the sources", async () => {
    const copy = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-sources-"))
    try {
      Fs.cpSync(Path.join(root, "src"), Path.join(copy, "src"), { recursive: true })
      for (const name of ["package.json", "tsconfig.json"])
        Fs.copyFileSync(Path.join(root, name), Path.join(copy, name))
      // Modules without the cache beside them.
      Fs.mkdirSync(Path.join(copy, "node_modules"))
      for (const name of ["effect", "@effect", "preact", "rolldown"])
        Fs.symlinkSync(Path.join(root, "node_modules", name), Path.join(copy, "node_modules", name))
      Fs.writeFileSync(Path.join(copy, "load.ts"), program)
      const { stdout } = await promisify(ChildProcess.execFile)(process.execPath, ["load.ts"], { cwd: copy })
      const { libraries, type } = JSON.parse(stdout) as { type: string; libraries: ReadonlyArray<string> }
      assert.strictEqual(type, "text/html; charset=utf-8")
      assert.isNotEmpty(Fs.readdirSync(Path.join(copy, "node_modules/.cache/page")))
      assert.deepStrictEqual(
        libraries.filter((path) => path.endsWith(".node")),
        []
      )
    } finally {
      Fs.rmSync(copy, { recursive: true, force: true })
    }
  })

  it.live("has the files of the page, compressed", () =>
    Effect.gen(function* () {
      const before = children()
      write("main.tsx", `console.log("${"long ".repeat(100)}")\n`)
      const assets = yield* NodeBundler.bundle(project)
      const [, script] = [...assets].find(([path]) => /main-.*\.js$/.test(path))!
      assert.isTrue(script.isImmutable)
      assert.include(new TextDecoder().decode(script.bytes), "long long")
      assert.isBelow(script.brotli!.length, script.bytes.length)
      assert.isAtMost(children(), before)
    })
  )

  it.live.each([
    ["a module that a browser does not have", `import * as Net from "node:net"\nconsole.log(Net)\n`, /node:net/],
    ["a script with a mistake", "const one =\n\nconst = 2\n", /main\.tsx/]
  ] as const)("fails with one line for %s", ([, source, expected]) =>
    Effect.gen(function* () {
      write("main.tsx", source)
      const reason = yield* Effect.flip(NodeBundler.bundle(project))
      assert.match(reason, expected)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what must be absent
      assert.notMatch(reason, /[\n\u001b]/)
    })
  )

  it.live.skipIf(process.platform === "win32")("kills the process when it is interrupted", () =>
    Effect.gen(function* () {
      write("main.tsx", "console.log(1)\n")
      Fs.rmSync(Path.join(project, "src/web/client/index.html"))
      // Nobody writes into this pipe: the process would wait for ever.
      ChildProcess.execFileSync("mkfifo", [Path.join(project, "src/web/client/index.html")])
      const before = children()
      const fiber = yield* Effect.forkChild(NodeBundler.bundle(project), { startImmediately: true })
      assert.strictEqual(children(), before + 1)
      yield* Fiber.interrupt(fiber)
      assert.isAtMost(children(), before)
    })
  )
})
