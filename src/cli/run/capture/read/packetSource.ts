/** Packets of a capture file or of standard input, as a stream. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as CaptureFile from "../../../../capture/CaptureFile.ts"
import type * as CaptureReader from "../../../../capture/CaptureReader.ts"
import * as NodeDecompressor from "../../../../capture/NodeDecompressor.ts"
import * as Units from "../../../../capture/view/Units.ts"
import * as SystemErrorText from "../../../../network/SystemErrorText.ts"
import { CannotRead } from "../../../common/CliErrors.ts"

/** A capture that is read. */
export interface Source {
  /** Name for messages: the path, or `standard input`. */
  readonly name: string
  /** Packets as soon as they are read; fails at the first error, after the packets before it. */
  readonly packets: Stream.Stream<CaptureReader.CapturedPacket, CannotRead>
  /** Returns sentences about what the file has besides the packets, once it was read to its end. */
  readonly remarks: () => ReadonlyArray<string>
}

/** Blocks that hold no packets and nothing that the output lacks. */
const silentBlocks: ReadonlySet<string> = new Set(["Name Resolution Block"])

const remarksOf = ({ droppedPackets = 0, incompleteDatagrams, skippedBlocks }: CaptureFile.Summary) => [
  ...Object.entries(skippedBlocks)
    .filter(([name]) => !silentBlocks.has(name))
    .map(([name, count]) => `skipped ${Units.count(count)} of a kind without packets: ${name}`),
  ...(droppedPackets === 0
    ? []
    : [`the capture lacks ${Units.counted(droppedPackets, "packet")}, which the capturing system dropped`]),
  ...(incompleteDatagrams === 0
    ? []
    : [`${Units.counted(incompleteDatagrams, "fragmented datagram")} of which a fragment is missing`])
]

const reasonOf = (error: PlatformError.PlatformError | CaptureFile.CaptureFileError) =>
  error instanceof CaptureFile.CaptureFileError ? error.message : SystemErrorText.formatPlatform(error)

/** Opens `-`, standard input, or a file. */
export const open = Effect.fnUntraced(function* (file: string) {
  const name = file === "-" ? "standard input" : file
  const bytes = file === "-" ? (yield* Stdio.Stdio).stdin : (yield* FileSystem.FileSystem).stream(file)
  let summary: CaptureFile.Summary | undefined
  const onSummary = (found: CaptureFile.Summary) =>
    Effect.sync(() => {
      summary = found
    })
  const packets = CaptureFile.read(bytes, { onSummary }).pipe(
    Stream.mapError((error) => new CannotRead({ message: `${name}: ${reasonOf(error)}` })),
    Stream.provide(NodeDecompressor.layer)
  )
  const source: Source = { name, packets, remarks: () => (summary === undefined ? [] : remarksOf(summary)) }
  return source
})
