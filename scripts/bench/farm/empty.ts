/** A job without work, for both farms: it measures the cost of a packet. */
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const Packet = Schema.Struct({ from: Schema.Number, to: Schema.Number })

/** A number of packets with one number each; the output is the number of results. */
export const job = Job.make({
  name: "empty",
  version: 1,
  packet: Packet,
  result: Schema.Number,
  split: (count: number) => Job.range(0, count),
  work: ({ from }) => from,
  empty: 0,
  merge: (count: number) => count + 1
})

/** The same work for piscina. */
export const task = ({ from }: typeof Packet.Type): number => from
