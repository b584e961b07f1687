/** File names on the command line as bytes. */
import * as Fs from "node:fs"
import * as Result from "effect/Result"
import * as NameText from "../../../tftp/protocol/NameText.ts"

/**
 * Returns an argument of this process as text of `NameText`. Node replaces bytes that are not UTF-8 by U+FFFD; Linux
 * has the bytes. On other systems the argument is unchanged.
 */
export const restore = (argument: string): string => {
  if (!argument.includes("\ufffd")) return argument
  const bytes = Result.getOrElse(
    Result.try(() => Fs.readFileSync("/proc/self/cmdline")),
    () => Buffer.alloc(0)
  )
  const names = NameText.fromBytes(bytes).split("\0")
  return names.find((name) => Buffer.from(NameText.toBytes(name)).toString() === argument) ?? argument
}
