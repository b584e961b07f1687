/** A scenario on a file system, whose result is plain data: equal on the host's file system and on a simulated disk. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"

/** The file system of a scenario; all paths are below an empty folder. */
export interface Disk {
  readonly fs: FileSystem.FileSystem
  /** Returns the path of a name in the folder. */
  readonly at: (name: string) => string
  /** Writes a text to a new file. */
  readonly put: (name: string, text: string) => Effect.Effect<void, PlatformError.PlatformError>
  readonly text: (name: string) => Effect.Effect<string, PlatformError.PlatformError>
  /** Returns the error of an effect as text: its tag, method, system call and code; `ok` if it has none. */
  readonly errorOf: (effect: Effect.Effect<unknown, PlatformError.PlatformError, Scope.Scope>) => Effect.Effect<string>
}

/** Steps with a result as plain data. */
export type Scenario = (disk: Disk) => Effect.Effect<unknown, PlatformError.PlatformError, Scope.Scope>

/** Scenarios by name. */
export type Scenarios = Readonly<Record<string, Scenario>>

const describeError = ({ reason }: PlatformError.PlatformError) => {
  if (reason._tag === "BadArgument") return `BadArgument ${reason.method}`
  const { code = "no code" } = (reason.cause ?? {}) as { readonly code?: string }
  return `${reason._tag} ${reason.method} ${reason.syscall ?? ""} ${code}`
}

/** Makes the disk of a scenario from a file system and an empty folder. */
export const make = (fs: FileSystem.FileSystem, root: string): Disk => {
  const at = (name: string) => (name === "" ? root : `${root}/${name}`)
  return {
    fs,
    at,
    put: (name, text) => fs.writeFileString(at(name), text),
    text: (name) => fs.readFileString(at(name)),
    errorOf: (effect) => Effect.match(Effect.scoped(effect), { onSuccess: () => "ok", onFailure: describeError })
  }
}

/** Runs a scenario in an empty folder of a file system. */
export const run = (scenario: Scenario) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped({ prefix: "inet-disk-" }))
    return yield* scenario(make(fs, root))
  }).pipe(
    Effect.match({ onSuccess: (value) => value as unknown, onFailure: (error) => `failed: ${describeError(error)}` }),
    Effect.scoped
  )
