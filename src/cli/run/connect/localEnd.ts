/** The local end of a session: standard input and output, or a command. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Scope from "effect/Scope"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type { NetworkError } from "../../../network/Network.ts"
import * as SystemErrorText from "../../../network/SystemErrorText.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as NodeCommandFinder from "./NodeCommandFinder.ts"

/** A failure of the command of `--exec`, or of standard input or output. */
export class LocalError extends Data.TaggedError("LocalError")<{ readonly message: string }> {}

/** The local end of a session. */
export interface LocalEnd {
  /** Bytes to send. */
  readonly input: Stream.Stream<Uint8Array, LocalError>
  /** Takes the bytes received, to their end. */
  readonly receive: (bytes: Stream.Stream<Uint8Array, NetworkError>) => Effect.Effect<void, NetworkError | LocalError>
  /** Waits for the command, whose output has ended. Fails if the command has failed. */
  readonly ended: Effect.Effect<void, LocalError>
}

const failure = (what: string) => (error: PlatformError.PlatformError) =>
  new LocalError({ message: TerminalText.escape(`${what}: ${error.message}`) })

/**
 * Returns standard input and output, for one session after the other: each takes the input where the last one ended.
 * With JSON only events are printed. `Stdio` of the command line escapes control characters for a terminal.
 */
export const standard = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  const stdio = yield* Stdio.Stdio
  const pull = yield* Stream.toPull(Stream.mapError(stdio.stdin, failure("standard input")))
  let hasEnded = false
  const next = Effect.tapError(
    Effect.suspend(() => (hasEnded ? Cause.done() : pull)),
    () =>
      Effect.sync(() => {
        hasEnded = true
      })
  )
  const print: LocalEnd["receive"] = (bytes) =>
    Stream.run(bytes, stdio.stdout()).pipe(
      Effect.catchTag("PlatformError", (error) => Effect.fail(failure("standard output")(error)))
    )
  const local: LocalEnd = {
    input: Stream.fromPull(Effect.succeed(next)),
    receive: json ? Stream.runDrain : print,
    ended: Effect.void
  }
  return local
})

const cannotRun = (name: string, why: string) =>
  new LocalError({ message: TerminalText.escape(`cannot run ${JSON.stringify(name)}: ${why}`) })

/** Fails if the program of a command does not exist: nothing is to be bound or connected for it then. */
export const checkCommand = (name: string | undefined): Effect.Effect<void, LocalError> =>
  Effect.suspend(() => {
    const why = name === undefined ? undefined : NodeCommandFinder.whyMissing(name)
    return why === undefined ? Effect.void : Effect.fail(cannotRun(name!, why))
  })

/** Explains a failed start: a script whose interpreter is missing fails like a missing program. */
const startFailure = (name: string) => (error: PlatformError.PlatformError) => {
  const { cause } = error.reason
  const missing = NodeCommandFinder.whyMissing(name)
  if (missing !== undefined) return cannotRun(name, missing)
  return error.reason._tag === "NotFound"
    ? cannotRun(name, "the interpreter in its first line does not exist; install it, or change that line")
    : cannotRun(name, cause instanceof Error ? SystemErrorText.format(cause) : error.message)
}

/** Time from SIGTERM to SIGKILL of the command and its children: a server that ends waits a second for its handlers. */
const killAfter = "500 millis"

/** Time for that. Children that nobody waits for may stay as zombies, which the wait for the group would include. */
const endTimeout = "800 millis"

/** Starts a process, which is killed when the scope closes. One that does not end even then is logged, and left. */
const startProcess = Effect.fnUntraced(function* (name: string, args: ReadonlyArray<string>) {
  const scope = yield* Scope.make()
  const start = ChildProcess.make(name, args, { stderr: "inherit", forceKillAfter: killAfter })
  const child = yield* Scope.provide(start, scope).pipe(
    Effect.mapError(startFailure(name)),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  yield* Effect.addFinalizer(
    Effect.fnUntraced(function* (exit) {
      const ending = yield* Effect.forkDetach(Scope.close(scope, exit), { startImmediately: true })
      yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(ending)), endTimeout)
      const isRunning = yield* Effect.orElseSucceed(child.isRunning, () => false)
      if (isRunning) yield* Effect.logWarning(`${name} (pid ${child.pid}) still runs after SIGKILL; it is left alone`)
    })
  )
  return child
}, Effect.uninterruptible)

/** Starts a command, whose standard input and output are the local end. Its standard error is that of this process. */
export const command = Effect.fnUntraced(function* (name: string, args: ReadonlyArray<string>) {
  const child = yield* startProcess(name, args)
  const local: LocalEnd = {
    input: Stream.mapError(child.stdout, failure(name)),
    // A command may end before it has read everything: the rest is dropped.
    receive: (bytes) =>
      Stream.run(bytes, child.stdin).pipe(Effect.catchTag("PlatformError", () => Stream.runDrain(bytes))),
    ended: Effect.flatMap(Effect.mapError(child.exitCode, failure(name)), (code) =>
      code === 0 ? Effect.void : Effect.fail(new LocalError({ message: `${name} ended with exit code ${code}` }))
    )
  }
  return local
})
