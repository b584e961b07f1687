/** Peers, their states and their changes, as tables, programs and screens use them. Pure. */
import type * as Endpoint from "../network/Endpoint.ts"

/**
 * State of a peer. `alive`: its heartbeats arrive. `suspect`: several heartbeats in a row are missing. `down`: too many
 * are missing. `left`: it has sent a goodbye. A peer that is `down` or `left` is forgotten later.
 *
 * @category models
 * @since 0.1.0
 */
export type State = "alive" | "suspect" | "down" | "left"

/** Packet format of a peer. @category models @since 0.1.0 */
export type Dialect = "effect-inet" | "course"

/** A packet of either dialect, as the peer table receives it. @category models @since 0.1.0 */
export interface Heartbeat {
  readonly dialect: Dialect
  readonly from: Endpoint.Endpoint
  readonly id: string
  readonly name: string
  readonly incarnation: number
  /** Sequence number; undefined in the course's dialect, where every packet counts as new. */
  readonly sequence: number | undefined
  /** Milliseconds until the next packet at most, as announced by the peer. */
  readonly interval: number
  readonly goodbye: boolean
  readonly payload: Uint8Array
}

/**
 * A peer as one table sees it. All ages are milliseconds by the clock of the table's owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer<A> {
  /** 16 hexadecimal digits, or `course:` and the name. */
  readonly id: string
  /** Name of the peer. It is untrusted input: print it with `TerminalText.escape`. */
  readonly name: string
  /** Source of its latest packet. */
  readonly address: Endpoint.Endpoint
  readonly dialect: Dialect
  /** True for the peer that owns the table. */
  readonly self: boolean
  readonly state: State
  readonly incarnation: number
  /** Milliseconds between its packets, at most. */
  readonly interval: number
  /** Latest payload that could be decoded. */
  readonly payload: A | undefined
  /** Reason why the latest payload could not be decoded. */
  readonly invalid: string | undefined
  /** True if two running peers use this id. */
  readonly conflict: boolean
  /** Milliseconds since its latest packet. */
  readonly age: number
  /** Heartbeats missed since then: `age` in whole intervals of the peer. */
  readonly missed: number
  /** Milliseconds since its state changed. */
  readonly stateAge: number
  /** Milliseconds since the first packet of this incarnation. */
  readonly knownFor: number
  /** Estimated loss rate of its packets, 0 to 1. */
  readonly loss: number
}

/**
 * A change of a peer. All states can be reconstructed from the changes alone.
 *
 * - `Joined`: the peer is new, and alive.
 * - `Restarted`: the peer has a new incarnation, and is alive.
 * - `Updated`: its name or payload has changed.
 * - `Suspect`, `Down`, `Left`: it entered that state.
 * - `Alive`: a packet arrived after one of those states.
 * - `Conflict`: another running peer uses the same id.
 * - `Forgotten`: it was removed from the table, after a long silence or to make room.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change<A> {
  readonly _tag: "Joined" | "Restarted" | "Updated" | "Suspect" | "Down" | "Left" | "Alive" | "Conflict" | "Forgotten"
  readonly peer: Peer<A>
}
