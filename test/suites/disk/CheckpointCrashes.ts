/** Checkpoint of a farm on a host that crashes. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as FileCheckpoint from "../../../src/farm/checkpoint/FileCheckpoint.ts"
import * as FarmError from "../../../src/farm/FarmError.ts"
import type * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as SimFiles from "../../support/disk/SimFiles.ts"

class WrongCheckpoint extends Error {
  override readonly name = "WrongCheckpoint"
}

const path = "/farm/checkpoint"

/** Text of a version, of several pages. */
const textOf = (version: number) => `${version} ${"abcdefgh".repeat(1_500)} ${version}`

/** Versions that a checkpoint may have: the last one that was written, and all that were begun since. */
interface Known {
  written: number
  begun: number
  /** File system of the disk since its last crash. */
  fileSystem: FileSystem.FileSystem | undefined
  /** True while a removal has begun and no write has ended since: there may be none. */
  mayBeMissing: boolean
}

/** A run that writes checkpoints, and at times removes its own; after each crash it finds the old one or the new. */
export const crashes = (options: SimDisk.Options = {}, mistake?: SimFiles.Mistake) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    const known: Known = { written: 0, begun: 0, fileSystem: undefined, mayBeMissing: true }
    const disk = { files: { "/farm/keep": "" }, ...options }
    const work = (host: SimHost.SimHost) =>
      Effect.gen(function* () {
        const platform = yield* SimFiles.platform(host, mistake)
        const checkpoint = FileCheckpoint.make(platform, path, { maxBytes: 1e6 })
        yield* checkpoint.lock ?? Effect.void
        const text = yield* checkpoint.read
        const version = text === undefined ? 0 : Number(text.split(" ")[0])
        const isKnown = text === undefined ? known.mayBeMissing : text === textOf(version) && version >= known.written
        if (!isKnown || version > known.begun) {
          yield* Effect.fail(new WrongCheckpoint(`found ${version}, wrote ${known.written}, began ${known.begun}`))
        }
        yield* simulation.sometimes("new, though not acknowledged", version > known.written)
        yield* simulation.sometimes("old", version === known.written && known.begun > version && version > 0)
        // What is found after a crash is there to stay; without one, it may be in the cache alone.
        if (known.fileSystem !== host.disk.fileSystem) {
          known.fileSystem = host.disk.fileSystem
          known.written = Math.max(known.written, version)
          known.mayBeMissing = text === undefined
        }
        yield* Effect.forever(
          Effect.gen(function* () {
            known.begun++
            const { begun } = known
            yield* checkpoint.write(textOf(begun))
            known.written = begun
            known.mayBeMissing = false
            if (begun % 5 !== 0) return
            known.mayBeMissing = true
            yield* checkpoint.remove
            known.written = begun + 1
          })
        )
      })
    yield* SimFiles.withCrashes(simulation, { crashes: 4, maxMillis: 60, disk }, (host) =>
      SimFiles.startAgain(work(host), (error) => error instanceof FarmError.FarmError)
    )
  })
