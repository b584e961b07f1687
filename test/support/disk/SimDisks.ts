/** Simulated disks without a host, for tests. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Makes a disk with a seed, on a clock of its own. */
export const make = (seed: number, options?: SimDisk.Options, more?: Partial<SimDisk.Host>) => {
  const clock = SimClock.make()
  return { clock, disk: SimDisk.make({ clock, random: FaultRandom.sequence(seed), name: "a", options, ...more }) }
}

/**
 * Runs a program on a clock until a virtual time, and returns its exit. The time is of the clock; undefined if the
 * program has not ended.
 */
export const runUntil = <A, E>(
  clock: SimClock.SimClock,
  nanos: number,
  program: Effect.Effect<A, E, Scope.Scope>
): Exit.Exit<A, E> | undefined => {
  const context = Context.make(
    Clock.Clock,
    clock.clockOf(() => 0)
  ).pipe(Context.add(Scheduler.Scheduler, clock.scheduler))
  const fiber = Effect.runForkWith(context)(Effect.scoped(program))
  clock.advance(nanos, () => fiber.pollUnsafe() !== undefined)
  return fiber.pollUnsafe()
}

/** Writes a text to a file, and syncs it and its folder as told. */
export const write = (
  fs: FileSystem.FileSystem,
  path: string,
  text: string,
  { flag = "w", sync = false }: { readonly flag?: FileSystem.OpenFlag; readonly sync?: boolean } = {}
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fs.open(path, { flag })
      yield* file.writeAll(bytes(text))
      if (sync) yield* file.sync
    })
  )

/** Syncs a folder. */
export const syncFolder = (fs: FileSystem.FileSystem, path: string) =>
  Effect.scoped(Effect.flatMap(fs.open(path), (folder) => folder.sync))

/** Returns the files of a disk as texts. */
export const texts = (disk: SimDisk.SimDisk): Readonly<Record<string, string>> =>
  Object.fromEntries([...disk.image()].map(([path, content]) => [path, new TextDecoder("latin1").decode(content)]))
