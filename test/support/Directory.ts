import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"

/** Creates a directory with files, removed when the scope closes. */
export const directory = (files: Readonly<Record<string, string>> = {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-store-")))),
      (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
    ),
    (path) => {
      const root = Path.join(path, "root")
      Fs.mkdirSync(root)
      for (const [name, text] of Object.entries(files)) {
        Fs.mkdirSync(Path.dirname(Path.join(root, name)), { recursive: true })
        Fs.writeFileSync(Path.join(root, name), text)
      }
      return { path, root, inRoot: (name: string) => Path.join(root, name) }
    }
  )

/** Waits until the names in a folder satisfy a condition, which is checked after each change of the folder. */
export const waitForNames = (folder: string, holds: (names: ReadonlyArray<string>) => boolean) =>
  Effect.acquireUseRelease(
    Effect.sync(() => Fs.watch(folder)),
    (watcher) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (holds(Fs.readdirSync(folder))) resume(Effect.void)
        }
        watcher.on("change", look)
        look()
      }),
    (watcher) => Effect.sync(() => watcher.close())
  )
