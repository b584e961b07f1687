/** A job that searches the number whose SHA-256 is given: a packet is a range of numbers. */
import * as Crypto from "node:crypto"
import * as Schema from "effect/Schema"
import { Job } from "effect-inet/farm"

export const hashOf = (password: string) => Crypto.hash("sha256", password)

const digits = 6

export const job = Job.make({
  ...{ name: "password search", version: 1, result: Schema.NullOr(Schema.String) },
  packet: Schema.Struct({ from: Schema.Int, to: Schema.Int, hash: Schema.String }),
  split: (hash: string) => {
    const { next, total } = Job.range(0, 10 ** digits)
    return {
      ...{ total, initialSize: 1_000 },
      next: (size) => {
        const part = next(size)
        return part && { packet: { ...part.packet, hash }, units: part.units }
      }
    }
  },
  work: ({ from, hash, to }, { stopped }) => {
    for (let n = from; n < to && !stopped(); n++) {
      const password = String(n).padStart(digits, "0")
      if (hashOf(password) === hash) return password
    }
    return null
  },
  empty: null as string | null,
  merge: (found, password) => found ?? password
})
