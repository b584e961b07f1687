/** Work that is none, for both farms: what is left is what a packet costs. */
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const Packet = Schema.Struct({ from: Schema.Number, to: Schema.Number })

/** So many packets, of a number each; the answer is how many came back. */
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

/** The same for piscina. */
export const task = ({ from }: typeof Packet.Type): number => from
