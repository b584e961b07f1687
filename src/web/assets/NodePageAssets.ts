/**
 * The files of the page on the host: those of the published package, or a bundle of the sources.
 *
 * The sources are bundled by a process of its own when this one starts, and the bundle is kept in `node_modules/.cache`
 * under a hash of the sources: the next start reads it. A page that cannot be loaded is an error in the log, once, and
 * a line in the browser; the services run.
 *
 * **Example** (The page of this package)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { NodePageAssets } from "effect-inet/web"
 *
 * const program = Effect.gen(function* () {
 *   const assets = yield* NodePageAssets.make
 *   const index = yield* assets.get("/")
 *   index?.type // => "text/html; charset=utf-8"
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as NodeBundler from "./NodeBundler.ts"
import * as NodeCompression from "./NodeCompression.ts"
import * as PageAssets from "./PageAssets.ts"

/** Time after which a cached bundle of other sources is removed. */
const maxAgeMillis = 86_400_000

const exists = (path: string) =>
  Fs.access(path).then(
    () => true,
    () => false
  )

/** Returns the folder of the package: the nearest one above this module that has a package.json. */
const findRoot = async (): Promise<string> => {
  for (let folder = Path.dirname(fileURLToPath(import.meta.url)); ; folder = Path.dirname(folder)) {
    if (await exists(Path.join(folder, "package.json"))) return folder
    if (folder === Path.dirname(folder))
      throw new Error(`${import.meta.url} is in no package: no folder above it has a package.json`)
  }
}

/** Returns a name for the sources of the page: it changes with the content of any of them. */
const hashSources = async (project: string) => {
  const names = (await Fs.readdir(Path.join(project, "src"), { recursive: true }))
    .filter((name) => /\.(?:tsx?|css|html|svg)$/.test(name) && !name.startsWith("cli"))
    .sort()
  const paths = ["package-lock.json", ...names.map((name) => Path.join("src", name))]
  const texts = await Promise.all(paths.map((path) => Fs.readFile(Path.join(project, path)).catch(() => "")))
  return NodeCompression.sha256(
    paths.map((path, at) => `${path} ${NodeCompression.sha256(texts[at]!)}`).join("\n")
  ).slice(0, 16)
}

const compressed = ".br"

/** Writes assets into a folder, each one beside its compressed form. */
const writeFolder = async (folder: string, assets: ReadonlyMap<string, PageAssets.Asset>) => {
  for (const [path, asset] of assets) {
    const file = Path.join(folder, path)
    await Fs.mkdir(Path.dirname(file), { recursive: true })
    await Fs.writeFile(file, asset.bytes)
    if (asset.brotli !== undefined) await Fs.writeFile(`${file}${compressed}`, asset.brotli)
  }
}

/** Reads the assets of a folder that `writeFolder` has written. */
const readFolder = async (folder: string): Promise<ReadonlyMap<string, PageAssets.Asset>> => {
  const entries = await Fs.readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => Path.relative(folder, Path.join(entry.parentPath, entry.name)))
  const contents = new Map(
    await Promise.all(files.map(async (name) => [name, await Fs.readFile(Path.join(folder, name))] as const))
  )
  const plain = files.filter((name) => !name.endsWith(compressed))
  return new Map(
    plain.map((name) => {
      const path = `/${name.split(Path.sep).join("/")}`
      const bytes = contents.get(name)!
      return [
        path,
        PageAssets.makeAsset(path, {
          bytes,
          brotli: contents.get(`${name}${compressed}`),
          hash: NodeCompression.sha256(bytes)
        })
      ] as const
    })
  )
}

/** Removes the bundles of earlier sources. */
const removeOld = async (cache: string, now: number) => {
  for (const name of await Fs.readdir(cache)) {
    const path = Path.join(cache, name)
    if (now - (await Fs.stat(path)).mtimeMs > maxAgeMillis) await Fs.rm(path, { recursive: true, force: true })
  }
}

/** Keeps a bundle for the next start. A folder that cannot be written is none: the next start bundles again. */
const keep = async (folder: string, assets: ReadonlyMap<string, PageAssets.Asset>) => {
  const cache = Path.dirname(folder)
  try {
    await Fs.mkdir(cache, { recursive: true })
    const unfinished = await Fs.mkdtemp(Path.join(cache, "unfinished-"))
    try {
      await writeFolder(unfinished, assets)
      await Fs.rename(unfinished, folder)
      await removeOld(cache, Date.now())
    } finally {
      // Another process was faster, or the disk is full.
      await Fs.rm(unfinished, { recursive: true, force: true })
    }
  } catch {
    // The page is in memory.
  }
}

/** Runs a step of the loading. Fails with the message of what it throws. */
const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, string> =>
  Effect.tryPromise({ try: run, catch: (cause) => (cause instanceof Error ? cause.message : String(cause)) })

/** Bundles the page of the sources in `project`, or reads the bundle of an earlier start. */
const fromSources = Effect.fnUntraced(function* (project: string) {
  const hash = yield* attempt(() => hashSources(project))
  const folder = Path.join(project, "node_modules/.cache/page", hash)
  if (yield* attempt(() => exists(folder))) return yield* attempt(() => readFolder(folder))
  const assets = yield* NodeBundler.bundle(project)
  yield* attempt(() => keep(folder, assets))
  return assets
})

/** The folder of the published page in the package. */
const publishedFolder = "dist/web/page"

const isSource = import.meta.url.endsWith(".ts")

const load = Effect.gen(function* () {
  const root = yield* attempt(findRoot)
  const published = Path.join(root, publishedFolder)
  const has = (path: string) => attempt(() => exists(path))
  // Beside the sources an earlier build may be of other sources.
  if (!isSource && (yield* has(Path.join(published, PageAssets.indexPath))))
    return yield* attempt(() => readFolder(published))
  if (yield* has(Path.join(root, "src/web/client/main.tsx")))
    return yield* fromSources(Path.dirname(yield* attempt(() => Fs.realpath(Path.join(root, "src")))))
  return yield* Effect.fail(`${published} is missing; install the package again, or run \`npm run build\``)
})

const unavailable = (reason: string): ReadonlyMap<string, PageAssets.Asset> => {
  const bytes = new TextEncoder().encode(`The page is not available: ${reason}\n`)
  const asset = PageAssets.makeAsset("/unavailable.txt", {
    bytes,
    brotli: undefined,
    hash: NodeCompression.sha256(bytes)
  })
  return new Map([[PageAssets.indexPath, asset]])
}

/** Writes the page of the sources in `project` into a folder, as the package has it. @category building @since 0.1.0 */
export const build = async (project: string, folder: string): Promise<ReadonlyArray<string>> => {
  const { page } = await import("./NodePageBundle.ts")
  const { chunks, files } = await page(project)
  await writeFolder(folder, await NodeCompression.compress(files))
  return chunks.flatMap(({ modules }) => modules)
}

/**
 * The files of the page of this package. In a checkout the bundling begins at once, in the background; in the package
 * the files are read at the first request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<PageAssets.PageAssets, never, Scope.Scope> = Effect.gen(function* () {
  const assets = yield* load.pipe(
    Effect.catch((reason) => Effect.as(Effect.logError(`cannot load the page: ${reason}`), unavailable(reason))),
    Effect.cached
  )
  if (isSource) yield* Effect.forkScoped(assets)
  return PageAssets.fromEffect(assets)
})
