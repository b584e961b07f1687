/** A job that sums ranges, and misbehaves in one packet if its input asks for it. */
import * as Fs from "node:fs"
import { threadId } from "node:worker_threads"
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const Oddity = Schema.Struct({
  /** The number whose packet misbehaves. */
  at: Schema.Number,
  does: Schema.Literals(["throw", "exit", "lie", "spin", "wait"]),
  /** The path of a file: the packet misbehaves only if it does not exist, and creates it. */
  once: Schema.optionalKey(Schema.String)
})

const Packet = Schema.Struct({
  from: Schema.Number,
  to: Schema.Number,
  odd: Schema.optionalKey(Oddity),
  log: Schema.optionalKey(Schema.String)
})

const Input = Schema.Struct({
  /** The end of the numbers to sum; without it the job is endless. */
  to: Schema.optionalKey(Schema.Number),
  odd: Schema.optionalKey(Oddity),
  /** The path of a log: a line with thread id and first number for each packet that is started. */
  log: Schema.optionalKey(Schema.String)
})

export type Input = typeof Input.Type

const isFirst = (path: string) => {
  try {
    Fs.writeFileSync(path, "", { flag: "wx" })
    return true
  } catch {
    return false
  }
}

/** A cell that never changes: waiting for it pauses the thread. */
const pause = new Int32Array(new SharedArrayBuffer(4))

export const job = Job.make({
  name: "odd",
  version: 1,
  packet: Packet,
  result: Schema.Number,
  split: ({ log, odd, to = Number.MAX_SAFE_INTEGER }: Input) => {
    const range = Job.range(0, to)
    return {
      total: to === Number.MAX_SAFE_INTEGER ? undefined : to,
      next: (size) => {
        const cut = range.next(size)
        if (cut === undefined) return undefined
        const { packet, units } = cut
        const isOdd = odd !== undefined && packet.from <= odd.at && odd.at < packet.to
        return { units, packet: { ...packet, ...(isOdd ? { odd } : {}), ...(log === undefined ? {} : { log }) } }
      }
    }
  },
  work: ({ from, log, odd, to }, signal) => {
    if (log !== undefined) Fs.appendFileSync(log, `${threadId} ${from}\n`)
    if (odd !== undefined && (odd.once === undefined || isFirst(odd.once))) {
      if (odd.does === "throw") throw new RangeError(`no ${odd.at}`)
      if (odd.does === "exit") process.exit(7)
      if (odd.does === "lie") return "a lie" as unknown as number
      while (odd.does === "spin" || !signal.stopped()) Atomics.wait(pause, 0, 0, 5)
      if (log !== undefined) Fs.appendFileSync(log, `${threadId} stopped\n`)
    }
    if (log !== undefined) Atomics.wait(pause, 0, 0, 2)
    let sum = 0
    for (let n = from; n < to; n++) sum += n
    return sum
  },
  empty: 0,
  merge: (sum: number, part) => {
    if (Number.isNaN(part)) throw new Error("not a number")
    return sum + part
  },
  checkpoint: { input: Input, output: Schema.Number }
})

/** Computes the sum of the numbers below `to`. */
export const sum = (to: number) => (to * (to - 1)) / 2
