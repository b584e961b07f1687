/**
 * node scripts/bench/impair/main.ts [--count N] [--seed N] [--only TEXT]
 *
 * Prints the rates of all packet faults on live sockets. Exits with 1 if one is more than three standard deviations
 * from that of its plan.
 */
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as Rates from "./rates.ts"

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" }
  }
})

const columns = ["plan", "packets", "expected", "arrived so", "applied", "deviations", "kernel drops"]
const widths = [18, 8, 9, 11, 8, 11, 13]
const line = (cells: ReadonlyArray<string | number>) =>
  cells.map((cell, index) => (index === 0 ? `${cell}`.padEnd(widths[0]!) : `${cell}`.padStart(widths[index]!))).join("")

const program = Effect.gen(function* () {
  const [count, seed] = [Number(values.count), Number(values.seed)]
  let isRight = true
  yield* Console.log(line(columns))
  for (const row of Rates.rows.filter(({ plan }) => plan.includes(values.only))) {
    const { applied, counted, deviations, expected, kernelDrops, sent } = yield* Rates.measure(row, count, seed)
    const cells = [row.plan, sent, expected, counted, applied, deviations.toFixed(2), kernelDrops]
    yield* Console.log(line(cells))
    if (Math.abs(deviations) > 3 || kernelDrops > 0) isRight = false
  }
  if (!isRight) process.exitCode = 1
})

NodeRuntime.runMain(Effect.provide(program, NodeNetwork.layer))
