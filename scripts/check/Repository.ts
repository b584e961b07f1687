/** The repository's own files, as the rules of the house see them. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Source from "./Source.ts"

const written = "{src,test,scripts,docs}/**/*.{ts,c,sh,md,json}"
const beside = ["*.{ts,json,md}", "LICENSE", ".ci/run"]

/** Reads every file a person wrote; empty ones are not there yet. */
export const read = (root: string): Source.Tree => {
  const paths = Fs.globSync([written, ...beside], { cwd: root, exclude: ["package-lock.json"] }).sort()
  const texts = paths.map((path) => [path, Fs.readFileSync(Path.join(root, path), "utf8")] as const)
  return Source.tree(Object.fromEntries(texts.filter(([, text]) => text !== "")))
}
