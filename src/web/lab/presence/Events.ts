/** Events that a cluster of five hosts meets, as faults of the network and of hosts. Pure. */
import type * as FaultPlan from "../../../simulation/faults/FaultPlan.ts"
import type { Remark } from "../Trace.ts"
import * as Views from "./Views.ts"

/** An event of the choice `event`. */
export type Event = "none" | "crash" | "restart" | "leave" | "partition"

/** Times of an event, in milliseconds. */
export interface Times {
  readonly startMillis: number
  /** End of the crash or of the partition. */
  readonly endMillis: number
}

/** The host that crashes or leaves. */
export const victim = "cleo"

/** The hosts on one side of the partition. */
const minority: ReadonlyArray<string> = ["dora", "emil"]

const nanos = (millis: number) => Math.round(millis * 1e6)

const partition = ({ endMillis, startMillis }: Times): FaultPlan.FaultPlan =>
  Views.names
    .filter((name) => !minority.includes(name))
    .flatMap((one) =>
      minority.map(
        (other): FaultPlan.Partition => ({
          action: "partition",
          pair: { from: { host: one }, to: { host: other }, both: true },
          window: { from: nanos(startMillis), to: nanos(endMillis) }
        })
      )
    )

/** The faults of each event. A host that leaves is none: its program ends. */
const faultsByEvent: Readonly<Record<Event, (times: Times) => FaultPlan.FaultPlan>> = {
  none: () => [],
  crash: ({ startMillis }) => [{ action: "crash", host: victim, at: nanos(startMillis) }],
  restart: ({ endMillis, startMillis }) => [
    { action: "crash", host: victim, at: nanos(startMillis), until: nanos(endMillis) }
  ],
  leave: () => [],
  partition
}

/** Returns the faults of an event. */
export const faults = (event: Event, times: Times): FaultPlan.FaultPlan => faultsByEvent[event](times)

/** Returns true if a host runs at the end of the run. */
export const runsAtEnd = (event: Event, name: string): boolean =>
  name !== victim || (event !== "crash" && event !== "leave")

/** Returns true if two hosts can reach each other at a time, and both run. */
export const isReachable = (
  event: Event,
  { endMillis, startMillis }: Times,
  [host, other]: readonly [string, string],
  atMillis: number
): boolean => {
  if (atMillis < startMillis) return true
  const isOver = event !== "crash" && event !== "leave" && atMillis >= endMillis
  if (event === "none" || isOver) return true
  return event === "partition" ? minority.includes(host) === minority.includes(other) : other !== victim
}

/** Returns the remarks on an event, at its times. */
export const remarks = (event: Event, { endMillis, startMillis }: Times): ReadonlyArray<Remark> => {
  const at = (atMillis: number, host: string, text: string): Remark => ({ atMillis, host, text, tone: "fault" })
  const [one, other] = [Views.names.filter((name) => !minority.includes(name)).join(", "), minority.join(", ")]
  switch (event) {
    case "none":
      return []
    case "crash":
      return [at(startMillis, victim, `${victim} crashes, without a word to the others`)]
    case "restart":
      return [
        at(startMillis, victim, `${victim} crashes, without a word to the others`),
        at(endMillis, victim, `${victim} restarts, as a new incarnation`)
      ]
    case "leave":
      return [at(startMillis, victim, `${victim} leaves, and says goodbye`)]
    case "partition":
      return [
        at(startMillis, minority[0]!, `the network is partitioned: ${one} on one side, ${other} on the other`),
        at(endMillis, minority[0]!, "the partition ends")
      ]
  }
}
