/** Capture of all packets of an interface by dumpcap of Wireshark, which has the permission that this program lacks. */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as SystemErrorText from "../../../../network/SystemErrorText.ts"
import * as TerminalText from "../../../../network/TerminalText.ts"

/** A capture by dumpcap that cannot start, or has failed. */
export class DumpcapError extends Data.TaggedError("DumpcapError")<{ readonly message: string }> {}

/** A running dumpcap. */
export interface Dumpcap {
  /** The bytes of a pcapng file, while packets pass. Ends when dumpcap does. */
  readonly bytes: Stream.Stream<Uint8Array, DumpcapError>
  /** Waits until the capture has begun. Does not return if it cannot begin. */
  readonly started: Effect.Effect<void>
  /** Asks dumpcap to end: what it has captured follows in `bytes`. */
  readonly stop: Effect.Effect<void>
  /** Waits for the end of dumpcap. Fails with its reason if it has failed. */
  readonly ended: Effect.Effect<void, DumpcapError>
}

/** Options of dumpcap. */
export interface Options {
  /** Names of the interfaces. */
  readonly interfaces: ReadonlyArray<string>
  /** Most bytes of a packet. Default: all. */
  readonly snapLength?: number | undefined
}

/** Most characters of the messages of dumpcap that are kept: the last ones have the reason of its end. */
const maxMessageChars = 4_096

/** Time from SIGTERM to SIGKILL. */
const killAfter = "1 second"

const installFix =
  "install Wireshark's dumpcap (Debian: apt install wireshark-common), or capture a command of effect-inet: capture run -- COMMAND"

const permissionFix =
  "run as root, join its group (Debian: dpkg-reconfigure wireshark-common, then adduser USER wireshark), or capture a command of effect-inet: capture run -- COMMAND"

const failure = (message: string) => new DumpcapError({ message: TerminalText.escape(`capture run: ${message}`) })

const explainStart = (error: PlatformError.PlatformError) =>
  failure(`dumpcap cannot be run: ${SystemErrorText.formatPlatform(error)}`)

/** Runs dumpcap to its end and returns its output; empty if it fails. */
const outputOf = (args: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* ChildProcess.make("dumpcap", args, { stderr: "ignore", stdin: "ignore" })
      return yield* Stream.mkString(Stream.decodeText(child.stdout))
    })
  ).pipe(Effect.orElseSucceed(() => ""))

/** Returns the names of the interfaces on which dumpcap may capture: lines such as `1. eth0` or `3. lo (Loopback)`. */
export const interfaceNames = (output: string): ReadonlyArray<string> =>
  output.split("\n").flatMap((line) => /^\d+\. (\S+)/.exec(line)?.[1] ?? [])

const unknownInterface = Effect.fnUntraced(function* (interfaces: ReadonlyArray<string>) {
  const names = interfaceNames(yield* outputOf(["-D"]))
  const known = names.length === 0 ? "dumpcap -D lists those there are" : `there are ${names.join(", ")}`
  return failure(`no interface ${interfaces.map((name) => JSON.stringify(name)).join(" or ")}; ${known}`)
})

/** Exit codes of a shell whose program does not exist, and may not be run. */
const shellExitCodes = { notFound: 127, denied: 126 } as const

/** Explains the end of dumpcap by its exit code, or by a part of its text. */
const explain = (code: number, text: string, { interfaces }: Options) => {
  const on = interfaces.join(", ")
  if (code === shellExitCodes.notFound) return Effect.succeed(failure(`dumpcap is not installed; ${installFix}`))
  if (code === shellExitCodes.denied)
    return Effect.succeed(failure(`dumpcap may not be run: permission denied; ${permissionFix}`))
  if (/permission|not permitted/i.test(text))
    return Effect.succeed(failure(`no permission to capture on ${on}; ${permissionFix}`))
  if (/no such device|device with that name|doesn't exist|isn't a valid/i.test(text))
    return unknownInterface(interfaces)
  return Effect.succeed(failure(`dumpcap has ended on ${on}: ${reasonIn(text) ?? "without a reason"}`))
}

/** Returns the first line of the messages of dumpcap that is not about its progress. */
export const reasonIn = (text: string): string | undefined => {
  const lines = text.split("\n").map((line) => line.trim().replace(/^dumpcap: /, ""))
  return lines.find((line) => line !== "" && !/^(Capturing on|File:|Packets)/.test(line))
}

/**
 * Runs dumpcap in place of the shell. A process beside it ends it when standard input closes, as it does when this
 * process is killed. Dumpcap itself would notice that with the next packet only.
 */
const script = 'exec 3<&0; { cat <&3; kill -TERM $$; } >/dev/null 2>&1 & exec dumpcap "$@" </dev/null 3<&-'

/** Starts dumpcap; the scope ends it, as does the end of this process. */
export const start = Effect.fnUntraced(function* (options: Options) {
  const args = [
    ...options.interfaces.flatMap((name) => ["-i", name]),
    ...(options.snapLength === undefined ? [] : ["-s", `${options.snapLength}`]),
    ...["-q", "-w", "-"]
  ]
  const child = yield* Effect.mapError(
    ChildProcess.make("/bin/sh", ["-c", script, "sh", ...args], { forceKillAfter: killAfter }),
    explainStart
  )
  const messages = yield* Ref.make("")
  const started = yield* Deferred.make<void>()
  const reading = yield* Stream.decodeText(child.stderr).pipe(
    Stream.runForEach((text) =>
      Effect.flatMap(
        Ref.updateAndGet(messages, (before) => (before + text).slice(-maxMessageChars)),
        (all) => (/^File: /m.test(all) ? Deferred.succeed(started, undefined) : Effect.void)
      )
    ),
    Effect.ignore,
    Effect.forkScoped
  )
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const ended = Effect.gen(function* () {
    const code = yield* Effect.orElseSucceed(child.exitCode, () => 0)
    yield* Fiber.await(reading)
    const text = yield* Ref.get(messages)
    // The exit code is 0 where an interface has vanished: only a message says it.
    if (code !== 0 || reasonIn(text) !== undefined) yield* Effect.flatMap(explain(code, text, options), Effect.fail)
  }).pipe(Effect.provideService(ChildProcessSpawner.ChildProcessSpawner, spawner))
  const dumpcap: Dumpcap = {
    bytes: Stream.mapError(child.stdout, ({ message }) => failure(message)),
    started: Deferred.await(started),
    stop: Effect.ignore(child.kill({ killSignal: "SIGTERM" })),
    ended
  }
  return dumpcap
})
