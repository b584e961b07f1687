/** The bundle of the page: its sizes, its parts, and that it needs nothing of the host. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Vm from "node:vm"
import * as Zlib from "node:zlib"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as NodePageBundle from "../../../src/web/assets/NodePageBundle.ts"

const root = Path.resolve(import.meta.dirname, "../../..")

/** The limits of the page, in bytes as they are sent. */
const maxPageBytes = 60_000
const maxLaboratoryBytes = 200_000

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("bundle of the page", () => {
  let bundle: NodePageBundle.Bundle

  beforeAll(async () => {
    bundle = await NodePageBundle.page(root)
  })

  const chunkWith = (module: string) => bundle.chunks.find(({ modules }) => modules.some((id) => id.endsWith(module)))!

  /** All chunks that are loaded for those at first, on demand too unless they have the module. */
  const reachable = (first: ReadonlyArray<string>, without?: NodePageBundle.Chunk) => {
    const found = new Set(first)
    for (const path of found) {
      const { dynamicImports, imports } = bundle.chunks.find((chunk) => chunk.path === path)!
      for (const next of [...imports, ...dynamicImports]) if (next !== without?.path) found.add(next)
    }
    return found
  }

  const brotliBytes = (paths: Iterable<string>) =>
    Array.from(paths, (path) => Zlib.brotliCompressSync(bundle.files.get(path)!).length).reduce((a, b) => a + b, 0)

  it("has at most 60 kB of JavaScript without the laboratory, and 200 kB for it", () => {
    const laboratory = chunkWith("/client/lab/LabView.tsx")
    const page = reachable([chunkWith("/client/main.tsx").path], laboratory)
    const more = [...reachable([laboratory.path])].filter((path) => !page.has(path))
    const sizes = { page: brotliBytes(page), laboratory: brotliBytes(more) }
    assert.isAtMost(sizes.page, maxPageBytes, JSON.stringify(sizes))
    assert.isAtMost(sizes.laboratory, maxLaboratoryBytes, JSON.stringify(sizes))
    assert.isNotEmpty(more)
  })

  it("loads games, packets and the laboratory on demand", () => {
    const main = chunkWith("/client/main.tsx")
    const atFirst = new Set([main.path])
    for (const path of atFirst)
      for (const next of bundle.chunks.find((chunk) => chunk.path === path)!.imports) atFirst.add(next)
    for (const module of [
      "/client/games/GameView.tsx",
      "/client/packets/PacketsView.tsx",
      "/client/lab/LabView.tsx",
      "/web/lab/Laboratory.ts"
    ])
      assert.isFalse(atFirst.has(chunkWith(module).path), module)
  })

  it("has no module of the host", () => {
    const modules = bundle.chunks.flatMap((chunk) => chunk.modules)
    assert.deepStrictEqual(
      modules.filter((id) => /platform-node|\/Node[A-Z]\w*\.ts$|^node:/.test(id)),
      []
    )
    for (const [path, bytes] of bundle.files)
      if (path.endsWith(".js")) assert.notMatch(text(bytes), /\b(?:from|import)\s*\(?\s*["'`]node:|\brequire\(/, path)
  })

  it("refers to its own files only, and has no script or style within the document", () => {
    const index = text(bundle.files.get("/index.html")!)
    const links = [...index.matchAll(/(?:src|href)="([^"#]+)[^"]*"/g)].map(([, path]) => path!)
    assert.isAtLeast(links.length, 3)
    for (const path of links) assert.isTrue(bundle.files.has(path), path)
    assert.notMatch(index, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|<!--/)
    for (const [path, bytes] of bundle.files)
      if (path.endsWith(".css")) assert.notMatch(text(bytes), /url\(|@import|https?:/, path)
  })

  it("has names that change with the content", async () => {
    const again = await NodePageBundle.page(root)
    assert.deepStrictEqual([...again.files.keys()], [...bundle.files.keys()])
    for (const path of bundle.files.keys())
      if (path !== "/index.html") assert.match(path, /^\/assets\/[\w-]+-[\w-]{8}\.(?:js|css|svg)$/)
  })

  it("fails for a module that a browser does not have, and names it", async () => {
    const project = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-bundle-"))
    try {
      const client = Path.join(project, "src/web/client")
      const write = (path: string, text: string) => {
        Fs.mkdirSync(Path.dirname(Path.join(client, path)), { recursive: true })
        Fs.writeFileSync(Path.join(client, path), text)
      }
      for (const path of ["index.html", "favicon.svg", "styles/base.css"]) write(path, "")
      write("lab/mount.tsx", "export const mount = 1\n")
      write("main.tsx", `import * as Net from "node:net"\nconsole.log(Net)\n`)
      const error = await NodePageBundle.page(project).catch((cause: Error) => cause)
      assert.match(String(error), /cannot bundle .*: a browser has no such module: node:net/)
    } finally {
      Fs.rmSync(project, { recursive: true, force: true })
    }
  })
})

describe("laboratory as one file", () => {
  it("is a document with a classic script, without a reference to another file", async () => {
    const html = await NodePageBundle.laboratory(root)
    const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, code]) => code!)
    assert.lengthOf(scripts, 1)
    assert.doesNotThrow(() => new Vm.Script(scripts[0]!))
    assert.notMatch(
      html.replace(/<script>[\s\S]*<\/script>/, ""),
      /<script|<link[^>]+stylesheet|(?:src|href)="(?!#|data:)/
    )
    assert.isAtMost(Zlib.brotliCompressSync(html).length, maxPageBytes + maxLaboratoryBytes)
  })
})
