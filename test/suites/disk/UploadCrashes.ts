/** Uploads to a TFTP server on a host that crashes. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import * as FileOwner from "../../../src/process/FileOwner.ts"
import type * as FilePlatform from "../../../src/process/FilePlatform.ts"
import type * as SimHost from "../../../src/simulation/network/SimHost.ts"
import type * as Simulation from "../../../src/simulation/Simulation.ts"
import * as FileName from "../../../src/tftp/store/FileName.ts"
import * as UploadSteps from "../../../src/tftp/store/UploadSteps.ts"
import * as SimFiles from "../../support/disk/SimFiles.ts"

class WrongUpload extends Error {
  override readonly name = "WrongUpload"
}

const folder = "/root"
const blockBytes = 1_400
const blocks = 6
const complete = ".complete"

/** Content of a version, of several blocks; its size differs from those of the versions around it. */
const contentOf = (version: number) => {
  const content = new Uint8Array(blocks * blockBytes + (version % 3) * 1_000).fill(version % 251)
  content.set(new TextEncoder().encode(`${version}.`))
  return content
}

/** Returns the version of a content; undefined if it is not whole. */
const versionOf = (content: Uint8Array) => {
  const version = Number.parseInt(new TextDecoder("latin1").decode(content.subarray(0, 9)), 10)
  if (Number.isNaN(version)) return undefined
  const wanted = contentOf(version)
  return content.length === wanted.length && content.every((byte, at) => byte === wanted[at]) ? version : undefined
}

/** Writes blocks to a file. */
const fill = Effect.fnUntraced(function* (
  { fileSystem }: FilePlatform.FilePlatform,
  path: string,
  flag: "wx" | "r+",
  content: Uint8Array
) {
  const file = yield* fileSystem.open(path, { flag })
  for (let at = 0; at < content.length; at += blockBytes) yield* file.writeAll(content.subarray(at, at + blockBytes))
  return file
})

const sync = ({ fileSystem }: FilePlatform.FilePlatform, path: string) =>
  Effect.scoped(Effect.flatMap(fileSystem.open(path), (file) => file.sync))

export type Steps = ReadonlyArray<UploadSteps.NameStep | UploadSteps.InPlaceStep>

/** Uploads a version of a target by steps, as the store does over system calls. */
const upload = Effect.fnUntraced(function* (
  platform: FilePlatform.FilePlatform,
  target: string,
  version: number,
  steps: Steps,
  isNew: boolean
) {
  const { fileSystem: fs, owner, randomName } = platform
  const temporary = `${folder}/${FileName.uploadPrefix}0123456789abcdef.${owner()}.${randomName()}`
  const path = `${folder}/${target}`
  const content = contentOf(version)
  yield* fill(platform, temporary, "wx", content)
  yield* UploadSteps.run(steps, {
    SyncTemporary: sync(platform, temporary),
    TakeName: isNew ? Effect.andThen(fs.link(temporary, path), fs.remove(temporary)) : fs.rename(temporary, path),
    RemoveTemporary: Effect.void,
    SyncFolder: sync(platform, folder),
    MarkComplete: fs.rename(temporary, `${temporary}${complete}`),
    SyncTemporaryFolder: sync(platform, folder),
    WriteTarget: Effect.gen(function* () {
      yield* fill(platform, path, "r+", content)
      yield* fs.truncate(path, content.length)
    }),
    SyncTarget: sync(platform, path),
    RemoveComplete: fs.remove(`${temporary}${complete}`)
  })
}, Effect.scoped)

/**
 * Repairs targets as an operator does: copies the newest complete upload of a killed or failed server over its target.
 *
 * It does so also if the target looks the same, which may be so in the cache alone.
 */
const repair = Effect.fnUntraced(function* (platform: FilePlatform.FilePlatform, target: string) {
  const { fileSystem: fs } = platform
  const left: Array<{ readonly path: string; readonly content: Uint8Array; readonly version: number }> = []
  for (const name of yield* fs.readDirectory(folder)) {
    if (!name.endsWith(complete)) continue
    const path = `${folder}/${name}`
    const content = yield* fs.readFile(path)
    const version = versionOf(content)
    if (version === undefined) return yield* Effect.fail(new WrongUpload(`${name} is not whole`))
    left.push({ path, content, version })
  }
  const newest = left.toSorted((a, b) => b.version - a.version)[0]
  const present = versionOf(yield* fs.readFile(`${folder}/${target}`)) ?? 0
  if (newest !== undefined && newest.version >= present) {
    yield* fill(platform, `${folder}/${target}`, "r+", newest.content)
    yield* fs.truncate(`${folder}/${target}`, newest.content.length)
    yield* sync(platform, `${folder}/${target}`)
  }
  for (const { path } of left) yield* fs.remove(path)
}, Effect.scoped)

/** Way in which uploads take their place. */
export type Way = "replace" | "create" | "in place"

export const stepsOf: Readonly<Record<Way, Steps>> = {
  replace: UploadSteps.byName({ sync: true }),
  create: UploadSteps.byName({ sync: true }),
  "in place": UploadSteps.inPlace
}

/** A server that takes uploads, and whose host crashes: each file is whole, and none that was acknowledged is lost. */
export const crashes = (way: Way, steps: Steps = stepsOf[way], reorder = false) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
    let acknowledged = 0
    let begun = 0
    let fileSystem: FileSystem.FileSystem | undefined
    const files = { [`${folder}/target`]: contentOf(0) }
    const serve = (host: SimHost.SimHost) =>
      Effect.gen(function* () {
        const platform = yield* SimFiles.platform(host)
        const { fileSystem: fs } = platform
        yield* FileOwner.sweep(platform, folder, FileName.uploadPrefix)
        yield* repair(platform, "target")
        let known = 0
        for (const name of yield* fs.readDirectory(folder)) {
          if (name.startsWith(FileName.uploadPrefix)) continue
          const version = versionOf(yield* fs.readFile(`${folder}/${name}`))
          if (version === undefined) yield* Effect.fail(new WrongUpload(`${name} is not whole`))
          known = Math.max(known, version ?? 0)
        }
        if (known < acknowledged)
          yield* Effect.fail(new WrongUpload(`lost: has ${known}, acknowledged ${acknowledged}`))
        yield* simulation.sometimes("an upload that was not acknowledged", known > acknowledged)
        // What is found after a crash is there to stay; without one, it may be in the cache alone.
        if (fileSystem !== host.disk.fileSystem) acknowledged = known
        fileSystem = host.disk.fileSystem
        while (true) {
          const version = ++begun
          const target = way === "create" ? `new-${version}` : "target"
          const ended = yield* Effect.exit(upload(platform, target, version, steps, way === "create"))
          if (Exit.isSuccess(ended)) acknowledged = version
          // The client asks again.
          else if (Cause.hasInterrupts(ended.cause)) return yield* ended
        }
      })
    yield* SimFiles.withCrashes(simulation, { crashes: 4, maxMillis: 90, disk: { files, reorder } }, (host) =>
      SimFiles.startAgain(serve(host), PlatformError.isPlatformError)
    )
  })

/** Returns the steps without one. */
export const without = (steps: Steps, step: Steps[number]) => steps.filter((one) => one !== step)
