/** Packets as a list: one line or one JSON value for each; notes alone; printed as they are read. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as TcpNote from "../../../../capture/analysis/TcpNote.ts"
import type { Pipeline } from "./Pipeline.ts"
import * as packetText from "./packetText.ts"

type Format = (analysed: packetText.Analysed, startNanos: bigint) => string

/** Writes text to standard output. */
export const write = (text: string | Uint8Array) =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Stream.run(Stream.succeed(text), stdio.stdout({ endOnDone: false })))

/** Prints what `format` returns for each packet, with one write for each group of packets. */
const printEach = (pipeline: Pipeline, format: Format) =>
  Effect.flatMap(Stdio.Stdio, (stdio) =>
    pipeline.groups.pipe(
      Stream.map((packets) => {
        const startNanos = pipeline.startNanos()
        let text = ""
        for (const analysed of packets) text += format(analysed, startNanos)
        return text
      }),
      Stream.filter((text) => text !== ""),
      Stream.run(stdio.stdout({ endOnDone: false }))
    )
  )

/** Prints the packets. */
export const packets = (pipeline: Pipeline, isJson: boolean) => {
  const format = isJson ? packetText.json : packetText.line
  return printEach(pipeline, (analysed, startNanos) => `${format(analysed, startNanos)}\n`)
}

const noteLine = ({ analysis, packet }: packetText.Analysed, note: TcpNote.TcpNote, startNanos: bigint) => {
  const ends = `${packetText.formatEndpoint(packet.from!)} > ${packetText.formatEndpoint(packet.to!)}`
  const time = packetText.formatSeconds(packet.at - startNanos).padStart(13)
  return `${`${packet.number}`.padStart(7)} ${time}  tcp ${analysis!.stream}  ${ends}  ${TcpNote.format(note)}\n`
}

const noteJson = ({ analysis, packet }: packetText.Analysed, note: TcpNote.TcpNote, startNanos: bigint) =>
  `${packetText.safeJson({
    number: packet.number,
    time: packetText.formatSeconds(packet.at - startNanos),
    stream: analysis!.stream,
    from: packet.from,
    to: packet.to,
    note: note.kind,
    severity: TcpNote.kinds[note.kind].severity,
    text: TcpNote.format(note)
  })}\n`

/** Prints the notes on TCP segments, one line for each. */
export const notes = (pipeline: Pipeline, isJson: boolean) => {
  const format = isJson ? noteJson : noteLine
  let [shown, found] = [0, 0]
  const printing = printEach(pipeline, (analysed, startNanos) => {
    const all = analysed.analysis?.notes ?? []
    shown++
    found += all.length
    return all.map((note) => format(analysed, note, startNanos)).join("")
  })
  const remark = Console.error(`effect-inet: ${pipeline.name}: no notes on the packets`)
  return Effect.andThen(
    printing,
    Effect.suspend(() => (shown > 0 && found === 0 ? remark : Effect.void))
  )
}
