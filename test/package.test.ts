/** The published package: packed from the sources, installed in a new project, and used there. */

import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import manifest from "../package.json" with { type: "json" }
import { entries } from "../scripts/build-command.ts"
import * as Source from "../scripts/check/Source.ts"
import * as Postgres from "./support/cluster/Postgres.ts"
import { appClient, appJob, compiler, consumer } from "./support/package/App.ts"
import * as Container from "./support/package/Container.ts"

const root = Path.join(import.meta.dirname, "..")
const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-"))
const sources = Path.join(temporary, "sources")
const project = Path.join(temporary, "project")
const installed = Path.join(project, "node_modules", manifest.name)
const tarball = Path.join(temporary, `${manifest.name}-${manifest.version}.tgz`)
const command = Path.join(project, "node_modules/.bin/effect-inet")

/** Runs a program with this Node first on the PATH and returns its stdout; throws all output if it fails. */
const run = async (cwd: string, program: string, ...args: ReadonlyArray<string>) => {
  const PATH = [Path.dirname(process.execPath), process.env.PATH].join(Path.delimiter)
  try {
    const options = { cwd, env: { ...process.env, PATH }, timeout: 240_000 }
    return (await promisify(execFile)(program, args, options)).stdout
  } catch (cause) {
    const { message, stdout } = cause as Error & { readonly stdout: string }
    throw new Error(`${message}\n${stdout}`, { cause })
  }
}

/** The documents beside package.json. */
const documents = ["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"]

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

beforeAll(async () => {
  // A copy of the sources, so that files of an earlier build are not packed and this checkout does not change.
  Fs.mkdirSync(sources)
  const included = [
    ...documents,
    "docs",
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "src",
    "scripts/build-command.ts",
    "scripts/build-kernel.ts",
    "scripts/build-page.ts",
    "scripts/Licenses.ts",
    "scripts/examples"
  ]
  for (const name of included) Fs.cpSync(Path.join(root, name), Path.join(sources, name), { recursive: true })
  Fs.symlinkSync(Path.join(root, "node_modules"), Path.join(sources, "node_modules"))
  await run(sources, "npm", "pack", "--silent", "--pack-destination", temporary)

  // Offline: npm installs the package and its bin; the peer dependencies of the app are linked.
  Fs.mkdirSync(project)
  Fs.writeFileSync(Path.join(project, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }))
  await run(project, "npm", "install", "--silent", "--offline", "--legacy-peer-deps", "--ignore-scripts", tarball)
  for (const name of Object.keys(manifest.peerDependencies)) link(name)
  Fs.writeFileSync(Path.join(project, "app.ts"), consumer)
  Fs.writeFileSync(Path.join(project, "tsconfig.json"), JSON.stringify(compiler))
}, 600_000)

afterAll(() => Fs.rmSync(temporary, { recursive: true, force: true }))

describe("package", () => {
  it("contains the sources, the compiled modules, the command and the documents", () => {
    const modules = filesUnder(Path.join(root, "src"), "**/*.ts").filter(
      (path) => !/^(cli|primes\/kernel|web\/client)\//.test(path)
    )
    const expected = [
      ...filesUnder(root, "{src,docs,scripts/examples}/**/*"),
      ...modules.flatMap((path) =>
        ["js", "d.ts", "d.ts.map"].map((end) => `dist/${path.slice(0, -"ts".length)}${end}`)
      ),
      ...documents,
      "package.json"
    ]
    const isCommand = (path: string) => /^dist\/cli(?:-shared)?\//.test(path)
    const isPage = (path: string) => path.startsWith("dist/web/page/")
    const found = filesUnder(installed)
    assert.deepStrictEqual(
      found.filter((path) => !isCommand(path) && !isPage(path)),
      expected.sort()
    )
    const names = found.filter(isCommand).map((path) => Path.basename(path))
    for (const name of Object.keys(entries())) assert.include(names, `${name}.js`)
    assert.deepStrictEqual(
      names.filter((name) => !/\.js$/.test(name)),
      ["LICENSES.txt"]
    )
  })

  it("contains the page, compressed, with the licenses of what is in it", () => {
    const page = Path.join(installed, "dist/web/page")
    const found = filesUnder(page)
    for (const name of ["index.html", "index.html.br", "licenses.txt"]) assert.include(found, name)
    for (const end of ["js", "js.br", "css", "css.br", "svg"])
      assert.isTrue(
        found.some((name) => new RegExp(`^assets/[\\w-]+\\.${end}$`).test(name)),
        end
      )
    const licenses = Fs.readFileSync(Path.join(page, "licenses.txt"), "utf8")
    assert.match(licenses, /^effect \d/m)
    assert.match(licenses, /^preact \d/m)
    const index = Fs.readFileSync(Path.join(page, "index.html"), "utf8")
    for (const [, path = ""] of index.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)) assert.include(found, path)
  })

  it("serves its own page", async () => {
    // The page has no build tools: what the package contains is all that it can serve.
    const text = await withProcess(["rot13", "serve", "--port", "0", "--page", "127.0.0.1:0"], async (line) =>
      (await fetch(new URL("/", (JSON.parse(line) as { readonly page: string }).page))).text()
    )
    assert.include(text, '<script type="module" src="/assets/main-')
  })

  it("has no file of the command twice, unless it is loaded by its URL or imports effect", () => {
    const textOf = (folder: string, name: string) => Fs.readFileSync(Path.join(installed, "dist", folder, name), "utf8")
    const inBoth = filesUnder(Path.join(installed, "dist/cli-shared")).filter((name) =>
      Fs.existsSync(Path.join(installed, "dist/cli", name))
    )
    const equal = new Set(inBoth.filter((name) => textOf("cli", name) === textOf("cli-shared", name)))
    // A file that imports one that differs, such as one with effect, is needed in both folders.
    const importsOf = (name: string) =>
      Array.from(textOf("cli", name).matchAll(/(?:from|import\(?)\s*"\.\/([^"]+)"/g), ([, imported]) => imported!)
    for (let size = -1; size !== equal.size; ) {
      size = equal.size
      for (const name of equal) if (!importsOf(name).every((imported) => equal.has(imported))) equal.delete(name)
    }
    const byUrl = new Set(Object.keys(entries()).map((name) => `${name}.js`))
    const twice = [...equal].filter((name) => !byUrl.has(name) && !textOf("cli", name).includes("import.meta."))
    assert.notInclude(inBoth, "Undici.js")
    assert.deepStrictEqual(twice, [])
  })

  it("has documents whose relative links lead to its own files", () => {
    const paths = new Set(filesUnder(installed))
    const folders = new Set(
      [...paths].flatMap((path) => path.split("/").map((_, at, all) => all.slice(0, at).join("/")))
    )
    for (const path of [...paths].filter((path) => path.endsWith(".md"))) {
      const text = Fs.readFileSync(Path.join(installed, path), "utf8")
      for (const [, link = ""] of text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
        const target = Path.posix.join(Path.posix.dirname(path), link).replace(/\/$/, "")
        assert.isTrue(paths.has(target) || folders.has(target), `${path}: ${link}`)
      }
    }
  })

  it("exports exactly the folders that have an index, and all of them at its root", async () => {
    const subpaths = folders.map((name) => `./${name}`)
    assert.sameMembers(Object.keys(manifest.exports), [".", ...subpaths, "./package.json"])
    const names = await node(`console.log(Object.keys(await import("effect-inet")).join(" "))`)
    assert.sameMembers(names.trim().split(" "), folders)
  })

  it("imports only its peer dependencies and, in files named Node*, the platform", () => {
    const peers = new RegExp(`^(${Object.keys(manifest.peerDependencies).join("|")})/`)
    for (const path of filesUnder(installed, "dist/**/*.js")) {
      if (path.startsWith("dist/cli/") || path.startsWith("dist/web/page/")) continue
      const isCommand = path.startsWith("dist/cli-shared/")
      const text = Fs.readFileSync(Path.join(installed, path), "utf8")
      for (const { specifier } of Source.make("built.ts", text).imports) {
        const platform = specifier.startsWith("node:") && (isCommand || /\/Node\w+\.js$/.test(path))
        assert.isTrue(specifier.startsWith(".") || platform || peers.test(specifier), `${path} imports ${specifier}`)
      }
    }
  })

  it("exports the modules of the index of each folder", async () => {
    const found = await node(`
      for (const folder of ${JSON.stringify(folders)})
        console.log(folder, ...Object.keys(await import("effect-inet/" + folder)).sort())
    `)
    const expected = folders.map((folder) => {
      const index = Fs.readFileSync(Path.join(root, "src", folder, "index.ts"), "utf8")
      const names = [...index.matchAll(/^export \* as (\w+)/gm)].map(([, name]) => name!)
      assert.isNotEmpty(names)
      return [folder, ...names.sort()].join(" ")
    })
    assert.deepStrictEqual(found.trim().split("\n"), expected)
  })

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

  it("has no fault for publint, nor for attw as a package of ES modules", async () => {
    const tool = (name: string) => Path.join(root, "node_modules/.bin", name)
    await run(root, tool("publint"), "--strict", tarball)
    await run(root, tool("attw"), "--profile", "esm-only", tarball)
  })

  it.skipIf(!Container.canRun())(
    "runs in a container (skipped without root, unshare and chroot)",
    () => {
      const context = Path.join(temporary, "context")
      const deploy = Path.join(root, "docs/deploy")
      Fs.mkdirSync(context)
      Fs.copyFileSync(tarball, Path.join(context, Path.basename(tarball)))
      Fs.copyFileSync(Path.join(deploy, "container.yaml"), Path.join(context, "container.yaml"))
      const containerfile = Fs.readFileSync(Path.join(deploy, "Containerfile"), "utf8")
      for (const name of Container.namesOf(containerfile)) assert.isTrue(Container.knownInstructions.has(name), name)
      const output = Container.run(containerfile, context, Path.join(temporary, "image"))
      for (const service of ["rot13", "hangman", "guess", "board", "tftp"])
        assert.match(output, new RegExp(`^${service} +ready`, "m"))
      assert.match(output, /^exit code 0$/m)
    },
    120_000
  )

  it("installs the command", async () => {
    assert.include(await run(project, command, "--version"), manifest.version)
    assert.include(await run(project, command, "--help"), "rot13")
  })
})

/** Starts a server of the installed command, passes the first line that it prints to `use`, and ends it. */
const withProcess = async <A>(args: ReadonlyArray<string>, use: (line: string) => Promise<A>): Promise<A> => {
  const child = spawn(process.execPath, [command, ...args, "--json"], { cwd: project })
  let errors = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text
  })
  const closed = once(child, "close")
  try {
    const line = once(child.stdout.setEncoding("utf8"), "data")
    const [text] = (await Promise.race([line, closed.then(() => Promise.reject(new Error(errors)))])) as [string]
    return await use(text)
  } finally {
    child.kill("SIGTERM")
    await closed
  }
}

/** Starts a server of the installed command on a free port, passes its port to `use`, and ends it. */
const withServer = <A>(args: ReadonlyArray<string>, use: (port: number) => Promise<A>): Promise<A> =>
  withProcess([...args, "--port", "0"], (line) => use((JSON.parse(line) as { readonly port: number }).port))

/** Connects to a server, sends a line and returns the first bytes of the server. */
const firstBytes = async (port: number) => {
  const socket = Net.connect(port, "127.0.0.1")
  socket.write("1\r\n")
  try {
    return String((await once(socket, "data"))[0])
  } finally {
    socket.destroy()
  }
}

describe("installed command", () => {
  // What the package must have for a model: the entry of its workers, and the session of each service that they load.
  it.each([
    "hangman serve --model select",
    "hangman serve --model processes",
    "guess serve --model processes --pool 1",
    "board serve --model threads --threads 1",
    "board serve --model threads --per-client"
  ])("serves: %s", async (args) => {
    assert.isNotEmpty(await withServer(args.split(" "), firstBytes))
  })

  it("sends a file over TFTP from a thread", async () => {
    Fs.writeFileSync(Path.join(project, "file"), "content")
    const content = await withServer(["tftp", "serve", "--root", project, "--threads", "1"], (port) =>
      run(project, command, "rcat", `127.0.0.1:${port}`, "file")
    )
    assert.strictEqual(content, "content")
  })

  it("counts primes on threads, here and on a server", async () => {
    const count = ["primes", "count", "0..100000"]
    assert.include(await run(project, command, ...count, "--json"), "9592")
    const remote = await withServer(["primes", "serve", "--threads", "1"], (port) =>
      run(project, command, ...count, "--hosts", `127.0.0.1:${port}`, "--json")
    )
    assert.include(remote, "9592")
  })

  const live = Postgres.isInstalled ? it.live : it.live.skip

  live("runs a job of the app on a cluster, with the app's own effect", () =>
    Effect.gen(function* () {
      const { url } = yield* Postgres.make
      Fs.writeFileSync(Path.join(project, "job.mjs"), appJob)
      Fs.writeFileSync(Path.join(project, "client.mjs"), appClient)
      const flags = ["--jobs", "job.mjs", "--database", url]
      const output = yield* Effect.promise(() =>
        withServer(["farm", "serve", ...flags], () =>
          withProcess(["farm", "work", "--threads", "1", ...flags], () => run(project, "node", "client.mjs", url))
        )
      )
      assert.strictEqual(output, `Sum 100 ${(1n << 64n) * 5050n}n 1970-01-01T00:00:00.100Z\n`)
    }).pipe(Effect.scoped)
  )

  it.each(["threads", "mutex --count 10"])("runs demo %s", async (demo) => {
    assert.isNotEmpty(await run(project, command, "demo", ...demo.split(" "), "--json"))
  })
})
