/** Sequence diagram of a capture. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Diagram from "../../../../capture/Diagram.ts"
import * as Collector from "./Collector.ts"
import type { Input } from "./Input.ts"
import { write } from "./list.ts"
import * as NodeOutput from "./NodeOutput.ts"
import type { Pipeline } from "./Pipeline.ts"

/** Prints the diagram, also that of the packets before an error. */
export const run = Effect.fnUntraced(function* (pipeline: Pipeline, { diagram, width }: Input) {
  const collector = Collector.make()
  const end = yield* Effect.exit(
    Stream.runForEach(pipeline.groups, (packets) =>
      Effect.sync(() => {
        for (const analysed of packets) collector.add(analysed, pipeline.startNanos())
      })
    )
  )
  const { dissectors, omittedPackets, packets } = collector.take()
  const draw = diagram === "mermaid" ? Diagram.mermaid : Diagram.text
  const options = { dissectors, omittedPackets, maxPackets: packets.length, width: width ?? NodeOutput.columns() }
  if (packets.length > 0) yield* write(draw(packets, options))
  return yield* end
})
