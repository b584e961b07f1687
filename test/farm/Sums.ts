/** A job that sums the numbers below a limit: a lost or duplicate packet changes the sum. */
import * as Schema from "effect/Schema"
import * as Job from "../../src/farm/Job.ts"

export const Range = Schema.Struct({ from: Schema.Number, to: Schema.Number })

export const expectedSum = (numbers: number) => (numbers * (numbers - 1)) / 2

/** Makes a job that counts the executions of each packet, by its first number. */
export const make = () => {
  const executions = new Map<number, number>()
  const job = Job.make({
    name: "sum",
    version: 1,
    packet: Range,
    result: Schema.Number,
    split: (to: number) => Job.range(0, to),
    work: ({ from, to }) => {
      executions.set(from, (executions.get(from) ?? 0) + 1)
      return ((to - from) * (from + to - 1)) / 2
    },
    empty: 0,
    merge: (sum: number, part) => sum + part
  })
  return { job, executions }
}
