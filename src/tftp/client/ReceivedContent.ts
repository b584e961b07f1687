/** The content of a file that a client receives, as a stream: no more is received than its reader takes. */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Store from "../store/Store.ts"
import type * as TftpError from "../TftpError.ts"

/** The steps of a download, which the client reports. */
export interface DownloadSteps {
  /** Receives the size, if known, before the first byte is written. */
  readonly onReply: (size: number | undefined) => void
  /** Runs after the last ACK is sent, before the client dallies. */
  readonly onReceived: Effect.Effect<void>
}

/** Both ends of the content. */
interface ReceivedContent {
  /** The file that the client writes. */
  readonly writable: Store.Writable
  readonly steps: DownloadSteps
  /** Fails both the size and the content. */
  readonly fail: (cause: Cause.Cause<TftpError.TftpError>) => Effect.Effect<void>
  /** Waits for the reply of the server. */
  readonly size: Effect.Effect<number | undefined, TftpError.TftpError>
  readonly content: Stream.Stream<Uint8Array, TftpError.TftpError>
}

/** Pieces that are received before their reader takes them. */
const maxQueuedPieces = 4

/** Makes the content of one file. */
export const make = Effect.gen(function* () {
  const queue = yield* Queue.bounded<Uint8Array, TftpError.TftpError | Cause.Done>(maxQueuedPieces)
  const size = yield* Deferred.make<number | undefined, TftpError.TftpError>()
  const received: ReceivedContent = {
    writable: {
      write: (bytes) => Effect.asVoid(Queue.offer(queue, bytes.slice())),
      commit: Effect.void
    },
    steps: {
      onReply: (tsize) => Deferred.doneUnsafe(size, Exit.succeed(tsize)),
      onReceived: Effect.asVoid(Queue.end(queue))
    },
    fail: (cause) => Effect.asVoid(Effect.andThen(Deferred.failCause(size, cause), Queue.failCause(queue, cause))),
    size: Deferred.await(size),
    content: Stream.fromQueue(queue)
  }
  return received
})
