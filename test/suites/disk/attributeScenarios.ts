/** Scenarios of links, paths, permissions and times. */
import * as ByteSize from "effect/ByteSize"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Scenarios } from "./DiskScenario.ts"

export const scenarios: Scenarios = {
  "symbolic links are followed, also to files that do not exist yet": ({ at, errorOf, fs, put, text }) =>
    Effect.gen(function* () {
      yield* fs.makeDirectory(at("d"))
      yield* fs.symlink("../f", at("d/link"))
      const missing = yield* errorOf(fs.readFile(at("d/link")))
      yield* put("d/link", "text")
      const stat = yield* fs.stat(at("d/link"))
      const lstat = yield* fs.lstat(at("d/link"))
      return [missing, yield* text("f"), stat.type, lstat.type, Number(ByteSize.toBigInt(lstat.size))]
    }),
  "a circle of symbolic links is refused": ({ at, errorOf, fs }) =>
    Effect.gen(function* () {
      yield* fs.symlink("b", at("a"))
      yield* fs.symlink("a", at("b"))
      return yield* Effect.all([
        errorOf(fs.readFile(at("a"))),
        errorOf(fs.stat(at("a"))),
        errorOf(fs.realPath(at("a"))),
        errorOf(fs.exists(at("a"))),
        errorOf(fs.lstat(at("a")))
      ])
    }),
  "readLink and symlink refuse what they must": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      return yield* Effect.all([
        errorOf(fs.readLink(at("f"))),
        errorOf(fs.readLink(at("none"))),
        errorOf(fs.symlink("x", at("f"))),
        errorOf(fs.symlink("x", at("none/y")))
      ])
    }),
  "hard links share a file": ({ at, errorOf, fs, put, text }) =>
    Effect.gen(function* () {
      yield* put("f", "one")
      yield* fs.link(at("f"), at("g"))
      yield* put("g", "two")
      const { nlink } = yield* fs.stat(at("f"))
      yield* fs.remove(at("f"))
      const errors = yield* Effect.all([
        errorOf(fs.link(at("none"), at("x"))),
        errorOf(fs.link(at("g"), at("g"))),
        errorOf(fs.link(at(""), at("x")))
      ])
      return [yield* text("g"), Number(Option.getOrThrow(nlink)), errors]
    }),
  "realPath resolves links and dots": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* fs.makeDirectory(at("d/e"), { recursive: true })
      yield* put("d/f", "")
      yield* fs.symlink("d/e", at("link"))
      const paths = yield* Effect.all([fs.realPath(at("link/../f")), fs.realPath(at("d/./e/../e")), fs.realPath("/")])
      return [paths.map((path) => path.replace(at(""), "")), yield* errorOf(fs.realPath(at("none")))]
    }),
  "a path through a file is refused": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      return yield* Effect.all([
        errorOf(fs.stat(at("f/x"))),
        errorOf(fs.stat(at("f/"))),
        errorOf(fs.stat(at("f/.."))),
        errorOf(fs.exists(at("f/x"))),
        errorOf(fs.access(at("none"))),
        errorOf(fs.stat(""))
      ])
    }),
  "a name may have 255 bytes": ({ at, errorOf, put }) =>
    Effect.all([
      errorOf(put("n".repeat(255), "")),
      errorOf(put("n".repeat(256), "")),
      errorOf(put("ü".repeat(128), "")),
      errorOf(Effect.as(put("x", ""), at("")))
    ]),
  "chmod changes the mode of a file": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      yield* fs.chmod(at("f"), 0o421)
      return [(yield* fs.stat(at("f"))).mode.toString(8), yield* errorOf(fs.chmod(at("none"), 0o600))]
    }),
  "permissions hold for users, and not for root": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "text")
      yield* fs.makeDirectory(at("d"))
      yield* put("d/f", "")
      yield* fs.chmod(at("f"), 0)
      yield* fs.chmod(at("d"), 0o500)
      const results = yield* Effect.all([
        errorOf(fs.readFile(at("f"))),
        errorOf(put("f", "new")),
        errorOf(fs.access(at("f"), { readable: true })),
        errorOf(fs.access(at("f"), { ok: true })),
        errorOf(fs.access(at("f"), { writable: true })),
        errorOf(put("d/g", "")),
        errorOf(fs.remove(at("d/f"))),
        errorOf(fs.rename(at("d/f"), at("g"))),
        errorOf(fs.makeDirectory(at("d/e")))
      ])
      yield* fs.chmod(at("d"), 0o600)
      const inside = yield* errorOf(fs.stat(at("d/f")))
      yield* fs.chmod(at("d"), 0o700)
      return [results, inside]
    }),
  "chown to the own user and group is permitted": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      const { gid, uid } = yield* fs.stat(at("f"))
      return yield* errorOf(fs.chown(at("f"), Option.getOrThrow(uid), Option.getOrThrow(gid)))
    }),
  "utimes takes seconds and dates": ({ at, errorOf, fs, put }) =>
    Effect.gen(function* () {
      yield* put("f", "")
      yield* fs.utimes(at("f"), 1_234, new Date(5_678_000))
      const { atime, mtime } = yield* fs.stat(at("f"))
      return [atime, mtime, yield* errorOf(fs.utimes(at("none"), 1, 1))]
    }),
  "a watched folder reports new, changed and removed files": ({ at, fs, put }) =>
    Effect.gen(function* () {
      yield* put("old", "")
      const ready = yield* Deferred.make<void>()
      const events = fs.watch(at(""), { onReady: () => Deferred.doneUnsafe(ready, Effect.void) })
      const watching = yield* Effect.forkChild(
        Stream.runCollect(Stream.takeUntil(events, ({ _tag, path }) => _tag === "Remove" && path === "old"))
      )
      yield* Deferred.await(ready)
      yield* fs.makeDirectory(at("new"))
      yield* put("old", "text")
      yield* fs.remove(at("old"))
      const seen = yield* Fiber.join(watching)
      // Node looks at a new name later: its event may come after the next ones.
      return [...new Set(seen.map(({ _tag, path }) => `${_tag} ${path}`))].sort()
    }),
  "a missing path cannot be watched": ({ at, errorOf, fs }) => errorOf(Stream.runDrain(fs.watch(at("none"))))
}
