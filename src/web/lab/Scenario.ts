/** A protocol of the laboratory: its hosts, its network and its programs. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Packet from "../../network/Packet.ts"
import type * as FaultPlan from "../../simulation/faults/FaultPlan.ts"
import type * as SimHost from "../../simulation/network/SimHost.ts"
import * as Recorder from "./Recorder.ts"
import type { Remark, StateChange } from "./Trace.ts"

/** The end of a run, as its programs tell it. */
export interface Ending {
  readonly outcome: "done" | "failed"
  /** The result, without time and packets, such as `the file arrived whole`. */
  readonly text: string
  /** Time at which it came out; the programs may wait a little longer. */
  readonly atMillis: number
  readonly figures: ReadonlyArray<readonly [name: string, value: string]>
}

/** A run in progress, as its programs use it. */
export interface World<Message> {
  /** The hosts, in the order of `Scenario.hosts`. */
  readonly hosts: ReadonlyArray<SimHost.SimHost>
  readonly recorder: Recorder.Recorder<Message>
}

/** States and remarks that follow from the packets of a run. */
export interface Observed {
  readonly states: ReadonlyArray<StateChange>
  readonly remarks: ReadonlyArray<Remark>
}

/** A protocol of the laboratory with its settings. `Message` is what a packet means to it. */
export interface Scenario<Message> {
  /** Names of the hosts, from left to right. */
  readonly hosts: ReadonlyArray<string>
  readonly transport: "udp" | "tcp"
  readonly faults: FaultPlan.FaultPlan
  /** Virtual time after which the run is ended. */
  readonly limitMillis: number
  readonly describe: (packet: Packet.Packet) => Recorder.Described<Message>
  readonly program: (world: World<Message>) => Effect.Effect<Ending, never, Scope.Scope>
  /** Derives the states of machines that cannot be asked: those of the services, which know nothing of a laboratory. */
  readonly observe: (recording: Recorder.Recording<Message>) => Observed
  /** Derives figures of the result that the programs do not tell. Default: none. */
  readonly figures?: (recording: Recorder.Recording<Message>) => Ending["figures"]
}

/** The virtual time in milliseconds, with whole microseconds. */
export const now: Effect.Effect<number> = Effect.map(Clock.currentTimeMillis, (millis) =>
  Recorder.millisOf(millis * 1e6)
)

/** Nothing to observe: the programs tell their states themselves. */
export const observeNothing = (): Observed => ({ states: [], remarks: [] })

/** Formats a number with its noun: `1 packet`, `2 packets`. */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`

/** Formats a time for readers in milliseconds, as the diagram does: `412 ms`, `3,200 ms`. */
export const duration = (millis: number): string => `${Math.round(millis).toLocaleString("en")} ms`
