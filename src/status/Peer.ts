/** What is known of a peer, and what can happen to it: the words that tables, apps and screens share. Pure. */
import type * as Endpoint from "../network/Endpoint.ts"

/**
 * `alive`: its packets come. `suspect`: some in a row have not. `down`: too many have not. `left`: it has said goodbye.
 * A peer that is down or has left for long is forgotten.
 *
 * @category models
 * @since 0.1.0
 */
export type State = "alive" | "suspect" | "down" | "left"

/** How a peer writes its packets. @category models @since 0.1.0 */
export type Dialect = "effect-inet" | "course"

/** A packet of either dialect, as a table takes it. @category models @since 0.1.0 */
export interface Heartbeat {
  readonly dialect: Dialect
  readonly from: Endpoint.Endpoint
  readonly id: string
  readonly name: string
  readonly incarnation: number
  /** Undefined where packets have none: then each is taken for a new one. */
  readonly sequence: number | undefined
  /** Milliseconds until the next packet, at most, as the peer promises. */
  readonly interval: number
  readonly goodbye: boolean
  readonly payload: Uint8Array
}

/**
 * A peer as one table sees it. All ages are milliseconds, by the clock of whoever has the table.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer<A> {
  /** 16 hexadecimal digits, or `course:` and the name. */
  readonly id: string
  /** Whatever the peer wrote: print it with `TerminalText.escape`. */
  readonly name: string
  /** Where its last packet came from. */
  readonly address: Endpoint.Endpoint
  readonly dialect: Dialect
  /** Whether it is the peer that has the table. */
  readonly self: boolean
  readonly state: State
  readonly incarnation: number
  /** Milliseconds between its packets, at most. */
  readonly interval: number
  /** What it said last, of that which could be read. */
  readonly payload: A | undefined
  /** Why what it said last could not be read. */
  readonly invalid: string | undefined
  /** Two peers use this id at the same time. */
  readonly conflict: boolean
  /** Since it was heard. */
  readonly age: number
  /** The same in heartbeats of its own: whole ones that should have come and have not. */
  readonly missed: number
  /** Since it came into its state. */
  readonly stateAge: number
  /** Since it was first heard in this incarnation. */
  readonly knownFor: number
  /** The part of its packets that get lost, 0 to 1, as far as is known. */
  readonly loss: number
}

/**
 * What has happened to a peer.
 *
 * `Joined`: it is new, and alive. `Restarted`: it has started again, and is alive. `Updated`: its name or payload is
 * another. `Suspect`, `Down`, `Left`: as the states. `Alive`: it is heard again after one of them. `Conflict`: another
 * peer uses the same id. `Forgotten`: it is no longer in the table, having been silent for long, or to make room. From
 * these alone everybody's state can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change<A> {
  readonly _tag: "Joined" | "Restarted" | "Updated" | "Suspect" | "Down" | "Left" | "Alive" | "Conflict" | "Forgotten"
  readonly peer: Peer<A>
}
