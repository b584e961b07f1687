/** A thread that runs transfers for a server: what it is told, and what it tells, is in `ThreadMessage`. */
import { parentPort } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type { Network } from "../../network/Network.ts"
import * as NodeNetwork from "../../network/node/NodeNetwork.ts"
import * as Signal from "../../network/Signal.ts"
import * as Sweeper from "../../network/Sweeper.ts"
import type * as FileStore from "../store/FileStore.ts"
import { FileStoreError } from "../store/FileStoreError.ts"
import * as File from "../store/NodeFile.ts"
import type * as TftpError from "../TftpError.ts"
import * as Retransmission from "../transfer/Retransmission.ts"
import * as RetransmissionTimer from "../transfer/RetransmissionTimer.ts"
import type * as Transfer from "../transfer/Transfer.ts"
import * as TransferSpec from "../transfer/TransferSpec.ts"
import * as Message from "./NodeTransferMessage.ts"
import * as Watch from "./Watch.ts"

type Start = Extract<Message.ToThread, { readonly _tag: "Start" }>

/** So many transfers of a thread may take more memory each. */
const few = 2

/** Milliseconds between reports. */
const reports = 250

const post = (message: Message.FromThread, moved: ReadonlyArray<ArrayBuffer> = []) =>
  parentPort!.postMessage(message, moved)

/** What is left of an error on the way to the server. */
const plain = ({ reason }: TftpError.TftpError): Message.PlainReason => {
  switch (reason._tag) {
    case "File":
      return { _tag: "File", error: Message.toPlain(reason.cause) }
    case "Refused":
      return { _tag: "Refused", code: reason.code, text: reason.text }
    case "Silent":
      return { _tag: "Silent", attempts: reason.attempts, last: reason.last }
    case "Illegal":
      return { _tag: "Illegal", code: reason.code, detail: reason.detail }
    case "SizeDiffers":
      return { _tag: "SizeDiffers", announced: reason.announced, received: reason.received }
    default:
      return { _tag: "Socket", reason: reason.message }
  }
}

const readableOf = (filename: string, { descriptor, size }: NonNullable<Start["source"]>): TransferSpec.File => {
  const failed = Effect.mapError(
    (cause: NodeJS.ErrnoException) => new FileStoreError({ filename, reason: File.readReason(cause) })
  )
  return {
    size,
    body: {
      _tag: "Random",
      readAt: (position, into) => failed(File.readAt(descriptor, position, into)),
      readAll: (position, into) => failed(File.readAll(descriptor, position, into))
    }
  }
}

/** A file that the server writes: each call waits for its answer. */
const makeWritable = (id: number) => {
  const bell = Signal.make()
  let failure: Message.PlainFileError | undefined
  const answered = Effect.flatMap(bell.wait, () =>
    failure === undefined
      ? Effect.void
      : Effect.fail(new FileStoreError({ filename: failure.filename, reason: Message.reasonOf(failure) }))
  )
  const writable: FileStore.Writable = {
    write: (bytes) =>
      Effect.suspend(() => {
        const copy = bytes.slice()
        post({ _tag: "Write", id, bytes: copy }, [copy.buffer])
        return answered
      }),
    commit: Effect.suspend(() => {
      post({ _tag: "Commit", id })
      return answered
    })
  }
  return {
    writable,
    answer: (error: Message.PlainFileError | undefined) => {
      failure = error
      bell.ring()
    }
  }
}

const main = Effect.gen(function* () {
  const sweeper = yield* Sweeper.make(RetransmissionTimer.period)
  const retransmission = Retransmission.adaptive()
  const run = yield* FiberSet.makeRuntime<Network>()
  const fibers = new Map<number, Fiber.Fiber<void, unknown>>()
  const receivers = new Map<number, (bytes: Uint8Array) => void>()
  const answers = new Map<number, (error: Message.PlainFileError | undefined) => void>()

  const report = (id: number, transfer: Transfer.Transfer) =>
    post({ _tag: "Progress", id, summary: transfer.summary(), greeted: transfer.greeted() })

  const serve = Effect.fnUntraced(function* ({ id, source, task }: Start) {
    let receive: (bytes: Uint8Array) => void = () => {}
    const send = yield* TransferSpec.open(task, (bytes) => receive(bytes))
    const upload = source === undefined ? makeWritable(id) : undefined
    if (upload !== undefined) answers.set(id, upload.answer)
    const file = upload?.writable ?? readableOf(task.filename, source!)
    const { after, transfer } = yield* TransferSpec.make(task, file, {
      send,
      sweeper,
      retransmission,
      isAlone: fibers.size <= few
    })
    receive = transfer.receive
    receivers.set(id, receive)
    yield* Watch.every(sweeper, reports, () => report(id, transfer))
    yield* Effect.ensuring(
      transfer.run,
      Effect.sync(() => report(id, transfer))
    )
    // A reader's file is closed at once, and nothing must read it then.
    post({ _tag: "Ended", id, reason: undefined })
    yield* after
  }, Effect.scoped)

  const stopped: Message.PlainReason = { _tag: "Socket", reason: "the transfer was stopped" }
  const ended = (id: number, reason: Message.PlainReason) => Effect.sync(() => post({ _tag: "Ended", id, reason }))

  const start = (message: Start) => {
    const { id } = message
    const fiber = run(
      serve(message).pipe(
        Effect.catch((error) => ended(id, plain(error))),
        Effect.onInterrupt(() => ended(id, stopped)),
        Effect.ensuring(
          Effect.sync(() => {
            fibers.delete(id)
            answers.delete(id)
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
      case "Written":
        return answers.get(message.id)?.(message.error)
    }
  })
  post({ _tag: "Ready" })
  return yield* Effect.never
})

Effect.runFork(main.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
