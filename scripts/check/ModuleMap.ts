/** The map of modules in docs/architecture.md: the first sentence of every module, by folder. */
import * as Path from "node:path/posix"
import type { Source, Tree } from "./Source.ts"

const firstSentence = ({ text }: Source): string => {
  const doc = /^\s*\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ""
  const prose = doc.replace(/\s*\n\s*\*? ?/g, " ").trim()
  return /^.*?[.](?=\s|$)/.exec(prose)?.[0] ?? prose
}

/** Modules of the package; the command line and the kernel have their own pages and dialect. */
const isModule = (path: string) => /^src\/(?!cli\/|primes\/kernel\/).*\.tsx?$/.test(path) && !path.endsWith("/index.ts")

const rowOf = (source: Source) =>
  `| [${Path.basename(source.path).replace(/\.tsx?$/, "")}](../${source.path}) | ${firstSentence(source).replaceAll("|", "\\|")} |`

/** Formats the map: a foldable table for each folder of src. */
const format = (tree: Tree): string => {
  const folders = Map.groupBy(
    [...tree.values()].filter(({ path }) => isModule(path)),
    ({ path }) => Path.dirname(path)
  )
  const sections = [...folders.keys()].sort().map((folder) => {
    const sources = folders.get(folder)!.toSorted((a, b) => (a.path < b.path ? -1 : 1))
    const summary = `<details><summary><code>${folder}</code>, ${sources.length} modules</summary>`
    return [summary, "", "| module | contents |", "| --- | --- |", ...sources.map(rowOf), "", "</details>"].join("\n")
  })
  return sections.join("\n\n")
}

const marked = /(<!-- modules -->\n)[\s\S]*?(<!-- end of modules -->)/

/** Replaces the map in the text of a page. */
export const insert = (page: string, tree: Tree): string =>
  page.replace(marked, (_, before: string, after: string) => `${before}${format(tree)}\n${after}`)
