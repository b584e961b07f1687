/**
 * Checks the Raft servers under faults, or servers with a bug of a known implementation.
 *
 * npm run -s example raft/main -- [BUG]
 *
 * With a bug, prints the shrunk failure and exits with code 1: the check must find it.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { SimCheck } from "effect-inet/simulation"
import * as RaftBug from "./RaftBug.ts"
import * as RaftCheck from "./RaftCheck.ts"

const name = process.argv[2]
const bug = RaftBug.all.find((one) => one === name)

if (name !== undefined && bug === undefined) {
  process.stderr.write(`unknown bug ${name}: must be one of\n${RaftBug.all.map((one) => `  ${one}\n`).join("")}`)
  process.exitCode = 2
} else {
  const result = await Effect.runPromise(Effect.result(RaftCheck.check(bug, { runs: 400 })))
  process.exitCode = Result.isFailure(result) ? 1 : 0
  process.stdout.write(`${Result.match(result, { onFailure: ({ message }) => message, onSuccess: SimCheck.format })}\n`)
}
