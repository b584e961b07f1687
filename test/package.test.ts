/** The published package: packed from the sources, installed in a new project, and used there. */

import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import manifest from "../package.json" with { type: "json" }
import * as Source from "../scripts/check/Source.ts"

const root = Path.join(import.meta.dirname, "..")
const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-"))
const sources = Path.join(temporary, "sources")
const project = Path.join(temporary, "project")
const installed = Path.join(project, "node_modules", manifest.name)

/** Runs a program with this Node first on the PATH and returns its stdout; throws all output if it fails. */
const run = async (cwd: string, program: string, ...args: ReadonlyArray<string>) => {
  const PATH = [Path.dirname(process.execPath), process.env.PATH].join(Path.delimiter)
  try {
    const options = { cwd, env: { ...process.env, PATH }, timeout: 60_000 }
    return (await promisify(execFile)(program, args, options)).stdout
  } catch (cause) {
    const { message, stdout } = cause as Error & { readonly stdout: string }
    throw new Error(`${message}\n${stdout}`, { cause })
  }
}

const node = (text: string) => run(project, "node", "--input-type=module", "--eval", text)

const link = (name: string) => {
  const path = Path.join(project, "node_modules", name)
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  Fs.symlinkSync(Fs.realpathSync(Path.join(root, "node_modules", name)), path)
}

const filesUnder = (path: string, pattern = "**/*") =>
  Fs.globSync(pattern, { cwd: path, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Path.relative(path, Path.join(entry.parentPath, entry.name)))
    .sort()

/** Folders with an index, which users can import. */
const folders = filesUnder(Path.join(root, "src"), "*/index.ts").map(Path.dirname)

const consumer = `
import { Network, NodeNetwork } from "effect-inet/network"
import { Rot13Client, Rot13Server } from "effect-inet/rot13"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const { address } = yield* Rot13Server.Rot13Server
  const connection = yield* (yield* Network.Network).connect(address)
  const answer = yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
  console.log(new TextDecoder().decode(answer))
})
// @ts-expect-error A port is a number.
const wrong = () => Rot13Server.layer({ port: "1067" })
const Live = Rot13Server.layer({ port: 0 }).pipe(Layer.provideMerge(NodeNetwork.layer))
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Live)))
`

const compiler = {
  compilerOptions: {
    target: "ES2024",
    lib: ["ES2024", "DOM"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    types: [],
    noEmit: true
  }
}

beforeAll(async () => {
  // A copy of the sources, so that files of an earlier build are not packed and this checkout does not change.
  Fs.mkdirSync(sources)
  const included = [
    "package.json",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "tsconfig.json",
    "tsconfig.build.json",
    "src",
    "scripts/build-kernel.ts"
  ]
  for (const name of included) Fs.cpSync(Path.join(root, name), Path.join(sources, name), { recursive: true })
  Fs.symlinkSync(Path.join(root, "node_modules"), Path.join(sources, "node_modules"))
  await run(sources, "npm", "pack", "--silent", "--pack-destination", temporary)

  // Offline: npm installs the package and its bin; the peer dependencies of the app are linked.
  Fs.mkdirSync(project)
  Fs.writeFileSync(Path.join(project, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }))
  const tarball = Path.join(temporary, `${manifest.name}-${manifest.version}.tgz`)
  await run(project, "npm", "install", "--silent", "--offline", "--legacy-peer-deps", "--ignore-scripts", tarball)
  for (const name of Object.keys(manifest.peerDependencies)) link(name)
  Fs.writeFileSync(Path.join(project, "app.ts"), consumer)
  Fs.writeFileSync(Path.join(project, "tsconfig.json"), JSON.stringify(compiler))
}, 120_000)

afterAll(() => Fs.rmSync(temporary, { recursive: true, force: true }))

describe("package", () => {
  it("contains only the sources, their compiled files and the documents", () => {
    const expected = filesUnder(Path.join(root, "src")).flatMap((path) => [
      `src/${path}`,
      ...(path.endsWith(".ts") && !path.startsWith("primes/kernel/") ? ["js", "js.map", "d.ts", "d.ts.map"] : []).map(
        (extension) => `dist/${path.slice(0, -".ts".length)}.${extension}`
      )
    ])
    const documents = ["CHANGELOG.md", "LICENSE", "README.md", "package.json"]
    assert.deepStrictEqual(filesUnder(installed), [...expected, ...documents].sort())
  })

  it("exports exactly the folders that have an index", () => {
    assert.sameMembers(Object.keys(manifest.exports), [...folders.map((name) => `./${name}`), "./package.json"])
  })

  it("imports only its peer dependencies and, in files named Node*, the platform", () => {
    const peers = new RegExp(`^(${Object.keys(manifest.peerDependencies).join("|")})/`)
    for (const path of filesUnder(installed, "dist/**/*.js")) {
      const text = Fs.readFileSync(Path.join(installed, path), "utf8")
      for (const { specifier } of Source.make("built.ts", text).imports) {
        const platform = specifier.startsWith("node:") && /\/(Node\w+|bin)\.js$/.test(path)
        assert.isTrue(specifier.startsWith(".") || platform || peers.test(specifier), `${path} imports ${specifier}`)
      }
    }
  })

  for (const folder of folders) {
    it(`exports the modules of the index of ${folder}`, async () => {
      const index = Fs.readFileSync(Path.join(root, "src", folder, "index.ts"), "utf8")
      const names = [...index.matchAll(/^export \* as (\w+)/gm)].map(([, name]) => name)
      assert.isNotEmpty(names)
      const found = await node(`console.log(Object.keys(await import("effect-inet/${folder}")).join(" "))`)
      assert.sameMembers(found.trim().split(" "), names)
    })
  }

  it("loads neither the platform nor the host's network when a service is imported", async () => {
    const loaded = await node(`
      import { registerHooks } from "node:module"
      registerHooks({ load: (url, context, next) => (console.log(url), next(url, context)) })
      await import("effect-inet/rot13")
    `)
    const urls = loaded.trim().split("\n")
    assert.isTrue(urls.some((url) => url.endsWith("/dist/rot13/index.js")))
    assert.deepStrictEqual(
      urls.filter((url) => /platform-node|\/Node\w+\.js$|^node:/.test(url)),
      []
    )
  })

  it("has types that compile without @types/node, and reject a port that is not a number", async () => {
    await run(project, Path.join(root, "node_modules/.bin/tsc"), "--project", project)
  })

  it("runs in an app, with the app's own effect", async () => {
    assert.strictEqual(await run(project, "node", "app.ts"), "Uryyb\n")
  })

  it("has a lock file with the packages of every platform and without URLs of a registry", () => {
    const packages: Readonly<Record<string, { readonly optionalDependencies?: object; readonly resolved?: string }>> =
      JSON.parse(Fs.readFileSync(Path.join(root, "package-lock.json"), "utf8")).packages
    for (const [path, { optionalDependencies = {}, resolved }] of Object.entries(packages)) {
      assert.isUndefined(resolved, path)
      for (const name of Object.keys(optionalDependencies)) assert.property(packages, `node_modules/${name}`)
    }
  })

  it("installs the command", async () => {
    const command = Path.join(project, "node_modules/.bin/effect-inet")
    assert.include(await run(project, command, "--version"), manifest.version)
    assert.include(await run(project, command, "--help"), "rot13")
  })
})
