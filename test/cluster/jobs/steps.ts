/**
 * A job whose packets take a known time, asleep. Its output is the sum of their numbers: a lost or duplicate packet
 * changes it. `version` in the URL of the module replaces its version.
 */
import * as Schema from "effect/Schema"
import * as Job from "../../../src/farm/Job.ts"

const Input = Schema.Struct({
  packets: Schema.Int,
  /** The time for a packet. */
  millis: Schema.Finite,
  /** Makes the input larger. */
  ballast: Schema.optionalKey(Schema.String),
  /** The deed of the packet with this number. */
  odd: Schema.optionalKey(Schema.Struct({ at: Schema.Int, does: Schema.Literals(["throw", "exit", "kill"]) }))
})

const Packet = Schema.Struct({
  at: Schema.Int,
  millis: Schema.Finite,
  does: Schema.Literals(["add", "throw", "exit", "kill"])
})

const sleep = (millis: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)

const does = {
  add: () => {},
  throw: () => {
    throw new Error("as it was asked to")
  },
  exit: () => process.exit(3),
  kill: () => process.kill(process.pid, "SIGKILL")
} as const

/** Returns the sum of the numbers of all packets. */
export const sumOf = (packets: number) => (packets * (packets - 1)) / 2

export const job = Job.make({
  name: "steps",
  version: Number(new URL(import.meta.url).searchParams.get("version") ?? 1),
  packet: Packet,
  result: Schema.Int,
  split: ({ millis, odd, packets }: typeof Input.Type) => {
    let at = 0
    return {
      total: packets,
      next: () => {
        if (at === packets) return undefined
        const packet = { at, millis, does: odd?.at === at ? odd.does : ("add" as const) }
        at++
        return { packet, units: 1 }
      }
    }
  },
  work: (packet) => {
    does[packet.does]()
    if (packet.millis > 0) sleep(packet.millis)
    return packet.at
  },
  empty: 0,
  merge: (sum, at) => sum + at,
  checkpoint: { input: Input, output: Schema.Int }
})
