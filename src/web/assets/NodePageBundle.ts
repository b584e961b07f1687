/**
 * Bundles what runs in the browser, from the sources. The page is in chunks that are loaded on demand; the laboratory
 * is also one document that needs no server.
 *
 * It needs rolldown, which is not a dependency of the package: the published one has the bundle.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as PageAssets from "./PageAssets.ts"
import * as PageHtml from "./PageHtml.ts"

/** A script of the bundle. */
export interface Chunk {
  /** Path from the root of the site, as the other paths here. */
  readonly path: string
  /** Modules in it, as paths of files. */
  readonly modules: ReadonlyArray<string>
  /** Chunks that are loaded with it, and those that it loads on demand. */
  readonly imports: ReadonlyArray<string>
  readonly dynamicImports: ReadonlyArray<string>
}

/** A bundle of the page. */
export interface Bundle {
  readonly files: PageAssets.Files
  readonly chunks: ReadonlyArray<Chunk>
}

/** The part of rolldown that is used. A variable specifier keeps it out of the bundle of the command. */
const loadRolldown = (specifier: string): Promise<typeof import("rolldown")> => import(specifier)

/** Features that browsers of the last two years have. */
const target = "es2022"

/** An entry of a bundle. */
interface Entry {
  readonly name: string
  readonly path: string
  readonly format: "esm" | "iife"
  /** True for a bundle of one file. */
  readonly isWhole?: boolean
  /** Modules that have a bundle of their own, by the end of their path: the URL of that bundle. */
  readonly bundled?: Readonly<Record<string, string>>
}

/** A script of the output of rolldown. */
interface Script {
  readonly fileName: string
  readonly code: string
  readonly isEntry: boolean
  readonly moduleIds: ReadonlyArray<string>
  readonly imports: ReadonlyArray<string>
  readonly dynamicImports: ReadonlyArray<string>
}

/** Bundles one entry of the page. Fails if it imports a module that a browser does not have. */
const bundleEntry = async (client: string, entry: Entry): Promise<ReadonlyArray<Script>> => {
  const { rolldown } = await loadRolldown("rolldown")
  const { bundled = {}, format, isWhole = false, name, path } = entry
  const build = await rolldown({
    input: { [name]: Path.join(client, path) },
    cwd: client,
    platform: "browser",
    transform: {
      target,
      jsx: { runtime: "automatic", importSource: "preact" },
      define: { "process.env.NODE_ENV": '"production"' }
    },
    // No module of effect or preact does anything when it is loaded.
    treeshake: { moduleSideEffects: (id) => id.startsWith(client), propertyReadSideEffects: false },
    plugins: [
      {
        name: "bundled",
        resolveId: (id) => {
          const url = Object.entries(bundled).find(([end]) => id.endsWith(end))?.[1]
          return url === undefined ? undefined : { id: url, external: "absolute" as const }
        }
      }
    ],
    onLog: () => {}
  })
  const { output } = await build.generate({
    format,
    minify: true,
    comments: false,
    codeSplitting: !isWhole,
    entryFileNames: "assets/[name]-[hash].js",
    chunkFileNames: "assets/[name]-[hash].js"
  })
  await build.close()
  const scripts = output.filter((file) => file.type === "chunk")
  const known = new Set([...scripts.map(({ fileName }) => fileName), ...Object.values(bundled)])
  const missing = scripts.flatMap(({ dynamicImports, imports, moduleIds }) =>
    [...imports, ...dynamicImports]
      .filter((name) => !known.has(name))
      .map((name) => `${name}, imported by one of ${moduleIds.join(", ")}`)
  )
  if (missing.length > 0) throw new Error(`cannot bundle ${path}: a browser has no such module: ${missing.join("; ")}`)
  return scripts
}

/** The path of a file from the root of the site; a bundle of its own is named by it already. */
const pathOf = (name: string) => (name.startsWith("/") ? name : `/${name}`)

/** Reads the stylesheets: that of the page first, the others by name. */
const readStyles = async (client: string, isWanted: (name: string) => boolean) => {
  const folder = Path.join(client, "styles")
  const names = (await Fs.readdir(folder)).filter((name) => name.endsWith(".css") && isWanted(name))
  const order = (name: string) => (name === "base.css" ? "" : name)
  const texts = names
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
    .map((name) => Fs.readFile(Path.join(folder, name), "utf8"))
  return PageHtml.shortenStyles((await Promise.all(texts)).join("\n"))
}

const hashOf = (text: string) => Crypto.createHash("sha256").update(text).digest("base64url").slice(0, 8)

/** Returns all chunks that are loaded with the chunk of this name. */
const loadedWith = (name: string, chunks: ReadonlyArray<Script>) => {
  const found = new Set<string>([name])
  for (const at of found)
    for (const next of chunks.find(({ fileName }) => fileName === at)?.imports ?? []) found.add(next)
  found.delete(name)
  return [...found]
}

const clientOf = (project: string) => Path.join(project, "src/web/client")

/** Bundles the page of the sources in the folder `project`. */
export const page = async (project: string): Promise<Bundle> => {
  const client = clientOf(project)
  const [laboratory] = await bundleEntry(client, {
    name: "laboratory",
    path: "lab/mount.tsx",
    format: "esm",
    isWhole: true
  })
  const bundled = { "/mount.tsx": pathOf(laboratory!.fileName) }
  const [main, styles, template, icon] = await Promise.all([
    bundleEntry(client, { name: "main", path: "main.tsx", format: "esm", bundled }),
    readStyles(client, () => true),
    Fs.readFile(Path.join(client, "index.html"), "utf8"),
    Fs.readFile(Path.join(client, "favicon.svg"), "utf8")
  ])
  const chunks = [...main, laboratory!]
  const entry = main.find(({ isEntry }) => isEntry)!.fileName
  const stylesPath = `${PageAssets.hashedFolder}page-${hashOf(styles)}.css`
  const iconPath = `${PageAssets.hashedFolder}favicon-${hashOf(icon)}.svg`
  const preloads = loadedWith(entry, main).map(pathOf)
  const urls = { "main.tsx": `/${entry}`, "favicon.svg": iconPath }
  const texts = {
    [PageAssets.indexPath]: PageHtml.page(template, urls, stylesPath, preloads),
    [stylesPath]: styles,
    [iconPath]: icon,
    ...Object.fromEntries(chunks.map(({ code, fileName }) => [pathOf(fileName), code]))
  }
  const encoder = new TextEncoder()
  return {
    files: new Map(Object.entries(texts).map(([path, text]) => [path, encoder.encode(text)])),
    chunks: chunks.map(({ dynamicImports, fileName, imports, moduleIds }) => ({
      path: pathOf(fileName),
      modules: moduleIds,
      imports: imports.map(pathOf),
      dynamicImports: dynamicImports.map(pathOf)
    }))
  }
}

/** Stylesheets of views that the laboratory does not have. */
const otherStyles = ["board.css", "games.css"]

/** Bundles the laboratory of the sources in the folder `project` as one document. */
export const laboratory = async (project: string): Promise<string> => {
  const client = clientOf(project)
  const [chunks, styles, template, icon] = await Promise.all([
    bundleEntry(client, { name: "laboratory", path: "lab/static.tsx", format: "iife", isWhole: true }),
    readStyles(client, (name) => !otherStyles.includes(name)),
    Fs.readFile(Path.join(client, "lab/static.html"), "utf8"),
    Fs.readFile(Path.join(client, "favicon.svg"), "utf8")
  ])
  return PageHtml.laboratory(template, icon, styles, chunks[0]!.code)
}
