/** Statistics of a capture: as text, as JSON, as a plot and as a page. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import * as Conversations from "../../../../capture/analysis/Conversations.ts"
import { isRetransmission } from "../../../../capture/analysis/TcpNote.ts"
import * as Throughput from "../../../../capture/analysis/Throughput.ts"
import * as HtmlPage from "../../../../capture/view/HtmlPage.ts"
import * as Svg from "../../../../capture/view/Svg.ts"
import * as SystemErrorText from "../../../../network/SystemErrorText.ts"
import { CannotDraw } from "../../../common/CliErrors.ts"
import * as Collector from "./Collector.ts"
import type { Input } from "./Input.ts"
import { write } from "./list.ts"
import * as NodeOutput from "./NodeOutput.ts"
import type { Pipeline } from "./Pipeline.ts"
import { applicationOf } from "./packetText.ts"
import * as statisticsText from "./statisticsText.ts"

/** Width of tables that are not printed to a terminal. */
const unlimitedColumns = 1_000

/** Number of conversations in the text. */
const maxConversations = 20

/** Width of a plot that is not printed to a terminal. */
const plotColumns = 100

const saveFile = (path: string, content: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.writeFileString(path, content)).pipe(
    Effect.mapError((error) => new CannotDraw({ message: `${path}: ${SystemErrorText.formatPlatform(error)}` }))
  )

/** Writes a file, or standard output if the path is `-`. */
const save = (path: string, content: string) => (path === "-" ? write(content) : saveFile(path, content))

/** Remark on a capture by a tap. */
const noRoundTrips = "acknowledgements are made by the tap: no round-trip times"

/** Prints and writes the statistics that the options ask for, also those of the packets before an error. */
export const run = Effect.fnUntraced(function* (pipeline: Pipeline, input: Input) {
  const { html, json, statistics, svg, top = maxConversations, width } = input
  let hasTapped = false
  const conversations = Conversations.make()
  const throughput = Throughput.make()
  const collector = html === undefined ? undefined : Collector.make()
  const end = yield* Effect.exit(
    Stream.runForEach(pipeline.groups, (packets) =>
      Effect.sync(() => {
        for (const analysed of packets) {
          const { analysis, packet } = analysed
          hasTapped ||= packet.isFromTap === true && packet.tcp !== undefined
          conversations.add(packet, analysis, applicationOf(analysed))
          throughput.add(packet.at, packet.originalLength, analysis?.notes.some(isRetransmission) === true)
          collector?.add(analysed, pipeline.startNanos())
        }
      })
    )
  )
  const report = conversations.report()
  const series = throughput.series()
  const columns = width ?? NodeOutput.columns()
  if (statistics)
    yield* write(
      json
        ? `${statisticsText.json(report, series)}\n`
        : statisticsText.text(pipeline.name, report, series, {
            width: columns ?? unlimitedColumns,
            plotWidth: columns ?? plotColumns,
            top
          })
    )
  if (statistics && hasTapped) yield* Console.error(`effect-inet: ${pipeline.name}: ${noRoundTrips}`)
  if (svg !== undefined) yield* save(svg, Svg.throughput(series, { title: pipeline.name }))
  if (html !== undefined && collector !== undefined) {
    const content = {
      title: pipeline.name,
      report,
      series,
      remarks: [...pipeline.remarks(), ...(hasTapped ? [noRoundTrips] : [])]
    }
    yield* save(html, HtmlPage.make({ ...content, ...collector.take() }))
  }
  return yield* end
})
