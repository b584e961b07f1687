/**
 * The content of a file at the size that it was opened with (RFC 2349 announces it). Bytes that are appended meanwhile
 * are not sent. A file that loses bytes, or is written to, fails before its last block is sent: the peer gets an ERROR
 * in place of a mixture of two versions.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Changed, FileStoreError } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"

type Random = Extract<Store.Body, { readonly _tag: "Random" }>

/** Shortens buffers to `room` bytes in all. */
const within = (buffers: ReadonlyArray<Uint8Array>, room: number): ReadonlyArray<Uint8Array> => {
  const kept: Array<Uint8Array> = []
  let left = room
  for (const buffer of buffers) {
    if (left <= 0) break
    kept.push(left < buffer.length ? buffer.subarray(0, left) : buffer)
    left -= buffer.length
  }
  return kept
}

const lengthOf = (buffers: ReadonlyArray<Uint8Array>) => buffers.reduce((sum, { length }) => sum + length, 0)

const fixedRandom = (
  { readAt, readVectoredAt }: Random,
  size: number,
  unchanged: Effect.Effect<void, FileStoreError>,
  changed: Effect.Effect<never, FileStoreError>
): Random => {
  // After the end has been read, blocks to resend may be read again: each of these reads is checked, too.
  let isEndRead = false
  const checked = (position: number, wanted: number, read: Effect.Effect<number, FileStoreError>) =>
    Effect.flatMap(read, (count) => {
      if (count < wanted) return changed
      isEndRead ||= position + count >= size
      return isEndRead ? Effect.as(unchanged, count) : Effect.succeed(count)
    })
  return {
    _tag: "Random",
    readAt: (position, into) => {
      const wanted = Math.max(0, Math.min(into.length, size - position))
      return checked(position, wanted, wanted === 0 ? Effect.succeed(0) : readAt(position, into.subarray(0, wanted)))
    },
    readVectoredAt:
      readVectoredAt === undefined
        ? undefined
        : (position, into) => {
            const buffers = within(into, size - position)
            const wanted = lengthOf(buffers)
            return checked(position, wanted, wanted === 0 ? Effect.succeed(0) : readVectoredAt(position, buffers))
          }
  }
}

const fixedStream = (
  stream: Stream.Stream<Uint8Array, FileStoreError>,
  size: number,
  unchanged: Effect.Effect<void, FileStoreError>,
  changed: Effect.Effect<never, FileStoreError>
): Stream.Stream<Uint8Array, FileStoreError> =>
  Stream.suspend(() => {
    let length = 0
    const counted = Stream.mapEffect(stream, (bytes) => {
      length += bytes.length
      return length > size ? changed : Effect.succeed(bytes)
    })
    const end = Effect.suspend(() => (length < size ? changed : unchanged))
    return Stream.concat(counted, Stream.fromEffectDrain(end))
  })

/** Returns the content of a file at its size; the content itself if the size is known only at the end. */
export const make = (
  { body, size, unchanged = Effect.void }: Pick<Store.Readable, "body" | "size" | "unchanged">,
  filename: string
): Store.Body => {
  if (size === undefined) return body
  // An error has a stack trace, 5 us and 2 KB, and few files change.
  const changed = Effect.failSync(() => new FileStoreError({ reason: new Changed(), filename }))
  return body._tag === "Random"
    ? fixedRandom(body, size, unchanged, changed)
    : { _tag: "Stream", stream: fixedStream(body.stream, size, unchanged, changed) }
}
