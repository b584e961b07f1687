import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"
import * as DiskScenario from "../../suites/disk/DiskScenario.ts"
import * as SimDisks from "../../support/disk/SimDisks.ts"

/** Names of files and folders, few, so that operations meet. */
const Name = Schema.Literals(["a", "b", "a/b", "a/c", "b/a", "b/../a", "c", "c/"])
const Size = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9_000 }))

const Operation = Schema.Union([
  Schema.TaggedStruct("write", { name: Name, flag: Schema.Literals(["w", "wx", "a", "r+"]), bytes: Size }),
  Schema.TaggedStruct("rename", { name: Name, to: Name }),
  Schema.TaggedStruct("link", { name: Name, to: Name }),
  Schema.TaggedStruct("symlink", { name: Name, to: Name }),
  Schema.TaggedStruct("copyFile", { name: Name, to: Name }),
  Schema.TaggedStruct("makeDirectory", { name: Name, recursive: Schema.Boolean }),
  Schema.TaggedStruct("remove", { name: Name, recursive: Schema.Boolean }),
  Schema.TaggedStruct("truncate", { name: Name, bytes: Size }),
  Schema.TaggedStruct("sync", { name: Name }),
  Schema.TaggedStruct("stat", { name: Name })
])
const Operations = Schema.Array(Operation).check(Schema.isMinLength(5), Schema.isMaxLength(30))
const Seed = Schema.Int

type Operation = typeof Operation.Type

const perform = (
  { at, fs }: DiskScenario.Disk,
  step: Operation,
  index: number
): Effect.Effect<unknown, PlatformError.PlatformError> => {
  const path = at(step.name)
  switch (step._tag) {
    case "write":
      return fs.writeFile(path, new Uint8Array(step.bytes).fill(index + 1), { flag: step.flag })
    case "rename":
      return fs.rename(path, at(step.to))
    case "link":
      return fs.link(path, at(step.to))
    case "symlink":
      return fs.symlink(step.name, at(step.to))
    case "copyFile":
      return fs.copyFile(path, at(step.to))
    case "makeDirectory":
      return fs.makeDirectory(path, { recursive: step.recursive })
    case "remove":
      return fs.remove(path, { recursive: step.recursive })
    case "truncate":
      return fs.truncate(path, step.bytes)
    case "sync":
      return Effect.scoped(Effect.flatMap(fs.open(path), (file) => file.sync))
    case "stat":
      return Effect.map(fs.stat(path), ({ type }) => type)
  }
}

/** Returns the paths below the folder of a scenario, with their types and contents. */
const tree = Effect.fnUntraced(function* ({ at, fs }: DiskScenario.Disk) {
  const names = (yield* fs.readDirectory(at(""), { recursive: true })).sort()
  return yield* Effect.forEach(
    names,
    Effect.fnUntraced(function* (entry) {
      const { nlink, type } = yield* fs.lstat(at(entry))
      if (type === "SymbolicLink") return [entry, type, yield* fs.readLink(at(entry))]
      return type === "File"
        ? [entry, nlink, Buffer.from(yield* fs.readFile(at(entry))).toString("latin1")]
        : [entry, type]
    })
  )
})

const scenario =
  (steps: ReadonlyArray<Operation>): DiskScenario.Scenario =>
  (disk) =>
    Effect.gen(function* () {
      const results = yield* Effect.forEach(steps, (step, index) => disk.errorOf(perform(disk, step, index)))
      return [results, yield* tree(disk)]
    })

const simulated = (options: SimDisk.Options = {}) =>
  SimDisk.make({ clock: SimClock.make(), random: Math.random, name: "a", options: { latency: false, ...options } })

const own = { user: process.getuid?.() ?? 0, group: process.getgid?.() ?? 0 }

/** Performs operations on a disk, and returns what is seen after each: by default nothing. */
const performAll = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  steps: ReadonlyArray<Operation>,
  look: Effect.Effect<string, PlatformError.PlatformError> = Effect.succeed("")
) {
  const disk: DiskScenario.Disk = { ...DiskScenario.make(fs, ""), at: (one) => `/${one}` }
  const seen = [yield* look]
  for (const [index, step] of steps.entries()) {
    yield* disk.errorOf(perform(disk, step, index))
    seen.push(yield* look)
  }
  return seen
})

const namesOn = (fs: FileSystem.FileSystem) =>
  Effect.map(fs.readDirectory("/", { recursive: true }), (found) => found.sort().join(" "))

describe("random operations on a simulated disk", () => {
  it.live.prop(
    "have the results that they have on the host",
    [Operations],
    ([steps]) =>
      Effect.gen(function* () {
        const run = DiskScenario.run(scenario(steps))
        const real = yield* Effect.provide(run, NodeFileSystem.layer)
        const found = yield* Effect.provideService(run, FileSystem.FileSystem, simulated(own).fileSystem)
        assert.deepStrictEqual(found, real)
      }),
    { arbitrary: { runs: 150, seed: 1 } }
  )

  it.live.prop(
    "leave folders as they were at some moment",
    [Operations, Seed],
    ([steps, seed]) =>
      Effect.gen(function* () {
        const { disk } = SimDisks.make(seed, { latency: false })
        const { fileSystem: fs } = disk
        const seen = yield* performAll(fs, steps, namesOn(fs))
        disk.crash()
        // Calls of several changes, such as a recursive removal, may be cut in the middle.
        const isCut = steps.some((step) => "recursive" in step && step.recursive)
        if (!isCut) assert.include(seen, yield* namesOn(disk.fileSystem))
        const image = disk.image()
        disk.crash()
        assert.deepStrictEqual(disk.image(), image)
      }),
    { arbitrary: { runs: 300 } }
  )

  it.live.prop(
    "are all there after a sync of all files and folders",
    [Operations, Seed, Schema.Boolean],
    ([steps, seed, reorder]) =>
      Effect.gen(function* () {
        const { disk } = SimDisks.make(seed, { latency: false, reorder })
        const { fileSystem: fs } = disk
        yield* performAll(fs, steps)
        const before = disk.image()
        const folders = yield* fs.readDirectory("/", { recursive: true })
        for (const path of ["", ...folders]) yield* Effect.ignore(SimDisks.syncFolder(fs, `/${path}`))
        disk.crash()
        assert.deepStrictEqual(disk.image(), before)
      }),
    { arbitrary: { runs: 300 } }
  )
})
