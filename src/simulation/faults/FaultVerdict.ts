/** What faults make of a packet, and what the network that carries it has to do. */

/** What becomes of a packet. @category models @since 0.1.0 */
export type Verdict = Deliver | Drop | Datagrams | Stream

/** It arrives as it is. @category models @since 0.1.0 */
export interface Deliver {
  readonly _tag: "Deliver"
}

/** It does not arrive. @category models @since 0.1.0 */
export interface Drop {
  readonly _tag: "Drop"
  /** What was done, for a capture: `drop`, or `dup=2, drop`. */
  readonly note: string
}

/**
 * These arrive instead of the datagram, each so many nanoseconds later than it would have. The bytes are the packet's
 * own where no fault changed them.
 *
 * If it is `held`, nothing arrives until the network is told: `held.wait(deliver)` names what to do then, and after
 * `held.within` nanoseconds the network itself calls `held.release()`. Those in `overtaken` are to be released once
 * this one is on its way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Datagrams {
  readonly _tag: "Datagrams"
  /** Undefined if all it does is overtake. */
  readonly note: string | undefined
  readonly copies: ReadonlyArray<{ readonly delayNanos: number; readonly bytes: Uint8Array }>
  readonly held: HeldDatagram | undefined
  readonly overtaken: ReadonlyArray<HeldDatagram>
}

/**
 * What happens to one direction of a stream, from this piece on. Bytes never change their order: what is written later
 * waits for what is delayed or stalled.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stream {
  readonly _tag: "Stream"
  readonly note: string
  /** This piece comes so many nanoseconds later. */
  readonly delayNanos: number
  /** Nothing passes for so many nanoseconds, this piece included; Infinity is for ever. */
  readonly stallNanos: number
  /** The piece arrives in pieces of at most so many bytes. */
  readonly chunkBytes: number | undefined
  /** After so many bytes of this piece the direction ends as if the sender had sent FIN; an RST ends both. */
  readonly end: { readonly kind: "fin" | "rst"; readonly afterBytes: number } | undefined
}

/** A datagram that waits to be overtaken. @category models @since 0.1.0 */
export interface HeldDatagram {
  /** Nanoseconds. */
  readonly maxHoldNanos: number
  /** What to do at its release; at once if that was before. */
  readonly onRelease: (deliver: () => void) => void
  /** Does it, the first time it is called. */
  readonly release: () => void
}

/** The only one of its kind. @category constructors @since 0.1.0 */
export const deliver: Deliver = { _tag: "Deliver" }

/** A datagram that begins to wait. @category constructors @since 0.1.0 */
export const makeHeld = (maxHoldNanos: number): HeldDatagram => {
  let isReleased = false
  let action: (() => void) | undefined
  return {
    maxHoldNanos,
    onRelease: (deliver) => {
      if (isReleased) deliver()
      else action = deliver
    },
    release: () => {
      isReleased = true
      const deliver = action
      action = undefined
      deliver?.()
    }
  }
}
