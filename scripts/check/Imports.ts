/** The graph of imports between the files of a repository. Pure. */
import * as Path from "node:path/posix"
import type { Import, Source, Tree } from "./Source.ts"

const targetOf = (path: string, { specifier }: Import) => Path.join(Path.dirname(path), specifier)

/** The files of `tree` that a file imports, types included. */
const targets = (source: Source, tree: Tree): ReadonlyArray<string> =>
  source.imports
    .filter(({ specifier }) => specifier.startsWith("."))
    .map((what) => targetOf(source.path, what))
    .filter((path) => tree.has(path))

/** Returns the shortest chain of imports from one file to another, both included. */
const chain = (from: string, to: string, tree: Tree): ReadonlyArray<string> | undefined => {
  const importerOf = new Map<string, string | undefined>([[from, undefined]])
  for (const path of importerOf.keys()) {
    if (path === to) {
      const files: Array<string> = []
      for (let at: string | undefined = to; at !== undefined; at = importerOf.get(at)) files.unshift(at)
      return files
    }
    for (const target of targets(tree.get(path)!, tree)) if (!importerOf.has(target)) importerOf.set(target, path)
  }
  return undefined
}

/** Finds each import of a file that leads back to it. */
export const findCycles = function* (
  source: Source,
  tree: Tree
): Iterable<{ readonly line: number; readonly message: string }> {
  for (const what of source.imports) {
    const target = targetOf(source.path, what)
    if (!what.specifier.startsWith(".") || !tree.has(target)) continue
    const files = chain(target, source.path, tree)
    if (files !== undefined)
      yield { line: what.line, message: `imports in a circle: ${[source.path, ...files].join(" -> ")}` }
  }
}
