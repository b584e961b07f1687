/** The entry point of a thread that runs transfers for a server; `NodeTransferMessage` is its protocol. */
import { parentPort } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type { Network } from "../../network/Network.ts"
import * as NodeNetwork from "../../network/node/NodeNetwork.ts"
import * as Signal from "../../network/Signal.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import { FileStoreError } from "../store/FileStoreError.ts"
import * as NodeFileCalls from "../store/NodeFileCalls.ts"
import type * as Store from "../store/Store.ts"
import type * as TftpError from "../TftpError.ts"
import * as Retransmission from "../transfer/Retransmission.ts"
import * as RetransmissionTimer from "../transfer/RetransmissionTimer.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import * as Message from "./NodeTransferMessage.ts"
import * as ServerTransfer from "./ServerTransfer.ts"
import * as TransferSocket from "./TransferSocket.ts"

type Start = Extract<Message.ToThread, { readonly _tag: "Start" }>

/** The most concurrent transfers of a thread at which each may use large buffers. */
const maxLargeBufferTransfers = 2

/** The time between progress messages of one transfer. */
const progressIntervalMillis = 250

const post = (message: Message.FromThread, transferList: ReadonlyArray<ArrayBuffer> = []) =>
  parentPort!.postMessage(message, transferList)

/** Converts an error to plain data, which can be posted to the server. */
const serializeReason = ({ reason }: TftpError.TftpError): Message.SerializedReason => {
  switch (reason._tag) {
    case "File":
      return { _tag: "File", error: Message.serializeFileError(reason.cause) }
    case "Refused":
      return { _tag: "Refused", code: reason.code, text: reason.text }
    case "Timeout":
      return { _tag: "Timeout", attempts: reason.attempts, lastAckMissing: reason.lastAckMissing }
    case "ProtocolViolation":
      return { _tag: "ProtocolViolation", code: reason.code, detail: reason.detail }
    case "SizeMismatch":
      return { _tag: "SizeMismatch", announced: reason.announced, received: reason.received }
    default:
      return { _tag: "Socket", reason: reason.message }
  }
}

const readableOf = (filename: string, { descriptor, size }: NonNullable<Start["source"]>): ServerTransfer.File => {
  const failed = Effect.mapError(
    (cause: NodeJS.ErrnoException) => new FileStoreError({ filename, reason: NodeFileCalls.readReason(cause) })
  )
  return {
    size,
    body: {
      _tag: "Random",
      readAt: (position, into) => failed(NodeFileCalls.readAt(descriptor, position, into)),
      readVectoredAt: (position, into) => failed(NodeFileCalls.readVectoredAt(descriptor, position, into))
    }
  }
}

/** Makes a file that the server writes: each operation waits for its result. */
const makeWritable = (id: number) => {
  const replied = Signal.make()
  let failure: Message.SerializedFileError | undefined
  const awaitReply = Effect.flatMap(replied.wait, () =>
    failure === undefined
      ? Effect.void
      : Effect.fail(new FileStoreError({ filename: failure.filename, reason: Message.deserializeReason(failure) }))
  )
  const writable: Store.Writable = {
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
    onReply: (error: Message.SerializedFileError | undefined) => {
      failure = error
      replied.notify()
    }
  }
}

const main = Effect.gen(function* () {
  const sweeper = yield* Sweeper.make(RetransmissionTimer.periodMillis)
  const retransmission = Retransmission.adaptive()
  const run = yield* FiberSet.makeRuntime<Network>()
  const fibers = new Map<number, Fiber.Fiber<void, unknown>>()
  const receivers = new Map<number, (bytes: Uint8Array) => void>()
  const replyHandlers = new Map<number, (error: Message.SerializedFileError | undefined) => void>()

  const report = (id: number, transfer: Transfer.Transfer) =>
    post({ _tag: "Progress", id, summary: transfer.summary(), handshakeDone: transfer.handshakeDone() })

  const serve = Effect.fnUntraced(function* ({ id, source, spec }: Start) {
    let receive: (bytes: Uint8Array) => void = () => {}
    const send = yield* TransferSocket.open(spec, (bytes) => receive(bytes))
    const upload = source === undefined ? makeWritable(id) : undefined
    if (upload !== undefined) replyHandlers.set(id, upload.onReply)
    const file = upload?.writable ?? readableOf(spec.filename, source!)
    const { dally, transfer } = yield* ServerTransfer.make(spec, file, {
      send,
      sweeper,
      retransmission,
      mayUseLargeBuffers: fibers.size <= maxLargeBufferTransfers
    })
    receive = transfer.receive
    receivers.set(id, receive)
    yield* Sweeper.every(sweeper, progressIntervalMillis, () => report(id, transfer))
    yield* Effect.ensuring(
      transfer.run,
      Effect.sync(() => report(id, transfer))
    )
    // The server closes the file of a download on this message: nothing may read it afterwards.
    post({ _tag: "Ended", id, reason: undefined })
    yield* dally
  }, Effect.scoped)

  const stopped: Message.SerializedReason = { _tag: "Socket", reason: "the transfer was stopped" }
  const ended = (id: number, reason: Message.SerializedReason) => Effect.sync(() => post({ _tag: "Ended", id, reason }))

  const start = (message: Start) => {
    const { id } = message
    const fiber = run(
      serve(message).pipe(
        Effect.catch((error) => ended(id, serializeReason(error))),
        Effect.onInterrupt(() => ended(id, stopped)),
        Effect.ensuring(
          Effect.sync(() => {
            fibers.delete(id)
            replyHandlers.delete(id)
            receivers.delete(id)
          })
        )
      )
    )
    fibers.set(id, fiber)
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
    }
  })
  post({ _tag: "Ready" })
  return yield* Effect.never
})

Effect.runFork(main.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
