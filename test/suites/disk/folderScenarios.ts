/** Scenarios of folders: create, list, rename, remove, copy. */
import * as Effect from "effect/Effect"
import type { Disk, Scenarios } from "./DiskScenario.ts"

/** Creates a tree with a file, an empty folder, a nested file and links. */
const tree = Effect.fnUntraced(function* ({ at, fs, put }: Disk, root = "t") {
  yield* fs.makeDirectory(at(`${root}/deep/er`), { recursive: true })
  yield* fs.makeDirectory(at(`${root}/empty`))
  yield* put(`${root}/file`, "one")
  yield* put(`${root}/deep/er/file`, "two")
  yield* fs.symlink("file", at(`${root}/link`))
})

const list = ({ at, fs }: Disk, name = "") =>
  Effect.map(fs.readDirectory(at(name), { recursive: true }), (names) => names.sort())

export const scenarios: Scenarios = {
  "makeDirectory refuses what exists, and a missing parent": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      yield* fs.makeDirectory(at("d"))
      return yield* Effect.all([
        errorOf(fs.makeDirectory(at("d"))),
        errorOf(fs.makeDirectory(at("f"))),
        errorOf(fs.makeDirectory(at("none/d"))),
        errorOf(fs.makeDirectory(at("f/d"))),
        errorOf(fs.makeDirectory(at("d"), { recursive: true })),
        errorOf(fs.makeDirectory(at("f"), { recursive: true })),
        errorOf(fs.makeDirectory(at("f/d"), { recursive: true })),
        errorOf(fs.makeDirectory(at("d/e/"), {})),
        errorOf(fs.makeDirectory(at("d/.."), {}))
      ])
    }),
  "makeDirectory has a mode": ({ at, fs }) =>
    Effect.gen(function* () {
      yield* fs.makeDirectory(at("d"), { mode: 0o700 })
      yield* fs.makeDirectory(at("e"))
      return [(yield* fs.stat(at("d"))).mode.toString(8), (yield* fs.stat(at("e"))).mode.toString(8)]
    }),
  "readDirectory lists names, and with recursive those below": (disk) =>
    Effect.gen(function* () {
      yield* tree(disk)
      const names = yield* disk.fs.readDirectory(disk.at("t"))
      const entries = yield* disk.fs.readDirectoryEntries(disk.at("t"))
      return [names.sort(), entries.map(({ name, type }) => `${name} ${type}`).sort(), yield* list(disk)]
    }),
  "readDirectory refuses a file and a missing folder": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      return [yield* errorOf(fs.readDirectory(at("f"))), yield* errorOf(fs.readDirectoryEntries(at("none")))]
    }),
  "glob finds files below a folder": (disk) =>
    Effect.gen(function* () {
      yield* tree(disk)
      const found = yield* disk.fs.glob("**/file", { root: disk.at("") })
      return [found, yield* disk.fs.glob("t/*", { root: disk.at(""), exclude: ["t/link"] })]
    }),
  "remove refuses a folder without recursive": (disk) =>
    Effect.gen(function* () {
      const { at, errorOf, fs } = disk
      yield* tree(disk)
      const errors = yield* Effect.all([
        errorOf(fs.remove(at("t"))),
        errorOf(fs.remove(at("t/empty"))),
        errorOf(fs.remove(at("none"))),
        errorOf(fs.remove(at("none"), { force: true })),
        errorOf(fs.remove(at("t/file/x"), { force: true })),
        errorOf(fs.remove(at("t/link"))),
        errorOf(fs.remove(at("t"), { recursive: true })),
        errorOf(fs.remove(at("t"), { recursive: true })),
        errorOf(fs.remove(at("t"), { recursive: true, force: true }))
      ])
      return [errors, yield* list(disk)]
    }),
  "rename replaces files, and empty folders": (disk) =>
    Effect.gen(function* () {
      const { at, errorOf, fs, put, text } = disk
      yield* tree(disk)
      yield* put("f", "new")
      const results = yield* Effect.all([
        errorOf(fs.rename(at("f"), at("t/file"))),
        errorOf(fs.rename(at("t/file"), at("t/empty"))),
        errorOf(fs.rename(at("t/empty"), at("t/file"))),
        errorOf(fs.rename(at("t/empty"), at("t/deep"))),
        errorOf(fs.rename(at("t"), at("t/deep/t"))),
        errorOf(fs.rename(at("none"), at("x"))),
        errorOf(fs.rename(at("t/file"), at("none/x"))),
        errorOf(fs.rename(at("t/file"), at("t/file"))),
        errorOf(fs.rename(at("t/file"), at("new/"))),
        errorOf(fs.rename(at("t/deep"), at("t/empty"))),
        errorOf(fs.rename(at("t/link"), at("moved")))
      ])
      return [results, yield* text("t/file"), yield* fs.readLink(at("moved")), yield* list(disk)]
    }),
  "rename of one of two names of a file to the other keeps both": (disk) =>
    Effect.gen(function* () {
      const { at, fs, put } = disk
      yield* put("f", "text")
      yield* fs.link(at("f"), at("g"))
      yield* fs.rename(at("f"), at("g"))
      return yield* list(disk)
    }),
  "a folder counts its subfolders as links": (disk) =>
    Effect.gen(function* () {
      const { at, fs } = disk
      yield* tree(disk)
      yield* fs.rename(at("t/deep"), at("deep"))
      yield* fs.makeDirectory(at("t/deep"))
      yield* fs.remove(at("t/empty"), { recursive: true })
      return [yield* list(disk), yield* fs.exists(at("deep/er/file")), yield* fs.exists(at("t/deep/../file"))]
    }),
  "copyFile copies content and mode, and replaces": (disk) =>
    Effect.gen(function* () {
      const { at, errorOf, fs, put, text } = disk
      yield* put("f", "text")
      yield* put("g", "a longer text")
      yield* fs.chmod(at("f"), 0o640)
      yield* fs.copyFile(at("f"), at("g"))
      yield* fs.copyFile(at("f"), at("h"))
      const modes = [(yield* fs.stat(at("g"))).mode, (yield* fs.stat(at("h"))).mode]
      const errors = yield* Effect.all([
        errorOf(fs.copyFile(at("none"), at("x"))),
        errorOf(fs.copyFile(at("f"), at("none/x"))),
        errorOf(fs.copyFile(at("f"), at("")))
      ])
      return [yield* text("g"), yield* text("h"), modes, errors]
    }),
  "copy copies a tree, and keeps what exists unless told otherwise": (disk) =>
    Effect.gen(function* () {
      const { at, fs, put, text } = disk
      yield* tree(disk)
      yield* fs.copy(at("t"), at("new/copy"))
      const first = yield* list(disk)
      yield* put("t/file", "changed")
      yield* fs.copy(at("t"), at("new/copy"))
      const kept = yield* text("new/copy/file")
      yield* fs.copy(at("t"), at("new/copy"), { overwrite: true })
      const link = yield* fs.readLink(at("new/copy/link"))
      return [first, kept, yield* text("new/copy/file"), link === at("t/file")]
    }),
  "copy refuses a folder over a file, a file over a folder, and a folder into itself": (disk) =>
    Effect.gen(function* () {
      const { at, errorOf, fs } = disk
      yield* tree(disk)
      return yield* Effect.all([
        errorOf(fs.copy(at("t"), at("t/file"))),
        errorOf(fs.copy(at("t/file"), at("t/empty"))),
        errorOf(fs.copy(at("t"), at("t/deep/t"))),
        errorOf(fs.copy(at("none"), at("x"))),
        errorOf(fs.copy(at("t/file"), at("t/file")))
      ])
    }),
  "copy keeps times if told so": ({ at, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "text")
      yield* fs.utimes(at("f"), 1_000, 2_000)
      yield* fs.copy(at("f"), at("g"), { preserveTimestamps: true })
      const { mtime } = yield* fs.stat(at("g"))
      return mtime
    }),
  "temporary files and folders end with their scope": ({ at, errorOf, fs }) =>
    Effect.gen(function* () {
      const paths = yield* Effect.scoped(
        Effect.gen(function* () {
          const folder = yield* fs.makeTempDirectoryScoped({ directory: at(""), prefix: "p-" })
          const file = yield* fs.makeTempFileScoped({ directory: at(""), suffix: ".txt" })
          const shape = [folder.startsWith(at("p-")), folder.length - at("p-").length, file.endsWith(".txt")]
          const { mode } = yield* fs.stat(folder)
          return [shape, file.split("/").length - at("").split("/").length, mode.toString(8)] as const
        })
      )
      const left = yield* fs.readDirectory(at(""))
      return [paths, left, yield* errorOf(fs.makeTempDirectory({ directory: at("none") }))]
    })
}
