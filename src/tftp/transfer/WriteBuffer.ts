/** Holds what has come until it is written: blocks are small, and a file takes them better in large pieces. */
import * as Effect from "effect/Effect"
import * as Signal from "../../network/Signal.ts"
import type * as FileStore from "../store/FileStore.ts"
import type { FileStoreError } from "../store/FileStoreError.ts"

/** Bytes of a piece; a quarter of it is worth a write. */
const piece = 256 * 1_024

interface Piece {
  readonly bytes: Uint8Array
  length: number
}

/** What waits to be written. */
export interface Spool {
  /** Copies the bytes. */
  readonly add: (bytes: Uint8Array) => void
  /** Bytes that are not written yet. */
  readonly held: () => number
  /** Nothing comes any more: writes what is left, too. */
  readonly end: () => void
  /** Writes until all that came before `end` is written; `written` is called after each piece. */
  readonly run: (written: () => void) => Effect.Effect<void, FileStoreError>
}

/** `most`: bytes that will come, if known, so that a small file takes little memory. */
export const make = (write: FileStore.Writable["write"], most: number | undefined): Spool => {
  const size = Math.max(1_024, Math.min(piece, most ?? piece))
  const full: Array<Piece> = []
  const bell = Signal.make()
  let spare: Piece | undefined
  let current: Piece | undefined
  let held = 0
  let ended = false

  const fresh = (): Piece => {
    const taken = spare ?? { bytes: new Uint8Array(size), length: 0 }
    spare = undefined
    taken.length = 0
    return taken
  }
  const next = () => {
    const first = full.shift()
    if (first !== undefined) return first
    if (current === undefined || current.length === 0 || (!ended && current.length < size / 4)) return undefined
    const taken = current
    current = undefined
    return taken
  }
  return {
    add: (bytes) => {
      held += bytes.length
      for (let at = 0; at < bytes.length; ) {
        current ??= fresh()
        const count = Math.min(bytes.length - at, size - current.length)
        current.bytes.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), current.length)
        current.length += count
        at += count
        if (current.length < size) continue
        full.push(current)
        current = undefined
      }
      if (full.length > 0 || (current !== undefined && current.length >= size / 4)) bell.ring()
    },
    held: () => held,
    end: () => {
      ended = true
      bell.ring()
    },
    run: (written) =>
      Effect.gen(function* () {
        while (true) {
          const taken = next()
          if (taken === undefined) {
            if (ended) return
            yield* bell.wait
            continue
          }
          yield* write(taken.bytes.subarray(0, taken.length))
          held -= taken.length
          spare = taken
          written()
        }
      })
  }
}
