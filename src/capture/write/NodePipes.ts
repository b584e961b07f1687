/**
 * Pipes of the host for captures. With this layer `Capture.layer` and `Capture.start` write to a named pipe, and to
 * standard output, without ever waiting for the reader in a call to the system.
 *
 * **Example** (A pipe without a reader does not stop the program)
 *
 * ```ts
 * import { Capture, NodePipes } from "effect-inet/capture"
 * import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
 * import * as Effect from "effect/Effect"
 * import { execFileSync } from "node:child_process"
 * import { mkdtempSync, rmSync } from "node:fs"
 *
 * const folder = mkdtempSync("/tmp/inet-")
 * execFileSync("mkfifo", [`${folder}/p`])
 * const program = Effect.gen(function* () {
 *   const tap = yield* Capture.start(`${folder}/p`, { closeTimeout: 0, onFailure: () => Effect.void })
 *   typeof tap // => "function"
 * })
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide([NodePipes.layer, NodeFileSystem.layer])))
 * rmSync(folder, { recursive: true })
 * ```
 */
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Layer from "effect/Layer"
import * as SystemErrorText from "../../network/SystemErrorText.ts"
import { type OpenPipe, PipeError, Pipes } from "./Pipes.ts"

/** Does not wait for the other end, and makes no terminal that of the process. */
const flags = Fs.constants.O_WRONLY | Fs.constants.O_NONBLOCK | Fs.constants.O_NOCTTY

const errorOf = (cause: unknown) => new PipeError({ message: SystemErrorText.format(cause) })

/** Opens a descriptor; undefined if the pipe has no reader. */
const openDescriptor = (path: string) =>
  Effect.callback<number | undefined, PipeError>((resume) =>
    Fs.open(path, flags, (cause, descriptor) =>
      resume(
        cause === null
          ? Effect.succeed(descriptor)
          : cause.code === "ENXIO"
            ? Effect.undefined
            : Effect.fail(errorOf(cause))
      )
    )
  )

/** Returns a pipe that writes to a stream of Node. A write that is interrupted does not wait for its end. */
const pipeOf = (stream: Pick<NodeJS.WritableStream, "write">): OpenPipe => ({
  write: (bytes) =>
    Effect.callback<void, PipeError>((resume) => {
      stream.write(bytes, (cause) => resume(cause == null ? Effect.void : Effect.fail(errorOf(cause))))
    })
})

/** The event loop writes to the pipe: it waits in no thread, and the end of the process does not wait for it. */
const socketOf = (descriptor: number) => {
  const socket = new Net.Socket({ fd: descriptor, readable: false, writable: true })
  // The callback of the write has the error, too.
  socket.on("error", constVoid)
  return socket
}

const open: Pipes["open"] = (path) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.map(openDescriptor(path), (descriptor) => (descriptor === undefined ? undefined : socketOf(descriptor))),
      (socket) => Effect.sync(() => socket?.destroy())
    ),
    (socket) => socket && pipeOf(socket)
  )

/** Pipes of the host. @category layers @since 0.1.0 */
export const layer: Layer.Layer<never> = Layer.succeed(Pipes, {
  open,
  get stdout() {
    return pipeOf(process.stdout)
  }
})
