/** The files of the repository that the rules read. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Source from "./Source.ts"

const written = "{src,test,scripts,docs}/**/*.{ts,c,h,sh,md,json,svg,yaml,service,socket}"
const beside = ["docs/deploy/Containerfile", "*.{ts,json,md}", "LICENSE", ".ci/run"]

/** Reads all written files. Empty files count as missing. */
export const read = (root: string): Source.Tree => {
  const paths = Fs.globSync([written, ...beside], { cwd: root, exclude: ["package-lock.json"] }).sort()
  const texts = paths.map((path) => [path, Fs.readFileSync(Path.join(root, path), "utf8")] as const)
  return Source.tree(Object.fromEntries(texts.filter(([, text]) => text !== "")))
}
