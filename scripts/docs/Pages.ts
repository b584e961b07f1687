/** The Markdown pages of the site: documents of the repository with a title, a group and links that work there. */
import * as Path from "node:path/posix"
import * as Charts from "./Charts.ts"

/** The address of the repository's files. */
export const repository = "https://github.com/effect-inet/effect-inet/blob/main"

/** A page of the site. */
export interface Page {
  /** The path in the repository. */
  readonly path: string
  readonly text: string
}

/** The groups of pages in the order of the navigation, each with the pages that it holds. */
const groups: ReadonlyArray<readonly [group: string, pages: RegExp]> = [
  ["Start", /^docs\/(?:course|architecture|glossary)\.md$/],
  ["Guides", /^docs\/guide\//],
  ["Reference", /^docs\/(?:reference\/|benchmarks\.md$)/],
  ["Project", /^[A-Z]+\.md$/]
]

/** Returns the group of a page; undefined for other documents. */
const groupOf = (path: string) => groups.find(([, pages]) => pages.test(path))?.[0]

/** Matches the title of a page, which is its first heading. */
const heading = /^# (.*)\n+/

const isAbsolute = (target: string) => /^(?:[a-z]+:|#)/.test(target)

/** Rewrites a link of the page at `path`: a page of the site stays relative, other files are in the repository. */
const rewriteTarget = (path: string, target: string, isOnSite: (path: string) => boolean) => {
  if (isAbsolute(target)) return target
  const [file = "", fragment] = target.split("#")
  const resolved = Path.join(Path.dirname(path), file)
  if (isOnSite(resolved)) return target
  return `${repository}/${resolved}${fragment === undefined ? "" : `#${fragment}`}`
}

/** Applies `change` to the parts of a page outside fences. */
const outsideFences = (text: string, change: (part: string) => string) =>
  text
    .split(/^(```[\s\S]*?^```$)/m)
    .map((part, index) => (index % 2 === 1 ? part : change(part)))
    .join("")

const rewriteLinks = (path: string, text: string, isOnSite: (path: string) => boolean) =>
  outsideFences(text, (part) =>
    part.replaceAll(/(?<=\]\()([^()\s]+)(?=\))/g, (target) => rewriteTarget(path, target, isOnSite))
  )

/** Converts a document of the repository to a page of the site. */
export const convert = ({ path, text }: Page, isOnSite: (path: string) => boolean): Page => {
  const linked = rewriteLinks(path, Charts.insert(text), isOnSite)
  // The title of the first page is that of the site.
  if (path === "README.md") return { path, text: linked.replace(heading, "") }
  const title = heading.exec(text)?.[1]?.replaceAll("`", "")
  return { path, text: `---\ntitle: ${title}\ngroup: ${groupOf(path)}\n---\n\n${linked}` }
}

/** Returns the page of the API for a file of the sources: that of its module if the package exports it. */
export const apiPage = (file: string, indexes: ReadonlyMap<string, string>): string | undefined => {
  const [, folder = "", rest = ""] = /^src\/(\w+)\/(.+)\.ts$/.exec(file) ?? []
  if (rest === "index") return `modules/${folder}.html`
  const name = Path.basename(rest)
  return indexes.get(folder)?.includes(`export * as ${name} from "./${rest}.ts"`) === true
    ? `modules/${folder}.${name}.html`
    : undefined
}
