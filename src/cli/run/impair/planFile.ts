/** The file of a fault plan: read at the start, and again at each reload. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as RegularFile from "../../../network/files/RegularFile.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import type { FaultPlan } from "../../../simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../simulation/impairment/Impairment.ts"

const maxFileBytes = 1_048_576

/** Parses one line. Fails with the reason; a syntax error has its column. */
const parseLine = (line: string): Result.Result<FaultPlan, string> =>
  Result.flatMap(
    Result.mapError(FaultPlanSyntax.parse(line), ({ message }) => message),
    (plan) => Result.mapError(Impairment.check(plan), ({ message }) => message)
  )

/**
 * Parses the text of a file: rules as on the command line, on one line or several; `#` begins a line that is a comment.
 * Fails with the number of the line and the reason.
 */
export const parse = (text: string): Result.Result<FaultPlan, string> => {
  const plan: Array<FaultPlan[number]> = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const isComment = /^\s*#/.test(line)
    const parsed = isComment ? Result.succeed([]) : parseLine(line.replace(/[,;]\s*$/, ""))
    if (Result.isFailure(parsed)) return Result.fail(`line ${index + 1}: ${parsed.failure}`)
    plan.push(...parsed.success)
  }
  return Result.succeed(plan)
}

/** Reads and parses a file. Fails with one line for the user. */
export const read = Effect.fnUntraced(function* (path: string) {
  const name = `--plan-file ${TerminalText.escape(JSON.stringify(path))}`
  const bytes = yield* Effect.mapError(
    RegularFile.readBytes(path, maxFileBytes),
    ({ message }) => `${name}: ${message}`
  )
  const parsed = parse(new TextDecoder().decode(bytes))
  return yield* Effect.mapError(Effect.fromResult(parsed), (reason) => `${name}: ${reason}`)
})
