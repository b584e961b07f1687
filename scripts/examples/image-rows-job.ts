/** A job that brightens the rows of a grey image. The buffers move to the threads and back: nothing is copied. */
import * as Schema from "effect/Schema"
import { Job } from "effect-inet/farm"

/** Bytes of an image, from an offset on. */
const Rows = Schema.Struct({ from: Schema.Int, pixels: Schema.Uint8Array })

const buffersOf = ({ pixels }: typeof Rows.Type) => [pixels.buffer]

/** A buffer moves as a whole, so the rows of each packet are in one of their own. */
const split = function* ({ bytesInPacket, pixels }: { readonly bytesInPacket: number; readonly pixels: Uint8Array }) {
  for (let from = 0; from < pixels.length; from += bytesInPacket) {
    yield { from, pixels: pixels.slice(from, from + bytesInPacket) }
  }
}

export const job = Job.make({
  ...{ name: "image rows", version: 1, packet: Rows, result: Rows, split },
  transfer: { packet: buffersOf, result: buffersOf },
  work: ({ from, pixels }) => ({ from, pixels: pixels.map((grey) => 255 * (grey / 255) ** 0.5) }),
  empty: 0,
  merge: (bytes: number, { pixels }) => bytes + pixels.length
})
