/** Filters of captures while they are made, in the language of `capture read --filter`. */
import * as Result from "effect/Result"
import * as TcpAnalysis from "../../../capture/analysis/TcpAnalysis.ts"
import type { CapturedPacket } from "../../../capture/CaptureReader.ts"
import * as DisplayFilter from "../../../capture/filter/DisplayFilter.ts"
import * as analysisFields from "../capture/read/analysisFields.ts"
import * as dissectors from "./dissectors.ts"

/** A condition of packets, which must be asked about each packet of a capture in turn. */
export type Condition = (packet: CapturedPacket) => boolean

/** Creates the condition of one capture: fields such as `tcp.stream` depend on the packets before. */
const conditionOf = (filter: DisplayFilter.Filter): Condition => {
  if (!filter.needsDetails) return (packet) => DisplayFilter.matches(filter, packet)
  const dissect = dissectors.packetDissector()
  const analysis = TcpAnalysis.make()
  const fieldsOf = analysisFields.make()
  return (packet) => {
    const added = fieldsOf(packet, analysis.add(packet))
    return DisplayFilter.matches(filter, packet, analysisFields.withFields(dissect(packet), added))
  }
}

/** Compiles a filter to a condition for one capture. */
export const compile = (text: string): Result.Result<Condition, DisplayFilter.FilterError> => {
  const protocols = [...dissectors.captureDissectors, analysisFields.protocol]
  return Result.map(DisplayFilter.parse(text, { protocols }), conditionOf)
}
