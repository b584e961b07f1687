/** The sum of the numbers below one, as a job: right or wrong at a glance. */
import * as Schema from "effect/Schema"
import * as Job from "../../src/farm/Job.ts"

export const Range = Schema.Struct({ from: Schema.Number, to: Schema.Number })

export const expectedSum = (numbers: number) => (numbers * (numbers - 1)) / 2

/** A job that counts how often each of its packets is worked on. */
export const make = () => {
  const done = new Map<number, number>()
  const job = Job.make({
    name: "sum",
    version: 1,
    packet: Range,
    result: Schema.Number,
    split: (to: number) => Job.range(0, to),
    work: ({ from, to }) => {
      done.set(from, (done.get(from) ?? 0) + 1)
      return ((to - from) * (from + to - 1)) / 2
    },
    empty: 0,
    merge: (sum: number, part) => sum + part
  })
  return { job, done }
}
