/** Corruption of packets, as by a bad network or a malicious peer. */
import * as Arbitrary from "effect/Arbitrary"

/** A kind of change, a position, and a byte. */
type Change = readonly [kind: number, where: number, byte: number]

/** Corrupts packets: replaces (0), removes (1) or inserts (2) bytes. */
export const mutated = (
  packets: Arbitrary.Arbitrary<Uint8Array>,
  change: Arbitrary.Arbitrary<Change>
): Arbitrary.Arbitrary<Uint8Array> =>
  Arbitrary.map(
    Arbitrary.all([packets, Arbitrary.array(change, { minLength: 1, maxLength: 4 })]),
    ([packet, changes]) => {
      const bytes = Array.from(packet)
      for (const [kind, where, byte] of changes) {
        const at = where % (bytes.length + 1)
        if (kind === 0) bytes.splice(at, 1, byte)
        else if (kind === 1) bytes.splice(at, where % 5)
        else bytes.splice(at, 0, byte)
      }
      return Uint8Array.from(bytes)
    }
  )
