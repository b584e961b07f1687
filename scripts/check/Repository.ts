/** The files of the repository that the rules read. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Source from "./Source.ts"

const written = "{src,test,scripts,docs}/**/*.{ts,tsx,css,html,c,h,sh,md,json,svg,yaml,service,socket}"
const beside = ["docs/deploy/Containerfile", "*.{ts,json,md}", "LICENSE", ".ci/run"]

/** Pictures of documents: the rules know that they exist. */
const pictures = "docs/**/*.{webp,png}"

/** Reads all written files. Empty files count as missing. */
export const read = (root: string): Source.Tree => {
  const paths = Fs.globSync([written, ...beside], { cwd: root, exclude: ["package-lock.json"] }).sort()
  const texts = paths.map((path) => [path, Fs.readFileSync(Path.join(root, path), "utf8")] as const)
  const shown = Fs.globSync(pictures, { cwd: root }).map((path) => [path, "a picture"] as const)
  return Source.tree(Object.fromEntries([...texts.filter(([, text]) => text !== ""), ...shown]))
}
