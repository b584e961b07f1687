/** Modules that a user names by a path. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"

/** Returns the URL of a path, which may be relative to the current folder. */
export const url = (path: string): string => pathToFileURL(Path.resolve(path)).href

const problemOf = async (module: string) => {
  if (!module.startsWith("file:")) return undefined
  const path = fileURLToPath(module)
  if (!(await Fs.stat(path)).isFile()) return "not a file"
  return /\bexports?\b/.test(await Fs.readFile(path, "latin1")) ? undefined : "it exports nothing"
}

/**
 * Returns the reason for which a module has no exports; undefined if it may have some. It is not imported for that: an
 * import runs a program.
 */
export const problem = (module: string): Effect.Effect<string | undefined> =>
  Effect.tryPromise(() => problemOf(module)).pipe(
    Effect.catch(({ cause }) => {
      const { code, message } = cause as NodeJS.ErrnoException
      return Effect.succeed(code === "ENOENT" ? "no such file" : message)
    })
  )
