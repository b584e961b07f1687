/** Threads for the transfers of a server: they own the sockets of their transfers, the server all else. */
import { Worker } from "node:worker_threads"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Network from "../../network/Network.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import type * as FileStore from "../store/FileStore.ts"
import { FileStoreError } from "../store/FileStoreError.ts"
import * as TftpError from "../TftpError.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import type * as TransferSpec from "../transfer/TransferSpec.ts"
import * as Message from "./NodeTransferMessage.ts"
import type { Threads } from "./RequestHandler.ts"

type Told = Extract<Message.FromThread, { readonly _tag: "Write" | "Commit" }>

/** A transfer on a thread, as the server sees it. */
interface Entry {
  summary: Transfer.Summary
  greeted: boolean
  readonly told: Queue.Queue<Told>
  readonly ended: Deferred.Deferred<void, TftpError.TftpError>
}

interface Thread {
  worker: Worker
  readonly entries: Map<number, Entry>
}

const failed = (reason: TftpError.Reason) => Exit.fail(new TftpError.TftpError({ reason }))

const broken = (cause: unknown) =>
  failed(new TftpError.Socket({ cause: new Network.NetworkError({ reason: "Unknown", cause }) }))

const revive = (plain: Message.PlainReason): Exit.Exit<never, TftpError.TftpError> => {
  switch (plain._tag) {
    case "File": {
      const cause = new FileStoreError({ filename: plain.error.filename, reason: Message.reasonOf(plain.error) })
      return failed(new TftpError.File({ cause }))
    }
    case "Refused":
      return failed(new TftpError.Refused(plain))
    case "Silent":
      return failed(new TftpError.Silent(plain))
    case "Illegal":
      return failed(new TftpError.Illegal(plain))
    case "SizeDiffers":
      return failed(new TftpError.SizeDiffers(plain))
    case "Socket":
      return broken(new Error(plain.reason))
  }
}

const program = NodeModuleUrl.beside(import.meta.url, "NodeTransferThread")

const listen = (thread: Thread, ready: () => void) => {
  thread.worker.on("message", (message: Message.FromThread) => {
    if (message._tag === "Ready") return ready()
    const entry = thread.entries.get(message.id)
    if (entry === undefined) return
    switch (message._tag) {
      case "Progress":
        entry.summary = message.summary
        entry.greeted = message.greeted
        return
      case "Ended":
        Deferred.doneUnsafe(entry.ended, message.reason === undefined ? Exit.void : revive(message.reason))
        return
      default:
        Queue.offerUnsafe(entry.told, message)
    }
  })
}

/** A thread that breaks takes its transfers with it, and another takes its place. */
const spawn = (thread: Thread, closing: () => boolean, ready: () => void) => {
  listen(thread, ready)
  thread.worker.once("error", (cause) => {
    for (const { ended } of thread.entries.values()) Deferred.doneUnsafe(ended, broken(cause))
    thread.entries.clear()
    if (closing()) return
    thread.worker = new Worker(program)
    spawn(thread, closing, ready)
  })
}

/** Writes what the thread of an upload receives, and says how it went. */
const writing = (thread: Thread, id: number, { told }: Entry, writable: FileStore.Writable) =>
  Effect.gen(function* () {
    while (true) {
      const message = yield* Queue.take(told)
      const done = message._tag === "Write" ? writable.write(message.bytes) : writable.commit
      const error = yield* Effect.match(done, { onSuccess: () => undefined, onFailure: Message.toPlain })
      thread.worker.postMessage({ _tag: "Written", id, error } satisfies Message.ToThread)
    }
  })

/**
 * Starts so many threads, which end with the scope. They run the transfers of files with a descriptor, and all uploads;
 * retransmission there is `Retransmission.adaptive()`, or what the client asks for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (count: number) {
  let closing = false
  let ids = 0
  const start = Effect.callback<Thread>((resume) => {
    const thread: Thread = { worker: new Worker(program), entries: new Map() }
    spawn(
      thread,
      () => closing,
      () => resume(Effect.succeed(thread))
    )
  })
  const threads = yield* Effect.acquireRelease(
    Effect.all(
      Array.from({ length: count }, () => start),
      { concurrency: "unbounded" }
    ),
    (threads) =>
      Effect.promise(() => {
        closing = true
        return Promise.all(threads.map(({ worker }) => worker.terminate()))
      })
  )

  const begin = (task: TransferSpec.Task, file: FileStore.Readable | FileStore.Writable) =>
    Effect.gen(function* () {
      const thread = threads.reduce((least, one) => (one.entries.size < least.entries.size ? one : least))
      const id = ++ids
      const { blksize, windowsize } = task.agreed
      const entry: Entry = {
        summary: { bytes: 0, resent: 0, rtt: undefined, blksize, windowsize },
        greeted: false,
        told: yield* Queue.unbounded<Told>(),
        ended: yield* Deferred.make<void, TftpError.TftpError>()
      }
      const tell = (message: Message.ToThread) => thread.worker.postMessage(message)
      yield* Effect.acquireRelease(
        Effect.sync(() => thread.entries.set(id, entry)),
        () => Effect.sync(() => thread.entries.delete(id))
      )
      const reads = "body" in file
      const source = reads ? { descriptor: file.descriptor!, size: file.size } : undefined
      const ended = Deferred.await(entry.ended)
      const run = Effect.suspend(() => {
        tell({ _tag: "Start", id, task, source })
        return reads ? ended : Effect.raceFirst(ended, writing(thread, id, entry, file))
      }).pipe(
        // The thread may be reading: the file must stay open until it has stopped.
        Effect.onInterrupt(() =>
          Effect.suspend(() => {
            tell({ _tag: "Stop", id })
            return Effect.ignore(ended)
          })
        ),
        Effect.map(() => entry.summary)
      )
      const transfer: Transfer.Transfer = {
        receive: (bytes) => tell({ _tag: "Receive", id, bytes }),
        summary: () => entry.summary,
        greeted: () => entry.greeted,
        run
      }
      return { transfer, after: Effect.void }
    })

  const pool: Threads = {
    make: (task, file) => ("body" in file && file.descriptor === undefined ? undefined : begin(task, file))
  }
  return pool
})
