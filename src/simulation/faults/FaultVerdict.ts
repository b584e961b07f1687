/** Verdicts of the fault engine: what the network has to do with a packet. */

/** A verdict on a packet. @category models @since 0.1.0 */
export type Verdict = Deliver | Drop | Datagrams | Stream

/** The packet is delivered unchanged. @category models @since 0.1.0 */
export interface Deliver {
  readonly _tag: "Deliver"
}

/** The packet is not delivered. @category models @since 0.1.0 */
export interface Drop {
  readonly _tag: "Drop"
  /** The faults applied, for a capture: `drop`, or `dup=2, drop`. */
  readonly note: string
}

/**
 * These copies are delivered in place of the datagram, each later by its `delayNanos`. The bytes are those of the
 * packet unless a fault changed them.
 *
 * If the datagram is `held`, the network delivers nothing yet: it passes the delivery to `held.onRelease`, and calls
 * `held.release()` after `held.maxHoldNanos`. It releases those in `overtaken` once this datagram is on its way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Datagrams {
  readonly _tag: "Datagrams"
  /** Undefined if the datagram only overtakes others. */
  readonly note: string | undefined
  readonly copies: ReadonlyArray<{ readonly delayNanos: number; readonly bytes: Uint8Array }>
  readonly held: HeldDatagram | undefined
  readonly overtaken: ReadonlyArray<HeldDatagram>
}

/**
 * Faults of one direction of a stream, from this segment on. Bytes never change their order: data written later waits
 * behind data that is delayed or stalled.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stream {
  readonly _tag: "Stream"
  readonly note: string
  /** Additional delay of this segment, in nanoseconds. */
  readonly delayNanos: number
  /** Time for which nothing passes, this segment included, in nanoseconds; Infinity for ever. */
  readonly stallNanos: number
  /** Maximum bytes of each segment that is delivered. */
  readonly chunkBytes: number | undefined
  /**
   * The direction ends after `afterBytes` bytes of this segment: as if the sender had sent FIN, or by RST, which ends
   * both directions.
   */
  readonly end: { readonly kind: "fin" | "rst"; readonly afterBytes: number } | undefined
}

/** A datagram that is held back until others overtake it. @category models @since 0.1.0 */
export interface HeldDatagram {
  /** Time after which the network releases the datagram, in nanoseconds. */
  readonly maxHoldNanos: number
  /** Registers the delivery for the release; delivers at once if the datagram has been released. */
  readonly onRelease: (deliver: () => void) => void
  /** Delivers the datagram, the first time it is called. */
  readonly release: () => void
}

/**
 * The verdict that delivers a packet unchanged; all such verdicts are this object.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deliver: Deliver = { _tag: "Deliver" }

/** Creates a datagram that is held back. @category constructors @since 0.1.0 */
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
