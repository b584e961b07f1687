/** Steps that all outputs of `capture read` share: analysis, dissection, filter, limit, and the end at a signal. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TcpAnalysis from "../../../../capture/analysis/TcpAnalysis.ts"
import type * as CaptureReader from "../../../../capture/CaptureReader.ts"
import type * as PacketDissector from "../../../../capture/dissect/PacketDissector.ts"
import * as DisplayFilter from "../../../../capture/filter/DisplayFilter.ts"
import * as Units from "../../../../capture/view/Units.ts"
import type { CannotRead } from "../../../common/CliErrors.ts"
import { ShutdownSignal } from "../../../common/Shutdown.ts"
import * as dissectors from "../../common/dissectors.ts"
import * as analysisFields from "./analysisFields.ts"
import type { Source } from "./packetSource.ts"
import { type Analysed, hasOffload } from "./packetText.ts"

/** Options of a pipeline. */
export interface Options {
  readonly filter: DisplayFilter.Filter | undefined
  readonly decodeAs: ReadonlyArray<PacketDissector.Rule>
  readonly count: number | undefined
  /** True if the output shows what the payloads say. */
  readonly dissects: boolean
  /** True if the output has a line for each packet, without the notes on checksums. */
  readonly isList: boolean
}

/** Packets that an output gets, in groups as they are read. */
export interface Pipeline {
  readonly name: string
  /** Returns the time of the first packet of the capture, shown or not. */
  readonly startNanos: () => bigint
  /** Groups of packets until the end, an error, `count` packets or a signal to end; some are empty. */
  readonly groups: Stream.Stream<ReadonlyArray<Analysed>, CannotRead>
  /** Returns sentences about what the output lacks. */
  readonly remarks: () => ReadonlyArray<string>
  /** Prints the remarks on standard error. */
  readonly printRemarks: Effect.Effect<void>
}

/**
 * Makes the pipeline of a source. The analysis and the dissector see all packets, so that the numbers of streams do not
 * depend on the filter.
 */
export const make = (source: Source, { count, decodeAs, dissects, filter, isList }: Options): Pipeline => {
  const analysis = TcpAnalysis.make()
  const fieldsOf = analysisFields.make()
  const dissect = dissects || filter?.needsDetails === true ? dissectors.packetDissector(decodeAs) : undefined
  let startNanos: bigint | undefined
  let left = count ?? Number.POSITIVE_INFINITY
  let [read, shown, offloaded] = [0, 0, 0]

  const analyse = (packet: CaptureReader.CapturedPacket): Analysed | undefined => {
    const analysed = { packet, analysis: analysis.add(packet), details: dissect?.(packet) }
    if (filter === undefined) return analysed
    const added = fieldsOf(packet, analysed.analysis)
    const details = analysed.details === undefined ? undefined : analysisFields.withFields(analysed.details, added)
    return DisplayFilter.matches(filter, packet, details) ? analysed : undefined
  }
  const analyseAll = (packets: ReadonlyArray<CaptureReader.CapturedPacket>): ReadonlyArray<Analysed> => {
    const found: Array<Analysed> = []
    startNanos ??= packets[0]?.at
    for (const packet of packets) {
      if (left === 0) return found
      read++
      const analysed = analyse(packet)
      if (analysed === undefined) continue
      found.push(analysed)
      shown++
      if (isList && hasOffload(analysed)) offloaded++
      left--
    }
    return found
  }
  const remarks = () => {
    const forgotten = analysis.forgotten()
    const streams = `${Units.counted(forgotten, "stream")} forgotten, since too many were open at a time: their later packets count as new streams`
    const hasOffloads =
      offloaded === 1 ? "1 packet has a checksum" : `${Units.counted(offloaded, "packet")} have checksums`
    return [
      ...source.remarks(),
      ...(forgotten === 0 ? [] : [streams]),
      ...(offloaded === 0 ? [] : [`${hasOffloads} that the sender left to its network card`]),
      ...(filter !== undefined && read > 0 && shown === 0 ? ["no packet matches the filter"] : [])
    ]
  }
  return {
    name: source.name,
    startNanos: () => startNanos ?? 0n,
    groups: Stream.unwrap(
      Effect.map(ShutdownSignal, (shutdown) =>
        source.packets.pipe(
          Stream.chunks,
          Stream.map(analyseAll),
          Stream.interruptWhen(shutdown),
          Stream.takeUntil(() => left === 0)
        )
      )
    ),
    remarks,
    printRemarks: Effect.suspend(() =>
      Effect.forEach(remarks(), (remark) => Console.error(`effect-inet: ${source.name}: ${remark}`), { discard: true })
    )
  }
}
