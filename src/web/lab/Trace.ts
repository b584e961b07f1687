/** The record of a run of the laboratory: its packets and the states of its machines over time. Pure. */
import type { Arrow } from "../Arrow.ts"
import type { Settings } from "./Settings.ts"

/** A change of the state of a machine. */
export interface StateChange {
  readonly atMillis: number
  /** Column of the diagram. */
  readonly host: string
  /** Name of the state, such as `waiting for ACK 3`. */
  readonly state: string
  /** Variables of the machine, in the order to show. */
  readonly variables: ReadonlyArray<readonly [name: string, value: string]>
}

/** A remark for the student at a time of the run, such as `timeout: DATA 3 is sent again`. */
export interface Remark {
  readonly atMillis: number
  readonly host: string
  readonly text: string
  /** `fault` for the network's, `warning` for what should not happen. */
  readonly tone: "plain" | "fault" | "warning"
}

/** A whole run. Everything in it follows from the settings: the same settings give the same trace. */
export interface Trace {
  readonly settings: Settings
  /** Columns of the diagram, from left to right. */
  readonly hosts: ReadonlyArray<string>
  readonly arrows: ReadonlyArray<Arrow>
  readonly states: ReadonlyArray<StateChange>
  readonly remarks: ReadonlyArray<Remark>
  /** `ended`: the run reached its limit of time or packets first. */
  readonly outcome: "done" | "failed" | "ended"
  /** One line, such as `the file arrived whole, in 412 ms with 71 packets`. */
  readonly summary: string
  readonly endMillis: number
  readonly figures: ReadonlyArray<readonly [name: string, value: string]>
}
