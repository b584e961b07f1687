/** The command `capture read`. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as DisplayFilter from "../../../../capture/filter/DisplayFilter.ts"
import * as TerminalText from "../../../../network/TerminalText.ts"
import { UsageError } from "../../../common/CliErrors.ts"
import { captureDissectors, decodeAs } from "../../common/dissectors.ts"
import * as analysisFields from "./analysisFields.ts"
import * as diagram from "./diagram.ts"
import * as follow from "./follow.ts"
import { findConflict, type Input } from "./Input.ts"
import * as list from "./list.ts"
import * as outputFiles from "./outputFiles.ts"
import * as Pipeline from "./Pipeline.ts"
import * as packetSource from "./packetSource.ts"
import * as statistics from "./statistics.ts"

/** Parses a display filter; a wrong one is shown with a mark below the character where it goes wrong. */
const parseFilter = Effect.fnUntraced(function* (text: string) {
  const parsed = DisplayFilter.parse(text, { protocols: [...captureDissectors, analysisFields.protocol] })
  if (Result.isSuccess(parsed)) return parsed.success
  const { expected, fix, found, position } = parsed.failure
  const before = TerminalText.escape(text.slice(0, position))
  yield* Console.error(`  ${TerminalText.escape(text)}\n  ${" ".repeat(before.length)}^`)
  const advice = fix === undefined ? "" : `; ${fix}`
  return yield* new UsageError({
    message: `--filter: at character ${position + 1}: expected ${expected}, found ${found}${advice}`
  })
})

const usesStatistics = ({ html, statistics, svg }: Input) => statistics || svg !== undefined || html !== undefined

/** Runs the output that the options choose. */
const output = Effect.fnUntraced(function* (pipeline: Pipeline.Pipeline, input: Input) {
  if (input.follow !== undefined) return yield* follow.run(pipeline, input, input.follow)
  if (usesStatistics(input)) return yield* statistics.run(pipeline, input)
  if (input.diagram !== undefined) return yield* diagram.run(pipeline, input)
  if (input.notes) return yield* list.notes(pipeline, input.json)
  return yield* list.packets(pipeline, input.json)
})

/** Returns what the pipeline does for the output. */
const choicesOf = (input: Input) => {
  const { diagram, follow, html, json, notes, statistics } = input
  const isList = !(usesStatistics(input) || notes || follow !== undefined || diagram !== undefined)
  return { isList: isList && !json, dissects: isList || statistics || (html ?? diagram) !== undefined }
}

export const read = Effect.fnUntraced(function* (input: Input) {
  const conflict = findConflict(input)
  if (conflict !== undefined) return yield* conflict
  yield* outputFiles.check(input)
  const filter = input.filter === undefined ? undefined : yield* parseFilter(input.filter)
  const rules = yield* Effect.forEach(input.decodeAs ?? [], (rule) => Effect.fromResult(decodeAs(rule)))
  const source = yield* packetSource.open(input.file)
  const pipeline = Pipeline.make(source, { filter, decodeAs: rules, count: input.count, ...choicesOf(input) })
  yield* Effect.ensuring(output(pipeline, input), pipeline.printRemarks)
})
