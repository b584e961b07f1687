/** Programs with files on simulated hosts, and file systems with a mistake, which a check must find. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Random from "effect/Random"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as FilePlatform from "../../../src/process/FilePlatform.ts"
import type * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import type * as FaultPlan from "../../../src/simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"

/** Disk whose calls all take about the same time: a crash at a random time is between any two of them. */
const defaultDisk: SimDisk.Options = { latency: { sync: "2 millis", other: "1 millis" } }

/** A file system with a mistake of those who use it. */
export type Mistake = (fs: FileSystem.FileSystem) => FileSystem.FileSystem

/** Nothing is wrong. */
const correct: Mistake = (fs) => fs

/** Files are not synced before they are renamed. Folders, which are opened to be read, are. */
export const withoutFileSync: Mistake = (fs) => ({
  ...fs,
  open: (path, options) =>
    Effect.map(fs.open(path, options), (file) =>
      options?.flag === undefined ? file : Object.assign(Object.create(file), { sync: Effect.void })
    )
})

/** Folders are not synced after a rename. */
export const withoutFolderSync: Mistake = (fs) => ({
  ...fs,
  open: (path, options) =>
    Effect.map(fs.open(path, options), (file) =>
      options?.flag === undefined ? Object.assign(Object.create(file), { sync: Effect.void }) : file
    )
})

/** Files are renamed first and synced then. */
export const renameBeforeSync: Mistake = (fs) => ({
  ...withoutFileSync(fs),
  rename: (from, to) =>
    Effect.andThen(fs.rename(from, to), Effect.scoped(Effect.flatMap(fs.open(to, { flag: "r+" }), (file) => file.sync)))
})

/** Makes the host of files for the program that starts now; each start is a process of its own. */
export const platform = Effect.fnUntraced(function* (host: Pick<SimHost.SimHost, "disk">, mistake: Mistake = correct) {
  const random = yield* Random.Random
  const path = yield* Path.Path
  const hex = () => (Math.floor(random.nextDoubleUnsafe() * 2 ** 32) >>> 0).toString(16).padStart(8, "0")
  const owner = `00000000-${1 + Math.floor(random.nextDoubleUnsafe() * 4_000_000)}-${hex()}`
  const fileSystem = mistake(host.disk.fileSystem)
  const made: FilePlatform.FilePlatform = {
    fileSystem,
    path,
    openToRead: (name) => Effect.map(fileSystem.open(name), FilePlatform.readerOf),
    owner: () => owner,
    isAlive: (one) => one === owner,
    user: undefined,
    randomName: hex
  }
  return made
})

/** Plans with faults of the disk of the server, alone and together. */
const diskPlans = [
  "disk-error=10% server kind=sync",
  "disk-error=40% server kind=sync",
  "disk-error=3% server",
  "disk-error=10% server kind=other, disk-error=10% server kind=sync",
  "disk-error=15% server kind=write",
  "disk-full=20% server",
  "disk-full=server@40ms..200ms, disk-error=5% server kind=sync",
  "disk-slow=server@20ms..300ms 1ms..20ms, disk-error=5% server",
  "disk-slow=30% 1ms..10ms server, disk-full=5% server, disk-error=20% server kind=sync"
].map((plan) => FaultPlanSyntax.parseUnsafe(plan))

/** Returns the plan of a seed: faults of the disk. */
export const diskFaults = (seed: number): FaultPlan.FaultPlan => diskPlans[seed % diskPlans.length]!

/**
 * Starts a program again, as a new process, when it ends with a failure that the disk explains.
 *
 * The program is also killed at random times, while its host goes on.
 */
export const startAgain = <E, R>(
  program: Effect.Effect<unknown, E, R>,
  isDiskFailure: (error: E) => boolean
): Effect.Effect<void, E, Exclude<R, Scope.Scope>> =>
  Effect.flatMap(Random.nextBetween(1, 150), (lifeMillis) =>
    Effect.scoped(program).pipe(
      Effect.raceFirst(Effect.sleep(lifeMillis)),
      Effect.catchIf(isDiskFailure, () => Effect.void),
      Effect.andThen(Effect.sleep("3 millis")),
      Effect.andThen(Effect.suspend(() => startAgain(program, isDiskFailure)))
    )
  )

/** Runs a program on a host that crashes a few times, each time at a random moment, and lets it end. */
export const withCrashes = Effect.fnUntraced(function* <E, R>(
  { host }: Simulation.Simulation,
  options: { readonly crashes: number; readonly maxMillis: number; readonly disk?: SimDisk.Options },
  program: (host: SimHost.SimHost) => Effect.Effect<unknown, E, R>
) {
  const server = yield* host("server", { disk: { ...defaultDisk, ...options.disk } })
  // A message for each loss would fill the screen.
  yield* server.start(Effect.provideService(program(server), References.MinimumLogLevel, "Fatal"))
  for (let crash = 0; crash < options.crashes; crash++) {
    yield* Effect.sleep(yield* Random.nextBetween(0, options.maxMillis))
    yield* server.crash
    yield* Effect.sleep("1 millis")
    yield* server.restart
  }
  yield* Effect.sleep(options.maxMillis)
  return server
})
