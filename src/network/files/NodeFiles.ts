/**
 * The file system of the host, for `RegularFile`. The open of a FIFO that has replaced a file does not wait for its
 * writer, which nothing could cancel.
 */
import * as Fs from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { constVoid } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SystemErrorText from "../SystemErrorText.ts"
import * as RegularFile from "./RegularFile.ts"

/** Does not wait for the other end of a FIFO, and makes no terminal that of the process. */
const flags = Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK | Fs.constants.O_NOCTTY

/** Calls a function of node:fs. */
const call = <A>(run: (done: (cause: NodeJS.ErrnoException | null, result?: A) => void) => void) =>
  Effect.callback<A, RegularFile.RegularFileError>((resume) =>
    run((cause, result) =>
      resume(
        cause === null
          ? Effect.succeed(result as A)
          : Effect.fail(
              new RegularFile.RegularFileError({
                reason: cause.code === "ENOENT" ? "NotFound" : "SystemError",
                message: SystemErrorText.format(cause)
              })
            )
      )
    )
  )

const typeOf = (stats: Fs.Stats): FileSystem.File.Type =>
  stats.isFile() ? "File" : stats.isDirectory() ? "Directory" : stats.isFIFO() ? "FIFO" : "Unknown"

/** Closes a descriptor. Nothing waits for it: on a file system that does not respond it may take for ever. */
const close = (descriptor: number) => Fs.close(descriptor, constVoid)

/** Opens a descriptor. Interruption does not wait for the system: what it opens later is closed. */
const openDescriptor = (path: string) =>
  Effect.suspend(() => {
    let isWanted = true
    const opened = call<number>((done) =>
      Fs.open(path, flags, (cause, descriptor) => {
        if (isWanted) done(cause, descriptor)
        else if (cause === null) close(descriptor)
      })
    )
    return Effect.onInterrupt(opened, () =>
      Effect.sync(() => {
        isWanted = false
      })
    )
  })

/** Opens a file for reading, of whatever kind it is, until the scope closes. */
const open = (path: string): Effect.Effect<RegularFile.OpenFile, RegularFile.RegularFileError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(openDescriptor(path), (descriptor) => Effect.sync(() => close(descriptor)), {
      interruptible: true
    }),
    (descriptor) => ({
      stat: Effect.map(
        call<Fs.Stats>((done) => Fs.fstat(descriptor, done)),
        (stats) => ({ type: typeOf(stats), size: ByteSize.bytes(stats.size) })
      ),
      read: (maxBytes) =>
        Effect.suspend(() => {
          const buffer = new Uint8Array(maxBytes)
          return Effect.map(
            call<number>((done) => Fs.read(descriptor, buffer, 0, maxBytes, null, done)),
            (length) => (length === 0 ? Option.none() : Option.some(buffer.subarray(0, length)))
          )
        })
    })
  )

/** The file system of the host, and the opener of regular files. */
export const layer: Layer.Layer<FileSystem.FileSystem> = Layer.merge(
  NodeFileSystem.layer,
  Layer.succeed(RegularFile.Opener, open)
)
