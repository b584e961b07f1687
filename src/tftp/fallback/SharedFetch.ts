/**
 * A fetch that fills the cache, and is read by several requests at the same time. The fetch is as fast as the server
 * and the disk; each reader follows at its own speed, from the cache. It goes on when its readers have ended.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Signal from "../../network/Signal.ts"
import { type Reason, RemoteFailed } from "../store/FileStoreError.ts"
import type { Addition } from "./FallbackCache.ts"
import type * as Remote from "./Remote.ts"

/** A fetch in progress. */
export interface SharedFetch {
  readonly size: number | undefined
  /** Keeps the fetch open until `release`. */
  readonly retain: () => void
  /** Closes the fetch after its last use. */
  readonly release: Effect.Effect<void>
  /** Emits the content from its start. */
  readonly content: Stream.Stream<Uint8Array, Reason>
  /** Fetches to the end. */
  readonly run: Effect.Effect<void, Reason>
}

/** The most bytes that a reader reads at once. */
const maxReadBytes = 64 * 1_024

/** Makes a fetch into an addition of the cache. `opened` is the scope of both. */
export const make = (
  url: string,
  { size, stream }: Remote.RemoteFile,
  addition: Addition,
  opened: Scope.Closeable
): SharedFetch => {
  const readers = new Set<Signal.Signal>()
  const stopped = Exit.fail(new RemoteFailed({ url, why: "stopped before the end" }))
  const lost = new RemoteFailed({ url, why: "its file in the cache has lost bytes; only the server may write there" })
  let users = 0
  let written = 0
  let outcome: Exit.Exit<void, Reason> | undefined

  const notify = () => {
    for (const reader of readers) reader.notify()
  }
  const readNext = (position: number, signal: Signal.Signal) =>
    Effect.gen(function* () {
      while (position === written && outcome === undefined) yield* signal.wait
      if (position === written) return yield* Effect.as(outcome!, undefined)
      const bytes = new Uint8Array(Math.min(maxReadBytes, written - position))
      const count = yield* addition.readAt(position, bytes)
      if (count === 0) return yield* Effect.fail(lost)
      return [bytes.subarray(0, count), position + count] as const
    })
  const subscribe = Effect.acquireRelease(
    Effect.sync(() => {
      const signal = Signal.make()
      readers.add(signal)
      return signal
    }),
    (signal) => Effect.sync(() => readers.delete(signal))
  )
  const append = (bytes: Uint8Array) =>
    Effect.map(addition.write(bytes), () => {
      written += bytes.length
      notify()
    })
  return {
    size,
    retain: () => {
      users++
    },
    release: Effect.suspend(() => (--users === 0 ? Scope.close(opened, Exit.void) : Effect.void)),
    content: Stream.unwrap(
      Effect.map(subscribe, (signal) => Stream.unfold(0, (position: number) => readNext(position, signal)))
    ),
    run: Stream.runForEach(stream, append).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          outcome = Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause) ? stopped : exit
          notify()
        })
      )
    )
  }
}
