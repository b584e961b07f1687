/** The outcome of a packet, as a diagram marks it: by a word and a form, not by a colour alone. Pure. */
import type { Arrow } from "../../Arrow.ts"

/**
 * The outcome of a packet. `late` was held back by the network, `changed` arrives with other bytes, `again` is alike to
 * an earlier one.
 */
export type Fate = "arrived" | "lost" | "duplicate" | "late" | "changed" | "again"

/** A packet of a diagram. */
export interface Packet extends Arrow {
  /** True if it is alike to an earlier one of its sender, which has sent it again. */
  readonly isAgain?: boolean
}

/** Outcomes by the first word of a fault. */
const fateOfFault: Readonly<Record<string, Fate>> = {
  drop: "lost",
  lost: "lost",
  partition: "lost",
  duplicate: "duplicate",
  reorder: "late",
  delay: "late",
  bandwidth: "late",
  corrupt: "changed",
  truncate: "changed"
}

/** Word of an outcome in a label; empty for a packet to which nothing happened. */
export const wordOf: Readonly<Record<Fate, string>> = {
  arrived: "",
  lost: "lost",
  duplicate: "copy",
  late: "late",
  changed: "changed",
  again: "sent again"
}

/** Returns the outcome of a packet: of its faults, such as `duplicate, reorder`, the first that is known. */
export const of = ({ fault = "", isAgain = false, lost }: Pick<Packet, "fault" | "isAgain" | "lost">): Fate => {
  if (lost) return "lost"
  const action = fault
    .toLowerCase()
    .match(/[a-z]+/g)
    ?.find((word) => Object.hasOwn(fateOfFault, word))
  const fate = action === undefined ? undefined : fateOfFault[action]
  if (fate !== undefined && fate !== "lost") return fate
  return isAgain ? "again" : "arrived"
}
