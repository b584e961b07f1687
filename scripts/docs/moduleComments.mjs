/**
 * Plugin of typedoc: the first comment of each module of the package is the module's own. Typedoc takes a comment
 * without the tag for that of the import below.
 */
import * as Path from "node:path"
import ts from "typescript"

const sources = `${Path.join(process.cwd(), "src")}${Path.sep}`

/** Adds the tag on the line where the first comment ends, so that the lines keep their numbers. */
const withTag = (text) => text.replace(/^(?:#!.*\n)?\/\*\*[\s\S]*?(?= ?\*\/)/, "$& @packageDocumentation")

export const load = () => {
  const { readFile } = ts.sys
  ts.sys.readFile = (path, encoding) => {
    const text = readFile(path, encoding)
    return text !== undefined && Path.resolve(path).startsWith(sources) ? withTag(text) : text
  }
}
