/**
 * node scripts/build-command.ts
 *
 * Bundles the command line with all that it imports into `dist/cli/`: a file for each command, loaded on demand, and
 * one for each program that runs in a thread or a process of its own. A bundle starts in a third of the time of
 * separate modules.
 *
 * A second bundle, in `dist/cli-shared/`, imports `effect` from the project in which the package is installed. It is
 * for the commands that load modules of users: a schema or a layer of one copy of `effect` does not work with another.
 * Files without `effect` that both bundles would have, such as the HTTP client of Node, are in the first one only.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { type OutputChunk, type Plugin, rolldown } from "rolldown"
import * as Licenses from "./Licenses.ts"

const root = Path.join(import.meta.dirname, "..")

/** A module that other threads or processes load: by its own URL, or by that of the module beside it. */
const ownUrl = /\bmodule(?:: string =|:) import\.meta\.url\b/

const isLoadedByUrl = (path: string) =>
  /\/Node\w*(?:Thread|Process)\.ts$/.test(path) || ownUrl.test(Fs.readFileSync(Path.join(root, path), "utf8"))

const entryPaths = () => [
  "src/cli/bin.ts",
  // The page of the package is bundled: it needs no process for that.
  ...Fs.globSync("src/**/*.ts", { cwd: root, exclude: ["src/primes/kernel/**", "src/web/assets/**"] })
    .sort()
    .filter(isLoadedByUrl)
]

const nameOf = (path: string) => Path.basename(path, ".ts")

/** The entries of the bundle by name: they are all in one folder. */
export const entries = (): Readonly<Record<string, string>> => {
  const paths = entryPaths()
  const found = Object.fromEntries(paths.map((path) => [nameOf(path), path]))
  if (Object.keys(found).length < paths.length) throw new Error(`two entries have one name: ${paths.join(", ")}`)
  return found
}

/** Gives each entry its own URL: its code may be in a file that entries share. */
const ownUrls = (paths: ReadonlyArray<string>): Plugin => ({
  name: "own-urls",
  transform: (code, id) => {
    const path = Path.relative(root, id)
    if (!paths.includes(path) || !code.includes("import.meta.url")) return undefined
    return code.replaceAll("import.meta.url", `new URL("./${nameOf(path)}.js", import.meta.url).href`)
  }
})

/** A replacement in a module of effect. The build fails if the module no longer has the text. */
interface Deferral {
  readonly module: string
  readonly text: string
  readonly replacement: string
}

/** Values that effect creates when it is loaded, and that most commands do not use. */
const deferrals: ReadonlyArray<Deferral> = [
  // Loads the break iterator of ICU, for texts that are not ASCII.
  {
    module: "effect/dist/cli/CliOutput.js",
    text: "const graphemeSegmenter = /*#__PURE__*/new Intl.Segmenter",
    replacement: "let segmenter; const graphemeSegmenter = () => segmenter ??= new Intl.Segmenter"
  },
  { module: "effect/dist/cli/CliOutput.js", text: "of graphemeSegmenter.", replacement: "of graphemeSegmenter()." },
  {
    module: "effect/dist/cli/CliOutput.js",
    text: "export const displayWidth = text => {",
    replacement: `export const displayWidth = text => {
  const plain = stripAnsi(text)
  if (/^[\\x20-\\x7e]*$/.test(plain)) return plain.length`
  }
]

const defer = (): Plugin => {
  const applied = new Set<Deferral>()
  return {
    name: "defer",
    transform: (code, id) => {
      const own = deferrals.filter(({ module }) => id.endsWith(`/node_modules/${module}`))
      if (own.length === 0) return undefined
      return own.reduce((text, deferral) => {
        if (!text.includes(deferral.text)) throw new Error(`${deferral.module} has no text ${deferral.text}`)
        applied.add(deferral)
        return text.replace(deferral.text, () => deferral.replacement)
      }, code)
    },
    buildEnd: () => {
      for (const deferral of deferrals) {
        if (!applied.has(deferral)) throw new Error(`${deferral.module} is not part of the bundle`)
      }
    }
  }
}

const isNode = /^node:/

const isEffect = /^effect(?:\/|$)/

/** Writes a bundle of these entries into `folder`, and returns its files. */
const bundleInto = async (
  folder: string,
  input: Readonly<Record<string, string>>,
  external: ReadonlyArray<RegExp>,
  plugins: ReadonlyArray<Plugin>
) => {
  const bundle = await rolldown({
    input: Object.fromEntries(Object.entries(input).map(([name, path]) => [name, Path.join(root, path)])),
    platform: "node",
    external: [...external],
    preserveEntrySignatures: "strict",
    plugins: [ownUrls(Object.values(input)), ...plugins]
  })
  const { output } = await bundle.write({
    dir: folder,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    comments: false
  })
  await bundle.close()
  return output.filter((file) => file.type === "chunk")
}

/** A place of a file that it uses for more than loading modules of Node or naming itself in a stack. */
const ownPlace = /(?<!createRequire\()import\.meta\.(?!filename\b)/

/** Tests if a file is the same in another folder: other threads and processes load an entry by its own URL. */
const isMovable = ({ code, isEntry }: OutputChunk) => !isEntry && !ownPlace.test(code)

/** Returns the names of the files that two bundles have in common, with all that they import. */
const commonFiles = (first: ReadonlyArray<OutputChunk>, second: ReadonlyArray<OutputChunk>): ReadonlySet<string> => {
  const codes = new Map(first.map(({ code, fileName }) => [fileName, code]))
  const names = new Set(second.map(({ fileName }) => fileName))
  const common = new Map(
    second.flatMap((file) =>
      isMovable(file) && codes.get(file.fileName) === file.code ? [[file.fileName, file] as const] : []
    )
  )
  const isClosed = ({ dynamicImports, imports }: OutputChunk) =>
    [...imports, ...dynamicImports].every((name) => !names.has(name) || common.has(name))
  for (let size = -1; size !== common.size; ) {
    size = common.size
    for (const [name, file] of common) if (!isClosed(file)) common.delete(name)
  }
  return new Set(common.keys())
}

/** Removes the files from the second folder that it has in common with the first, and lets the others import those. */
const shareFiles = (
  [firstFolder, first]: readonly [folder: string, files: ReadonlyArray<OutputChunk>],
  [folder, files]: readonly [folder: string, files: ReadonlyArray<OutputChunk>]
) => {
  const common = commonFiles(first, files)
  const inFirst = Path.relative(folder, firstFolder)
  for (const { code, dynamicImports, fileName, imports } of files) {
    if (common.has(fileName)) {
      Fs.rmSync(Path.join(folder, fileName))
      continue
    }
    const moved = [...imports, ...dynamicImports].filter((name) => common.has(name))
    if (moved.length === 0) continue
    const text = moved.reduce((text, name) => text.replaceAll(`"./${name}"`, `"${inFirst}/${name}"`), code)
    Fs.writeFileSync(Path.join(folder, fileName), text)
  }
}

/** Writes the bundle into `folder`, and the one that shares `effect` into the folder beside it. */
export const build = async (folder: string) => {
  const { bin, ...programs } = entries()
  const whole = await bundleInto(folder, { bin: bin!, ...programs }, [isNode], [defer()])
  Fs.writeFileSync(
    Path.join(folder, "LICENSES.txt"),
    Licenses.format(
      "The command",
      whole.flatMap(({ moduleIds }) => moduleIds)
    )
  )
  const other = `${folder}-shared`
  const input = { NodeMain: "src/cli/NodeMain.ts", ...programs }
  shareFiles([folder, whole], [other, await bundleInto(other, input, [isNode, isEffect], [])])
}

if (import.meta.main) await build(Path.join(root, "dist/cli"))
