/** A pool of threads that run transfers. A thread owns the sockets of its transfers, the server everything else. */
import { Worker } from "node:worker_threads"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Network from "../../network/Network.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import { FileStoreError } from "../store/FileStoreError.ts"
import type * as Store from "../store/Store.ts"
import * as TftpError from "../TftpError.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"
import * as Message from "./NodeTransferMessage.ts"
import type { TransferThreads } from "./RequestHandler.ts"

/** A request of a thread to the server, about the file of an upload. */
type FileOperation = Extract<Message.FromThread, { readonly _tag: "Write" | "Commit" }>

/** The server's record of a transfer in a thread. */
interface ThreadTransfer {
  summary: Transfer.Summary
  handshakeDone: boolean
  readonly operations: Queue.Queue<FileOperation>
  readonly ended: Deferred.Deferred<void, TftpError.TftpError>
}

interface Thread {
  worker: Worker
  readonly transfers: Map<number, ThreadTransfer>
}

const failed = (reason: TftpError.Reason) => Exit.fail(new TftpError.TftpError({ reason }))

const socketFailure = (cause: unknown) =>
  failed(new TftpError.Socket({ cause: new Network.NetworkError({ reason: "Unknown", cause }) }))

const deserializeReason = (plain: Message.SerializedReason): Exit.Exit<never, TftpError.TftpError> => {
  switch (plain._tag) {
    case "File": {
      const cause = new FileStoreError({
        filename: plain.error.filename,
        reason: Message.deserializeReason(plain.error)
      })
      return failed(new TftpError.File({ cause }))
    }
    case "Refused":
      return failed(new TftpError.Refused(plain))
    case "Timeout":
      return failed(new TftpError.Timeout(plain))
    case "ProtocolViolation":
      return failed(new TftpError.ProtocolViolation(plain))
    case "SizeMismatch":
      return failed(new TftpError.SizeMismatch(plain))
    case "Socket":
      return socketFailure(new Error(plain.reason))
  }
}

const threadUrl = NodeModuleUrl.sibling(import.meta.url, "NodeTransferThread")

const onMessages = (thread: Thread, ready: () => void) => {
  thread.worker.on("message", (message: Message.FromThread) => {
    if (message._tag === "Ready") return ready()
    const transfer = thread.transfers.get(message.id)
    if (transfer === undefined) return
    switch (message._tag) {
      case "Progress":
        transfer.summary = message.summary
        transfer.handshakeDone = message.handshakeDone
        return
      case "Ended":
        Deferred.doneUnsafe(
          transfer.ended,
          message.reason === undefined ? Exit.void : deserializeReason(message.reason)
        )
        return
      default:
        Queue.offerUnsafe(transfer.operations, message)
    }
  })
}

/** Watches a thread. If it crashes, its transfers fail and a new thread replaces it. */
const spawn = (thread: Thread, closing: () => boolean, ready: () => void) => {
  onMessages(thread, ready)
  thread.worker.once("error", (cause) => {
    for (const { ended } of thread.transfers.values()) Deferred.doneUnsafe(ended, socketFailure(cause))
    thread.transfers.clear()
    if (closing()) return
    thread.worker = new Worker(threadUrl)
    spawn(thread, closing, ready)
  })
}

/** Performs the file operations of an upload's thread, and posts their results. */
const performFileOperations = (thread: Thread, id: number, { operations }: ThreadTransfer, writable: Store.Writable) =>
  Effect.gen(function* () {
    while (true) {
      const message = yield* Queue.take(operations)
      const operation = message._tag === "Write" ? writable.write(message.bytes) : writable.commit
      const error = yield* Effect.match(operation, {
        onSuccess: () => undefined,
        onFailure: Message.serializeFileError
      })
      thread.worker.postMessage({ _tag: "FileOperationDone", id, error } satisfies Message.ToThread)
    }
  })

/**
 * Starts `count` threads, which stop when the scope closes. They run all uploads, and downloads of files that have a
 * descriptor. Retransmission in a thread is `Retransmission.adaptive()`, or the timeout that the client asks for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (count: number) {
  let closing = false
  let lastId = 0
  const startThread = Effect.callback<Thread>((resume) => {
    const thread: Thread = { worker: new Worker(threadUrl), transfers: new Map() }
    spawn(
      thread,
      () => closing,
      () => resume(Effect.succeed(thread))
    )
  })
  const threads = yield* Effect.acquireRelease(
    Effect.all(
      Array.from({ length: count }, () => startThread),
      { concurrency: "unbounded" }
    ),
    (threads) =>
      Effect.promise(() => {
        closing = true
        return Promise.all(threads.map(({ worker }) => worker.terminate()))
      })
  )

  const startTransfer = (spec: TransferSpec, file: Store.Readable | Store.Writable) =>
    Effect.gen(function* () {
      const thread = threads.reduce((least, one) => (one.transfers.size < least.transfers.size ? one : least))
      const id = ++lastId
      const { blksize, windowsize } = spec.agreed
      const entry: ThreadTransfer = {
        summary: { bytes: 0, resent: 0, rtt: undefined, blksize, windowsize },
        handshakeDone: false,
        operations: yield* Queue.unbounded<FileOperation>(),
        ended: yield* Deferred.make<void, TftpError.TftpError>()
      }
      const post = (message: Message.ToThread) => thread.worker.postMessage(message)
      yield* Effect.acquireRelease(
        Effect.sync(() => thread.transfers.set(id, entry)),
        () => Effect.sync(() => thread.transfers.delete(id))
      )
      const isDownload = "body" in file
      const source = isDownload ? { descriptor: file.descriptor!, size: file.size } : undefined
      const ended = Deferred.await(entry.ended)
      const run = Effect.suspend(() => {
        post({ _tag: "Start", id, spec, source })
        return isDownload ? ended : Effect.raceFirst(ended, performFileOperations(thread, id, entry, file))
      }).pipe(
        // The thread may be reading: keep the file open until the thread has stopped the transfer.
        Effect.onInterrupt(() =>
          Effect.suspend(() => {
            post({ _tag: "Stop", id })
            return Effect.ignore(ended)
          })
        ),
        Effect.map(() => entry.summary)
      )
      const transfer: Transfer.Transfer = {
        receive: (bytes) => post({ _tag: "Receive", id, bytes }),
        summary: () => entry.summary,
        handshakeDone: () => entry.handshakeDone,
        run
      }
      return { transfer, dally: Effect.void }
    })

  const pool: TransferThreads = {
    make: (spec, file) => ("body" in file && file.descriptor === undefined ? undefined : startTransfer(spec, file))
  }
  return pool
})
