/** A job that counts the words of a file. The file is read while the threads count: memory holds a few packets. */
import * as Fs from "node:fs"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Job } from "effect-inet/farm"

const [newline, space] = [10, 32]

/** Cuts at the last line break, so that no word is in two packets: the rest begins the next one. */
const cut = (rest: Uint8Array, bytes: Uint8Array): readonly [rest: Uint8Array, packets: ReadonlyArray<Uint8Array>] => {
  const all = Buffer.concat([rest, bytes])
  const end = all.lastIndexOf(newline) + 1
  return [all.subarray(end), end === 0 ? [] : [all.subarray(0, end)]]
}

const chunks = (path: string): Stream.Stream<Uint8Array, unknown> =>
  Stream.fromAsyncIterable<Uint8Array, unknown>(Fs.createReadStream(path, { highWaterMark: 1 << 20 }), (cause) => cause)

export const job = Job.make({
  ...{ name: "word count", version: 1, packet: Schema.Uint8Array, result: Schema.Int },
  split: (path: string) =>
    Stream.mapAccum(chunks(path), () => new Uint8Array(), cut, { onHalt: (rest) => (rest.length === 0 ? [] : [rest]) }),
  work: (text) => {
    let words = 0
    for (let at = 0, before = space; at < text.length; before = text[at++]!) {
      if (before <= space && text[at]! > space) words++
    }
    return words
  },
  empty: 0,
  merge: (words, more) => words + more
})
