/** Check of the files that `capture read` writes: none of them is the capture, or another one of them. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { UsageError } from "../../../common/CliErrors.ts"
import type { Input } from "./Input.ts"

/** Returns what names a file, whatever its path: its device and inode, or else the path. */
const identityOf = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.stat(path))
  if (Option.isNone(info)) return path
  const { dev, ino, type } = info.value
  // Several may write to a device or a pipe.
  return type === "File" && Option.isSome(ino) ? `${dev} ${ino.value}` : undefined
})

/** Fails if a file would be written that is the capture itself, or written twice. */
export const check = Effect.fnUntraced(function* ({ file, html, svg }: Input) {
  const files = [
    ["the capture", file],
    ["--svg", svg],
    ["--html", html]
  ] as const
  const owners = new Map<string, string>()
  for (const [name, path] of files) {
    const identity = path === undefined || path === "-" ? undefined : yield* identityOf(path)
    if (identity === undefined) continue
    const owner = owners.get(identity)
    if (owner !== undefined)
      return yield* new UsageError({
        message: `${name} and ${owner} are one file (${JSON.stringify(path)}): write another one`
      })
    owners.set(identity, name)
  }
})
