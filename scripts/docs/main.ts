/**
 * node scripts/docs/main.ts
 *
 * Builds the documentation site into `dist-docs/`: the API reference from the docstrings, the guides, the architecture
 * with its diagrams, the benchmarks with charts, and the laboratory as one document. Fails if a link leads nowhere.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { buildLaboratory } from "../build-page.ts"
import * as Html from "./Html.ts"
import * as Links from "./Links.ts"
import * as Pages from "./Pages.ts"

const root = Path.join(import.meta.dirname, "../..")
const toolsFolder = Path.join(root, ".cache/docs-tools")
const pagesFolder = Path.join(root, ".cache/docs")
const siteFolder = Path.join(root, "dist-docs")

const read = (path: string) => Fs.readFileSync(path, "utf8")

const write = (path: string, content: string | Uint8Array) => {
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  Fs.writeFileSync(path, content)
}

/** Files under a folder, as paths relative to it. */
const filesUnder = (folder: string) =>
  Fs.globSync("**/*", { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Path.relative(folder, Path.join(entry.parentPath, entry.name)))

const tool = (path: string) => Path.join(toolsFolder, "node_modules", path)

/** Installs the tools of `scripts/docs/package.json` apart from the project, unless they are there. */
const installTools = () => {
  const lockFile = read(Path.join(import.meta.dirname, "package-lock.json"))
  const installed = Path.join(toolsFolder, "package-lock.json")
  if (Fs.existsSync(tool("typedoc")) && read(installed) === lockFile) return
  for (const name of ["package.json", "package-lock.json"]) {
    write(Path.join(toolsFolder, name), Fs.readFileSync(Path.join(import.meta.dirname, name)))
  }
  execFileSync("npm", ["ci", "--silent", "--no-audit", "--no-fund"], { cwd: toolsFolder, stdio: "inherit" })
}

/** Writes the pages for typedoc. */
const writePages = () => {
  Fs.rmSync(pagesFolder, { recursive: true, force: true })
  const documents = Fs.globSync(["*.md", "docs/**/*"], { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Path.relative(root, Path.join(entry.parentPath, entry.name)))
    .sort()
  const isOnSite = (path: string) => documents.includes(path)
  for (const path of documents) {
    const content = path.endsWith(".md")
      ? Pages.convert({ path, text: read(Path.join(root, path)) }, isOnSite).text
      : Fs.readFileSync(Path.join(root, path))
    write(Path.join(pagesFolder, path), content)
  }
}

/** Runs typedoc. The plugins that import its modules are copied beside it. */
const runTypedoc = () => {
  const copied = ["parameters.mjs", "moduleComments.mjs"].map((name) => {
    const copy = Path.join(toolsFolder, name)
    Fs.copyFileSync(Path.join(import.meta.dirname, name), copy)
    return copy
  })
  const plugins = [...copied, Path.join(import.meta.dirname, "Headings.ts")]
  const options = Path.join(import.meta.dirname, "typedoc.json")
  const args = [tool("typedoc/bin/typedoc"), "--options", options, ...plugins.flatMap((path) => ["--plugin", path])]
  execFileSync(process.execPath, args, { cwd: root, stdio: "inherit" })
}

/** Fails if a module has a page without its docstring. */
const checkModuleComments = () => {
  const bare = filesUnder(Path.join(siteFolder, "modules")).filter(
    (path) => !read(Path.join(siteFolder, "modules", path)).includes('"tsd-panel tsd-comment"')
  )
  for (const path of bare) process.stderr.write(`no docstring on the page of the module: modules/${path}\n`)
  if (bare.length > 0) process.exitCode = 1
}

/** Copies mermaid beside the script that loads it. */
const copyMermaid = () => {
  const from = tool("mermaid/dist")
  for (const path of ["mermaid.esm.min.mjs", ...Fs.globSync("chunks/mermaid.esm.min/*.mjs", { cwd: from })]) {
    write(Path.join(siteFolder, "assets/mermaid", path), Fs.readFileSync(Path.join(from, path)))
  }
}

/** Leads links to modules that the package exports to their pages of the API. */
const linkSources = () => {
  const indexes = new Map(
    Fs.globSync("*/index.ts", { cwd: Path.join(root, "src") }).map((path) => [
      Path.dirname(path),
      read(Path.join(root, "src", path))
    ])
  )
  for (const path of filesUnder(siteFolder).filter((name) => /^(?:documents\/.*|index)\.html$/.test(name))) {
    const base = path.startsWith("documents/") ? "../" : ""
    const html = read(Path.join(siteFolder, path)).replaceAll(
      new RegExp(`href="${Pages.repository}/(src/[^"#]+)"[^>]*`, "g"),
      (link, file: string) => {
        const page = Pages.apiPage(file, indexes)
        return page === undefined ? link : `href="${base}${page}"`
      }
    )
    write(Path.join(siteFolder, path), html)
  }
}

/** Corrects all pages. */
const correctPages = () => {
  for (const path of filesUnder(siteFolder).filter((name) => name.endsWith(".html"))) {
    write(Path.join(siteFolder, path), Html.correct(read(Path.join(siteFolder, path))))
  }
}

const checkLinks = () => {
  const site: Links.Site = new Map(
    filesUnder(siteFolder).map((path) => [path, path.endsWith(".html") ? read(Path.join(siteFolder, path)) : undefined])
  )
  const broken = Links.broken(site)
  for (const line of broken) process.stderr.write(`broken link in ${line}\n`)
  if (broken.length > 0) process.exitCode = 1
  else process.stdout.write(`${site.size} files in dist-docs, every link leads to one\n`)
}

installTools()
writePages()
runTypedoc()
copyMermaid()
linkSources()
correctPages()
await buildLaboratory(Path.join(siteFolder, "laboratory.html"))
checkLinks()
checkModuleComments()
