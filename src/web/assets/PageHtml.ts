/** The documents of the page and of the laboratory, with the names of the files that the build has made. Pure. */

/** A reference of a document to a file of the sources, such as `src="./main.tsx"`. */
const reference = /\b(src|href)="\.\/([\w./-]+)"/g

const stylesheet = /[ \t]*<link\b[^>]*\brel="stylesheet"[^>]*>\n?/g

const script = /[ \t]*<script\b[^>]*\bsrc="[^"]*"[^>]*><\/script>\n?/g

/** Matches a comment that is not read by a browser. */
const comment = /[ \t]*<!--[\s\S]*?-->\n?/g

/** Replaces the first match by `replacement`, and removes the others. */
const replaceFirst = (text: string, pattern: RegExp, replacement: string): string => {
  let isFirst = true
  return text.replace(pattern, () => {
    const now = isFirst ? replacement : ""
    isFirst = false
    return now
  })
}

/**
 * Writes the document of the page.
 *
 * `urls` has the URL of each file that the template refers to, by its path from the folder of the template. All
 * stylesheets are in one file, `styles`; `preloads` are the URLs of scripts that the first one imports.
 */
export const page = (
  template: string,
  urls: Readonly<Record<string, string>>,
  styles: string,
  preloads: ReadonlyArray<string>
): string => {
  const links = preloads.map((url) => `<link rel="modulepreload" href="${url}" />\n`).join("")
  const withStyles = replaceFirst(
    template.replace(comment, ""),
    stylesheet,
    `<link rel="stylesheet" href="${styles}" />\n${links}`
  )
  return withStyles.replace(reference, (found, attribute: string, path: string) => {
    const url = urls[path]
    if (url === undefined)
      throw new Error(`cannot write the page: it refers to ${found}, which the build does not make`)
    return `${attribute}="${url}"`
  })
}

/** Escapes a script that stands within a document: its strings may have what ends it. */
export const inlineScript = (code: string): string => code.replace(/<\/(?=script)/gi, "<\\/").replace(/<!--/g, "<\\!--")

/** Writes the document of the laboratory, which needs no other file: icon, styles and script are in it. */
export const laboratory = (template: string, icon: string, styles: string, code: string): string => {
  const link = `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}" />\n`
  const withStyles = replaceFirst(template.replace(comment, ""), stylesheet, `${link}<style>${styles}</style>\n`)
  const found = replaceFirst(withStyles, script, `<script>${inlineScript(code)}</script>\n`)
  if (found === withStyles) throw new Error("cannot write the laboratory: its document has no script; add one with src")
  return found
}

/** Removes comments and the white space between the tokens of a stylesheet. */
export const shortenStyles = (css: string): string =>
  css
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,]) ?/g, "$1")
    .replace(/;\}/g, "}")
    .trim()
