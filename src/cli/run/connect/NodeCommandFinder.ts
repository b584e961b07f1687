/** Search for the program of `--exec`, as execvp(3) does it. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as SystemErrorText from "../../../network/SystemErrorText.ts"

/** Why a path is not a program that can be run, and the fix; undefined if it is one. */
const reasonOf = (path: string): string | undefined => {
  try {
    if (Fs.statSync(path).isDirectory()) return "a folder; give the path of a program in it"
    Fs.accessSync(path, Fs.constants.X_OK)
    return undefined
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EACCES"
      ? "not executable; allow it with chmod +x"
      : `${SystemErrorText.format(cause)}; check the path`
  }
}

const isProgram = (path: string) => reasonOf(path) === undefined

/** The folders that execvp(3) of glibc searches without PATH. */
const defaultSearchPath = "/bin:/usr/bin"

/**
 * Returns why a command cannot be run, with the fix, or undefined if its program exists. A name with a slash is a path,
 * any other is searched in the folders of PATH, of which an empty one is the current folder.
 */
export const whyMissing = (command: string, searchPath = process.env.PATH ?? defaultSearchPath): string | undefined => {
  if (command === "") return "the name is empty; give a command"
  if (command.includes("/")) return reasonOf(command)
  return searchPath.split(":").some((folder) => isProgram(Path.join(folder, command)))
    ? undefined
    : "no such command (searched PATH); install it, or give its path"
}
