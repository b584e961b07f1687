/** The common part of `tftp get`, `tftp put` and `rcat`: options, progress and summary. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as NameText from "../../../tftp/protocol/NameText.ts"
import * as Url from "../../../tftp/protocol/Url.ts"
import type * as TftpClient from "../../../tftp/TftpClient.ts"
import type * as TftpError from "../../../tftp/TftpError.ts"
import type * as Transfer from "../../../tftp/transfer/Transfer.ts"
import { CannotTransfer, UsageError } from "../../common/CliErrors.ts"
import { transferBar } from "./transferBar.ts"

/** The flags of a transfer. */
export interface Input {
  readonly blksize: number | undefined
  readonly windowsize: number | undefined
  readonly timeout: Duration.Duration | undefined
  readonly retries: number | undefined
  readonly patience: Duration.Duration | undefined
  readonly noOptions: boolean
  readonly json: boolean
}

/** Parses a URL of the command line; an invalid one is a usage error. */
export const parse = (url: string) =>
  Effect.mapError(Effect.fromResult(Url.parse(url)), ({ message }) => new UsageError({ message }))

/** The range of the options timeout and utimeout. */
const bounds = { minimum: Duration.millis(10), maximum: Duration.seconds(255) }

const optionsOf = Effect.fnUntraced(function* (input: Input) {
  const { blksize, noOptions, patience, retries, timeout, windowsize } = input
  if (timeout !== undefined && !Duration.between(timeout, bounds)) {
    return yield* new UsageError({ message: "invalid --timeout: must be from 10ms to 255s" })
  }
  const options: TftpClient.Options = {
    blksize,
    windowsize,
    timeout,
    attempts: retries === undefined ? undefined : retries + 1,
    patience,
    plain: noOptions,
    // With one of them the client waits for a server that is about to start.
    ignoreRefusal: retries !== undefined || patience !== undefined
  }
  return options
})

/** Adds the URL to the message of a failure, unless it names a local file or the host. */
const explain = (url: Url.Url) => (error: TftpError.TftpError) => {
  const isLocal = error.reason._tag === "File" || error.reason._tag === "Unresolved"
  return new CannotTransfer({ message: isLocal ? error.message : `${Url.format(url)}: ${error.message}` })
}

/** Formats a summary as JSON: seconds, bytes per second, and milliseconds for the round trip time. */
const toJson = (url: Url.Url, file: string, summary: Transfer.Summary, seconds: number) => {
  const { blksize, bytes, resent, rtt, windowsize } = summary
  const rate = seconds > 0 ? Math.round(bytes / seconds) : null
  const trip = rtt === undefined ? null : Number(rtt.smoothed.toFixed(3))
  return JSON.stringify({ url: Url.format(url), file, bytes, seconds, rate, blksize, windowsize, resent, rtt: trip })
}

/** The file to transfer, as shown to the user. */
export interface Description {
  readonly url: Url.Url
  /** The local file; - for a standard stream. */
  readonly file: string
  /** The title of the progress bar; undefined for none. */
  readonly name: string | undefined
  /** True if the file is written to standard output. */
  readonly toStdout: boolean
}

/** Runs a transfer with a progress bar if standard error is a terminal, or prints a summary as JSON. */
export const run = Effect.fnUntraced(function* <R>(
  input: Input,
  { file, name, toStdout, url }: Description,
  transfer: (options: TftpClient.Options) => Effect.Effect<Transfer.Summary, TftpError.TftpError, R>
) {
  const options = yield* optionsOf(input)
  const clock = yield* Clock.Clock
  const from = clock.currentTimeMillisUnsafe()
  const seconds = () => (clock.currentTimeMillisUnsafe() - from) / 1_000
  const progressBar = input.json || name === undefined ? undefined : yield* transferBar(name, toStdout)
  const progress = yield* Queue.sliding<TftpClient.Progress>(1)
  const draw = Effect.map(Queue.take(progress), (progress) => progressBar?.progress(progress, seconds()))
  const summary = yield* transfer({ ...options, progress: progressBar && progress }).pipe(
    Effect.raceFirst(Effect.forever(draw)),
    Effect.mapError(explain(url))
  )
  progressBar?.done({ ...summary, total: summary.bytes }, seconds())
  if (input.json) yield* Console.log(toJson(url, file, summary, seconds()))
})

/** Returns the last part of a path, after a slash or a backslash; undefined if it is not a file name. */
export const lastOf = (path: string) => {
  const last = path.split(/[/\\]/).at(-1)!
  return last === "" || last === "." || last === ".." ? undefined : last
}

/** Appends a name to a URL that ends with a slash. */
export const withName = (url: string, name: string) => {
  const [, folder, mode = ""] = /^(tftp:\/\/[^/?#]*\/(?:[^?#]*\/)?)(;mode=[^/]*)?$/is.exec(url) ?? []
  return folder === undefined ? url : `${folder}${NameText.toUrlPath(name)}${mode}`
}
