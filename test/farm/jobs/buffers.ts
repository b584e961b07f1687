/** A job whose packets and results are buffers that move; a packet whose first byte is 255 ends its thread. */
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const buffersOf = (bytes: Uint8Array) => [bytes.buffer]

/** Adds 1 to each byte of a packet in place, and returns a copy. */
const work = (bytes: Uint8Array) => {
  if (bytes[0] === 255) process.exit(4)
  for (let at = 0; at < bytes.length; at++) bytes[at]!++
  return bytes.slice()
}

export const job = Job.make({
  name: "buffers",
  version: 1,
  packet: Schema.Uint8Array,
  result: Schema.Uint8Array,
  transfer: { packet: buffersOf, result: buffersOf },
  split: (packets: ReadonlyArray<Uint8Array>) => packets,
  work,
  empty: [] as ReadonlyArray<Uint8Array>,
  merge: (results, result) => [...results, result]
})
