/** Check of the links of a static site. */
import * as Path from "node:path/posix"

/** The files of a site by path; the text of HTML pages only. */
export type Site = ReadonlyMap<string, string | undefined>

const decode = (text: string) =>
  decodeURIComponent(text.replaceAll("&amp;", "&").replaceAll("&quot;", '"').replaceAll("&#39;", "'"))

const attributes = function* (html: string, names: string) {
  for (const [, value = ""] of html.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, "g"))) yield value
}

/** Returns a line for each link of the site to a file or an anchor that does not exist. */
export const broken = (site: Site): ReadonlyArray<string> => {
  const anchors = new Map<string, ReadonlySet<string>>()
  for (const [path, html] of site) {
    if (html !== undefined) anchors.set(path, new Set([...attributes(html, "id|name")].map(decode)))
  }
  const found = new Set<string>()
  for (const [path, html] of site) {
    for (const link of attributes(html ?? "", "href|src")) {
      if (/^(?:[a-z]+:|\/\/)/i.test(link)) continue
      const [file = "", fragment] = link.split("#")
      const target = file === "" ? path : Path.join(Path.dirname(path), decode(file).replace(/\?.*$/, ""))
      const isMissing = !site.has(target)
      const lacksAnchor =
        fragment !== undefined && fragment !== "" && anchors.get(target)?.has(decode(fragment)) === false
      if (isMissing || lacksAnchor) found.add(`${path}: ${link}`)
    }
  }
  return [...found]
}
