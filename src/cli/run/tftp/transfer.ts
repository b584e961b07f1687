/** What `tftp get`, `tftp put` and `rcat` have in common: what to ask for, what is seen, how it ended. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
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
  readonly json: boolean
}

/** A URL as the user wrote it; what is wrong with it is wrong usage. */
export const parse = (url: string) =>
  Effect.mapError(Effect.fromResult(Url.parse(url)), ({ message }) => new UsageError({ message }))

/** What the timeout options can say. */
const bounds = { minimum: Duration.millis(10), maximum: Duration.seconds(255) }

const optionsOf = Effect.fnUntraced(function* ({ blksize, retries, timeout, windowsize }: Input) {
  if (timeout !== undefined && !Duration.between(timeout, bounds)) {
    return yield* new UsageError({ message: "--timeout is a time from 10ms to 255s" })
  }
  const options: TftpClient.Options = {
    blksize,
    windowsize,
    timeout,
    attempts: retries === undefined ? undefined : retries + 1
  }
  return options
})

/** Failures of this side name what they are about; those of the other get the URL. */
const explain = (url: Url.Url) => (error: TftpError.TftpError) => {
  const isLocal = error.reason._tag === "File" || error.reason._tag === "Unresolved"
  return new CannotTransfer({ message: isLocal ? error.message : `${Url.format(url)}: ${error.message}` })
}

/** One line of JSON; times in seconds, rates in bytes a second, round trips in milliseconds. */
const toJson = (url: Url.Url, file: string, summary: Transfer.Summary, seconds: number) => {
  const { blksize, bytes, resent, rtt, windowsize } = summary
  const rate = seconds > 0 ? Math.round(bytes / seconds) : null
  const trip = rtt === undefined ? null : Number(rtt.smoothed.toFixed(3))
  return JSON.stringify({ url: Url.format(url), file, bytes, seconds, rate, blksize, windowsize, resent, rtt: trip })
}

/** What is transferred. */
export interface Description {
  readonly url: Url.Url
  /** The file on this side; - is a standard stream. */
  readonly file: string
  /** What the bar calls it; undefined for no bar. */
  readonly name: string | undefined
  /** Bytes go to standard output. */
  readonly toStdout: boolean
}

/** Runs a transfer, with a bar on a terminal, or a summary in JSON. */
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
  const summary = yield* transfer({
    ...options,
    onProgress: progressBar && ((progress) => progressBar.progress(progress, seconds()))
  }).pipe(Effect.mapError(explain(url)))
  progressBar?.done({ ...summary, total: summary.bytes }, seconds())
  if (input.json) yield* Console.log(toJson(url, file, summary, seconds()))
})

/** The last part of a path, under both kinds of slashes; undefined if there is none to be used as a name. */
export const lastOf = (path: string) => {
  const last = path.split(/[/\\]/).at(-1)!
  return last === "" || last === "." || last === ".." ? undefined : last
}

/** The URL with a name added where it ends in a folder. */
export const withName = (url: string, name: string) => {
  const [, folder, mode = ""] = /^(tftp:\/\/[^/?#]*\/(?:[^?#]*\/)?)(;mode=[^/]*)?$/is.exec(url) ?? []
  return folder === undefined ? url : `${folder}${encodeURIComponent(name.toWellFormed())}${mode}`
}
