/** Record of a run: everything that happened, in order. Two runs are compared by it, and a failure is shown from it. */
import type * as Packet from "../network/Packet.ts"

/** An event of a run. Times are virtual nanoseconds since its start. @category models @since 0.1.0 */
export type Event =
  | PacketEvent
  | LogEvent
  | HostEvent
  | LinkEvent
  | DiskEvent
  | SwitchEvent
  | DigestEvent
  | ReachedEvent

/** A packet was sent; with its fault, and the time of its arrival or its loss. @category models @since 0.1.0 */
export interface PacketEvent {
  readonly _tag: "Packet"
  readonly at: number
  readonly packet: Packet.ObservedPacket
}

/** A program logged a message. @category models @since 0.1.0 */
export interface LogEvent {
  readonly _tag: "Log"
  readonly at: number
  /** Undefined for the scenario itself. */
  readonly host: string | undefined
  /** `Info`, `Warning`... */
  readonly level: string
  /** The message with its annotations, as one text. */
  readonly message: string
}

/** A host changed its state, by a rule of the plan or by the scenario. @category models @since 0.1.0 */
export interface HostEvent {
  readonly _tag: "Host"
  readonly at: number
  readonly host: string
  readonly event: "start" | "crash" | "restart" | "pause" | "resume" | "jump" | "drift"
  /** Detail for readers, such as `+1h`; empty if the event says all. */
  readonly detail: string
}

/** The scenario changed the links between hosts. @category models @since 0.1.0 */
export interface LinkEvent {
  readonly _tag: "Link"
  readonly at: number
  readonly event: "hold" | "release" | "partition" | "repair" | "heal"
  /** The hosts, such as `a|b,c`; empty for all. */
  readonly detail: string
}

/** A program used the disk of its host. @category models @since 0.1.0 */
export interface DiskEvent {
  readonly _tag: "Disk"
  readonly at: number
  readonly host: string
  /** `write`, `sync`, `rename`..., or `lost` and `torn` at a crash. */
  readonly operation: string
  readonly path: string
  readonly bytes: number
  /** Fault that was applied, such as `ENOSPC`. */
  readonly fault: string | undefined
}

/** The scheduler preempted a fiber, or chose another one than the first. @category models @since 0.1.0 */
export interface SwitchEvent {
  readonly _tag: "Switch"
  readonly at: number
  /** Name of the decision, as in `SimScheduler.Decision`. */
  readonly point: string
  readonly choice: number
  readonly fiber: string
  readonly step: string | undefined
}

/** State of the scenario or of a host, as bytes. @category models @since 0.1.0 */
export interface DigestEvent {
  readonly _tag: "Digest"
  readonly at: number
  readonly host: string | undefined
  readonly label: string
  /** Canonical JSON of the state. */
  readonly bytes: Uint8Array
}

/** A state that the scenario marks with `sometimes`. @category models @since 0.1.0 */
export interface ReachedEvent {
  readonly _tag: "Reached"
  readonly at: number
  readonly label: string
}

/** Receives the events of a run as they happen. @category models @since 0.1.0 */
export type Recorder = (event: Event) => void
