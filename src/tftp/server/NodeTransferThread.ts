/** The entry point of a thread that runs transfers for a server; `NodeTransferMessage` is its protocol. */
import { parentPort } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type { Network } from "../../network/Network.ts"
import * as NodeNetwork from "../../network/node/NodeNetwork.ts"
import * as Signal from "../../network/Signal.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import * as NodeFileCalls from "../store/NodeFileCalls.ts"
import type * as Store from "../store/Store.ts"
import { TftpError, ThreadEnded } from "../TftpError.ts"
import * as BlockSource from "../transfer/BlockSource.ts"
import * as RetransmissionTimer from "../transfer/RetransmissionTimer.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import * as Message from "./NodeTransferMessage.ts"
import * as ServerTransfer from "./ServerTransfer.ts"
import * as TransferSocket from "./TransferSocket.ts"

type Start = Extract<Message.ToThread, { readonly _tag: "Start" }>
type FileOperationDone = Extract<Message.ToThread, { readonly _tag: "FileOperationDone" }>

/** The most concurrent transfers of a thread at which each may use large buffers. */
const maxLargeBufferTransfers = 2

/** The time between progress messages of one transfer. */
const progressIntervalMillis = 250

const post = (message: Message.FromThread, transferList: ReadonlyArray<ArrayBuffer> = []) =>
  parentPort!.postMessage(message, transferList)

/** Makes a file that the server writes: each operation waits for its result. */
const makeWritable = (id: number, maxBytes: number | undefined) => {
  const replied = Signal.make()
  let error: FileOperationDone["error"]
  const awaitReply = Effect.flatMap(replied.wait, () =>
    error === undefined ? Effect.void : Effect.fail(Message.decodeFileError(error))
  )
  const writable: Store.Writable = {
    maxBytes,
    write: (bytes) =>
      Effect.suspend(() => {
        const copy = bytes.slice()
        post({ _tag: "Write", id, bytes: copy }, [copy.buffer])
        return awaitReply
      }),
    commit: Effect.suspend(() => {
      post({ _tag: "Commit", id })
      return awaitReply
    })
  }
  return {
    writable,
    onReply: (result: FileOperationDone["error"]) => {
      error = result
      replied.notify()
    }
  }
}

/** Makes a file to read of a descriptor of the server. */
const readableOf = ({ descriptor, modifiedAtMillis, size }: Message.FileSource, filename: string) => ({
  size,
  body: NodeFileCalls.bodyOf(descriptor, filename),
  unchanged:
    size === undefined || modifiedAtMillis === undefined
      ? undefined
      : NodeFileCalls.unchanged(descriptor, size, modifiedAtMillis, filename)
})

const report = (id: number, transfer: Transfer.Transfer) =>
  post({ _tag: "Progress", id, summary: transfer.summary(), handshakeDone: transfer.handshakeDone() })

const ended = (id: number, error?: TftpError) => post({ _tag: "Ended", id, error: error && Message.encodeError(error) })

const main = Effect.gen(function* () {
  const sweeper = yield* Sweeper.make(RetransmissionTimer.periodMillis)
  const run = yield* FiberSet.makeRuntime<Network>()
  const fibers = new Map<number, Fiber.Fiber<void, unknown>>()
  const receivers = new Map<number, (bytes: Uint8Array) => void>()
  const replyHandlers = new Map<number, (error: FileOperationDone["error"]) => void>()

  const makeUpload = ({ id, maxBytes }: Start) => {
    const { onReply, writable } = makeWritable(id, maxBytes)
    replyHandlers.set(id, onReply)
    return writable
  }
  const serve = Effect.fnUntraced(function* (message: Start) {
    const { id, source, spec } = message
    const socket = yield* TransferSocket.open(spec)
    post({ _tag: "Opened", id, port: socket.port })
    const file = source === undefined ? makeUpload(message) : readableOf(source, spec.filename)
    const { dally, transfer } = yield* ServerTransfer.make(spec, file, {
      send: socket.send,
      sweeper,
      retransmission: undefined,
      memory: BlockSource.memoryOf(fibers.size, maxLargeBufferTransfers)
    })
    socket.onDatagram((bytes) => {
      // Only the first packet matters: the others go straight to the transfer.
      socket.onDatagram(transfer.receive)
      post({ _tag: "Replied", id })
      transfer.receive(bytes)
    })
    receivers.set(id, transfer.receive)
    yield* Sweeper.every(sweeper, progressIntervalMillis, () => report(id, transfer))
    yield* Effect.ensuring(
      transfer.run,
      Effect.sync(() => report(id, transfer))
    )
    // The server closes the file of a download on this message: nothing may read it afterwards.
    ended(id)
    yield* dally
  }, Effect.scoped)

  const start = (message: Start) => {
    const { id } = message
    const fiber = run(
      serve(message).pipe(
        Effect.catch((error) => Effect.sync(() => ended(id, error))),
        Effect.catchDefect((defect) =>
          Effect.sync(() => ended(id, new TftpError({ reason: new ThreadEnded({ detail: `failed: ${defect}` }) })))
        ),
        Effect.onInterrupt(() => Effect.sync(() => ended(id))),
        Effect.ensuring(
          Effect.sync(() => {
            fibers.delete(id)
            replyHandlers.delete(id)
            receivers.delete(id)
          })
        )
      )
    )
    // One that has failed at once, for want of a descriptor, is not in progress any more.
    if (fiber.pollUnsafe() === undefined) fibers.set(id, fiber)
  }

  parentPort!.on("message", (message: Message.ToThread) => {
    switch (message._tag) {
      case "Start":
        return start(message)
      case "Stop":
        return fibers.get(message.id)?.interruptUnsafe()
      case "Receive":
        return receivers.get(message.id)?.(message.bytes)
      case "FileOperationDone":
        return replyHandlers.get(message.id)?.(message.error)
      case "Ping":
        return post({ _tag: "Pong" })
    }
  })
  post({ _tag: "Ready" })
  return yield* Effect.never
})

Effect.runFork(main.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
