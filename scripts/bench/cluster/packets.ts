/** A job whose packets take a known time asleep, or none, and record when they begin and end. */
import * as Fs from "node:fs"
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const Input = Schema.Struct({
  packets: Schema.Int,
  /** The time for a packet. */
  millis: Schema.Finite,
  /** The file of the record; without it nothing is recorded. */
  log: Schema.optionalKey(Schema.String)
})

/** The input of the job. */
export type Input = typeof Input.Type

const Packet = Schema.Struct({ at: Schema.Int, millis: Schema.Finite, log: Schema.optionalKey(Schema.String) })

/** A packet in the record. */
export interface Recorded {
  readonly at: number
  /** The process that worked on it. */
  readonly pid: number
  readonly beginMillis: number
  /** Undefined if the process died. */
  readonly endMillis: number | undefined
}

const sleep = (millis: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)

const record = (log: string, what: "begin" | "end", at: number) =>
  Fs.appendFileSync(log, `${what} ${at} ${process.pid} ${Date.now()}\n`)

/** Reads a record, in the order in which the packets began. */
export const readRecord = (log: string): ReadonlyArray<Recorded> => {
  const open = new Map<string, Recorded>()
  const all: Array<Recorded> = []
  for (const line of Fs.readFileSync(log, "utf8").split("\n").slice(0, -1)) {
    const [what, at, pid, millis] = line.split(" ")
    const name = `${at} ${pid}`
    const begun = open.get(name)
    if (what === "begin") {
      open.set(name, { at: Number(at), pid: Number(pid), beginMillis: Number(millis), endMillis: undefined })
    } else if (begun !== undefined) {
      open.delete(name)
      all.push({ ...begun, endMillis: Number(millis) })
    }
  }
  return [...all, ...open.values()].toSorted((one, other) => one.beginMillis - other.beginMillis)
}

/** The output is the number of results. */
export const job = Job.make({
  name: "packets",
  version: 1,
  packet: Packet,
  result: Schema.Int,
  split: ({ packets, ...each }: Input) => {
    let at = 0
    return {
      total: packets,
      next: () => (at === packets ? undefined : { packet: { ...each, at: at++ }, units: 1 })
    }
  },
  work: ({ at, log, millis }) => {
    if (log !== undefined) record(log, "begin", at)
    if (millis > 0) sleep(millis)
    if (log !== undefined) record(log, "end", at)
    return at
  },
  empty: 0,
  merge: (count: number) => count + 1,
  checkpoint: { input: Input, output: Schema.Int }
})

/** The module of the job, which threads load. */
export const module = import.meta.url
