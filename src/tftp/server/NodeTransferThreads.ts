/**
 * A pool of threads that run transfers. A thread owns the sockets of its transfers, the server everything else.
 *
 * The protocol is `postMessage` under `NodeSupervisor`. `effect/workers` would not make it shorter: its `Worker` has no
 * restart, ready deadline or heartbeat, and carries a message in 26 us in place of 21. Its RPC takes 170 us and more,
 * which an upload would pay for each write.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as NodeSupervisor from "../../process/NodeSupervisor.ts"
import * as NodeWorkerHandle from "../../process/NodeWorkerHandle.ts"
import * as Supervision from "../../process/Supervision.ts"
import type * as Store from "../store/Store.ts"
import * as TftpError from "../TftpError.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type { TransferSpec } from "../transfer/TransferSpec.ts"
import * as Message from "./NodeTransferMessage.ts"
import type { TransferInThread, TransferThreads } from "./RequestHandler.ts"

/** A request of a thread to the server, about the file of an upload. */
type FileOperation = Extract<Message.FromThread, { readonly _tag: "Write" | "Commit" }>

/** The server's record of a transfer in a thread. */
interface ThreadTransfer {
  summary: Transfer.Summary
  handshakeDone: boolean
  /** The port of its socket; undefined until the thread has opened it. */
  port: number | undefined
  readonly onReply: () => void
  readonly operations: Queue.Queue<FileOperation>
  readonly ended: Deferred.Deferred<void, TftpError.TftpError>
}

/** A thread, and its transfers by their ids. */
interface Thread extends NodeWorkerHandle.WorkerHandle<Message.ToThread> {
  readonly transfers: Map<number, ThreadTransfer>
  /** The reason of its end; undefined while it runs. */
  endReason: string | undefined
}

const policy: Supervision.Policy = {
  ...Supervision.defaultPolicy,
  heartbeat: { intervalMillis: 10_000, unresponsiveAfterPings: 2, killAfterPings: 3 }
}

const threadUrl = NodeModuleUrl.sibling(import.meta.url, "NodeTransferThread")

const onMessage = (transfers: Thread["transfers"], message: Message.FromThread) => {
  if (message._tag === "Ready" || message._tag === "Pong") return
  const transfer = transfers.get(message.id)
  if (transfer === undefined) return
  switch (message._tag) {
    case "Progress":
      transfer.summary = message.summary
      transfer.handshakeDone = message.handshakeDone
      return
    case "Opened":
      transfer.port = message.port
      return
    case "Replied":
      return transfer.onReply()
    case "Ended":
      return Deferred.doneUnsafe(
        transfer.ended,
        message.error === undefined ? Exit.void : Exit.fail(Message.decodeError(message.error))
      )
    default:
      return Queue.offerUnsafe(transfer.operations, message)
  }
}

const ended = (detail: string) => Exit.fail(new TftpError.TftpError({ reason: new TftpError.ThreadEnded({ detail }) }))

/** Fails the transfers of a thread that has ended. */
const endTransfers = (thread: Thread, reason: string) => {
  thread.endReason = reason
  for (const transfer of thread.transfers.values()) Deferred.doneUnsafe(transfer.ended, ended(reason))
}

/** Performs the file operations of an upload's thread, and posts their results. */
const performFileOperations = (
  { post }: Thread,
  id: number,
  { operations }: ThreadTransfer,
  writable: Store.Writable
): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      const message = yield* Queue.take(operations)
      const operation = message._tag === "Write" ? writable.write(message.bytes) : writable.commit
      const error = yield* Effect.match(operation, {
        onSuccess: () => undefined,
        onFailure: Message.encodeFileError
      })
      post({ _tag: "FileOperationDone", id, error })
    }
  })

/** Makes a transfer that runs in a thread. */
const makeTransfer = Effect.fnUntraced(function* (
  thread: Thread,
  id: number,
  spec: TransferSpec,
  file: Store.Readable | Store.Writable,
  onReply: () => void
): Effect.fn.Return<TransferInThread, never, Scope.Scope> {
  const { blksize, windowsize } = spec.agreed
  const entry: ThreadTransfer = {
    summary: { bytes: 0, resent: 0, malformed: 0, rtt: undefined, blksize, windowsize },
    handshakeDone: false,
    port: undefined,
    onReply,
    operations: yield* Queue.unbounded<FileOperation>(),
    ended: yield* Deferred.make<void, TftpError.TftpError>()
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => thread.transfers.set(id, entry)),
    () => Effect.sync(() => thread.transfers.delete(id))
  )
  const isDownload = "body" in file
  const source = isDownload
    ? { descriptor: file.descriptor!, size: file.size, modifiedAtMillis: file.modifiedAtMillis }
    : undefined
  const awaitEnd = Deferred.await(entry.ended)
  const stop = Effect.sync(() => thread.post({ _tag: "Stop", id }))
  const run = Effect.suspend(() => {
    if (thread.endReason !== undefined) return ended(thread.endReason)
    thread.post({ _tag: "Start", id, spec, source, maxBytes: isDownload ? undefined : file.maxBytes })
    return isDownload ? awaitEnd : Effect.raceFirst(awaitEnd, performFileOperations(thread, id, entry, file))
  }).pipe(
    // The thread may be reading: keep the file open until the thread has stopped the transfer.
    Effect.onInterrupt(() => Effect.andThen(stop, Effect.ignore(awaitEnd))),
    // A defect of the store: the thread still waits for it.
    Effect.tapDefect(() => stop),
    Effect.map(() => entry.summary)
  )
  const transfer: Transfer.Transfer = {
    receive: (bytes) => thread.post({ _tag: "Receive", id, bytes }),
    summary: () => entry.summary,
    handshakeDone: () => entry.handshakeDone,
    run
  }
  return { transfer, dally: Effect.void, port: () => entry.port }
})

/**
 * Starts `count` threads, which stop when the scope closes. They run all uploads, and downloads of files that have a
 * descriptor. Retransmission in a thread is by the limits of the server, or the timeout that the client asks for.
 *
 * Fails if a thread is not ready after 30 seconds. A thread that ends later, or does not respond for 30 seconds, is
 * replaced; its transfers fail, and the server sends the ERROR of each. The server itself runs the transfers that begin
 * while no thread is ready.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  count: number,
  url: URL = threadUrl
): Effect.fn.Return<TransferThreads, NodeSupervisor.WorkerStartError, Scope.Scope> {
  const runFork = Effect.runForkWith(yield* Effect.context<never>())
  const threads = new Map<number, Thread>()
  let lastId = 0
  const supervisor = yield* NodeSupervisor.make<Thread, Message.FromThread>({
    policy,
    spawn: (id, listeners) => {
      const handle = NodeWorkerHandle.thread<Message.ToThread, Message.FromThread>(url, { name: "tftp" }, listeners)
      const thread: Thread = { ...handle, transfers: new Map(), endReason: undefined }
      threads.set(id, thread)
      return thread
    },
    onMessage: (id, message, { transfers }) => {
      if (message._tag === "Ready") supervisor.ready(id)
      else onMessage(transfers, message)
    },
    onNotice: (notice) => {
      if (notice._tag !== "WorkerEnded") return
      const { id, isFailure, reason } = notice
      const thread = threads.get(id)
      threads.delete(id)
      if (thread !== undefined) endTransfers(thread, reason)
      if (isFailure && supervisor.state().phase === "running")
        runFork(Effect.logWarning(`transfer thread ${id} ${reason}; another one replaces it`))
    },
    ping: ({ post }) => post({ _tag: "Ping" })
  })
  yield* Effect.mapError(
    supervisor.start(count),
    ({ message }) =>
      new NodeSupervisor.WorkerStartError({ message: `transfer threads failed to start: one ${message}` })
  )
  return {
    make: (spec, file, onReply) => {
      if ("body" in file && file.descriptor === undefined) return undefined
      const [least] = supervisor.available().toSorted(([, one], [, other]) => one.transfers.size - other.transfers.size)
      return least && makeTransfer(least[1], ++lastId, spec, file, onReply)
    }
  }
})
