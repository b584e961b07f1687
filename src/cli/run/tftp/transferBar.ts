/** The progress bar of a transfer on a terminal, and its summary line. */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Amount from "../../../terminal/Amount.ts"
import { columns, openLine, printLine, replaceLine } from "../../../terminal/NodeTerminal.ts"
import * as ProgressBar from "../../../terminal/ProgressBar.ts"
import * as NameText from "../../../tftp/protocol/NameText.ts"
import type * as TftpClient from "../../../tftp/TftpClient.ts"

const resentOf = (resent: number) => (resent === 0 ? "" : `, ${resent} resent`)

/** Formats the progress of a transfer in at most `width` columns: name, percentage, rate and remaining time. */
export const bar = (name: string, { bytes, resent, total }: TftpClient.Progress, seconds: number, width: number) => {
  const rate = seconds > 0 ? bytes / seconds : 0
  const rateText = `${Amount.formatBytes(rate)}/s`
  if (total === undefined || total === 0)
    return `${name}  ${Amount.formatBytes(bytes)}  ${rateText}${resentOf(resent)}`.slice(0, width)
  const eta = ProgressBar.formatEta(rate > 0 ? ((total - bytes) / rate) * 1_000 : undefined)
  const detail = ` ${Amount.formatBytes(bytes)} of ${Amount.formatBytes(total)}  ${rateText}  ${eta}${resentOf(resent)}`
  return ProgressBar.format({ title: name, fraction: Math.min(1, bytes / total), details: [detail], width })
}

/** Formats the summary of a completed transfer. */
export const done = (name: string, { blksize, bytes, resent, windowsize }: TftpClient.Progress, seconds: number) => {
  const rate = seconds > 0 ? `, ${Amount.formatBytes(bytes / seconds)}/s` : ""
  const how = `blksize ${blksize}, windowsize ${windowsize}${resentOf(resent)}`
  return `${name}: ${Amount.formatBytes(bytes)} in ${seconds.toFixed(2)} s${rate}, ${how}`
}

/** Draws on standard error; undefined if it is not a terminal, or the file is printed to a terminal. */
export const transferBar = Effect.fnUntraced(function* (fileName: string, toStdout: boolean) {
  const name = NameText.escape(fileName)
  const { stdoutIsTerminal } = yield* Stdio.Stdio
  if (toStdout && (yield* stdoutIsTerminal)) return undefined
  if ((yield* openLine) === undefined) return undefined
  return {
    progress: (progress: TftpClient.Progress, seconds: number) =>
      replaceLine(bar(name, progress, seconds, columns() - 1)),
    done: (progress: TftpClient.Progress, seconds: number) => printLine(done(name, progress, seconds))
  }
})
