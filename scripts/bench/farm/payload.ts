/** A job whose packets are buffers, for both farms: it measures the cost of their way to a thread. */
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

/** A number of packets, and the size of each. */
export interface Payload {
  readonly packets: number
  readonly bytes: number
}

/** Makes the packets: each has a buffer of its own, as rows of an image or chunks of a file have. */
export const packetsOf = function* ({ bytes, packets }: Payload) {
  for (let made = 0; made < packets; made++) yield { data: new Uint8Array(bytes) }
}

export const job = Job.make({
  ...{ name: "payload", version: 1, packet: Schema.Struct({ data: Schema.Uint8Array }), result: Schema.Number },
  split: packetsOf,
  work: ({ data }) => data.length,
  empty: 0,
  merge: (count: number) => count + 1
})

/** The same job, whose buffers move to the threads. */
export const moving = { ...job, transfer: { packet: ({ data }: { readonly data: Uint8Array }) => [data.buffer] } }

/** The same work for piscina. */
export const task = ({ data }: { readonly data: Uint8Array }): number => data.length
