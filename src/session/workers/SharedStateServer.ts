/**
 * Where the children of a server ask: what all clients share lives here, in the serving process, and answers them by
 * messages. What was asked is answered to its end, also when the child that asked is gone meanwhile.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type { LoadableProgram } from "../ConcurrencyModel.ts"
import type { Client, Shared } from "../Session.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** The desk's side towards one child. */
export interface WorkerChannel {
  readonly post: (message: WorkerMessage.ToClient) => void
  readonly receive: (message: WorkerMessage.FromClient) => void
  /** The child says how many of these messages it has taken. */
  readonly acknowledge: (count: number) => void
  /** The child is gone, and so are its clients. */
  readonly close: () => void
}

/** After so many messages the child is asked how many it has taken. */
const messagesPerReport = 1_000

/** A child that has left so many messages lie hangs, and is given up. */
const maxUnacknowledgedMessages = 100_000

/** How long a closing desk waits for answers in progress, in milliseconds. */
const closeTimeoutMillis = 1_000

type AskQueue = Queue.Queue<unknown, Cause.Done>

/** Opens the desk, until the scope closes. */
export const make = Effect.fnUntraced(function* <S, Ask, Message>(program: LoadableProgram<S, Ask, Message>) {
  const codecs = WorkerMessage.codecs(program.definition)
  const fibers = yield* FiberSet.make<void, never>()
  const run = yield* FiberSet.runtime(fibers)()
  const openQueues = new Set<AskQueue>()
  yield* Effect.addFinalizer(() => {
    for (const asks of openQueues) Queue.endUnsafe(asks)
    return Effect.timeoutOption(FiberSet.awaitEmpty(fibers), closeTimeoutMillis)
  })

  const serve = (shared: Shared<Ask, Message>, client: Client, asks: AskQueue, post: WorkerChannel["post"]) => {
    const { id } = client
    const sendError = (what: string, error: { readonly message: string }) => {
      const message = `client ${id}: ${what} does not fit the schema of ${program.definition.name}: ${WorkerMessage.oneLine(error)}`
      post({ _tag: "SharedStateError", id, message })
    }
    const sendMessage = (_tag: "Push" | "Answer", message: Message) => {
      const encoded = codecs.encodeMessage(message)
      if (Result.isSuccess(encoded)) post({ _tag, id, message: encoded.success })
      else sendError("what it is told", encoded.failure)
    }
    return Effect.gen(function* () {
      const answer = yield* shared.attach(client, (message) => sendMessage("Push", message))
      yield* Effect.forever(
        Effect.flatMap(Queue.take(asks), (encoded) => {
          const ask = codecs.decodeAsk(encoded)
          if (Result.isSuccess(ask)) return Effect.map(answer(ask.success), (message) => sendMessage("Answer", message))
          return Effect.sync(() => sendError("what it asks", ask.failure))
        })
      )
    }).pipe(
      Effect.scoped,
      Effect.catchCause((cause) => {
        if (!Cause.hasDies(cause)) return Effect.void
        post({ _tag: "SharedStateError", id, message: `client ${id}: what all share broke` })
        return Effect.logError("what all clients share broke", cause)
      })
    )
  }

  /** `send` must not throw; `giveUp` ends a child that takes no messages. */
  const openChannel = (send: (message: WorkerMessage.ToWorker) => void, kill: () => void): WorkerChannel => {
    const clients = new Map<number, AskQueue>()
    let sent = 0
    let acknowledged = 0
    let closed = false
    const post: WorkerChannel["post"] = (message) => {
      if (closed) return
      send(message)
      sent += 1
      if (sent % messagesPerReport === 0) send({ _tag: "RequestReport" })
      if (sent - acknowledged <= maxUnacknowledgedMessages) return
      closed = true
      kill()
    }
    const detach = (id: number) => {
      const asks = clients.get(id)
      clients.delete(id)
      if (asks !== undefined) Queue.endUnsafe(asks)
    }
    return {
      post,
      receive: (message) => {
        switch (message._tag) {
          case "Attach": {
            if (program.shared === undefined) return
            const asks: AskQueue = Effect.runSync(Queue.unbounded<unknown, Cause.Done>())
            const { client } = message
            clients.set(client.id, asks)
            openQueues.add(asks)
            run(serve(program.shared, client, asks, post)).addObserver(() => openQueues.delete(asks))
            return
          }
          case "Ask": {
            const asks = clients.get(message.id)
            if (asks !== undefined) Queue.offerUnsafe(asks, message.ask)
            return
          }
          case "Detach":
            return detach(message.id)
        }
      },
      acknowledge: (count) => {
        acknowledged = Math.max(acknowledged, count)
      },
      close: () => {
        closed = true
        for (const id of [...clients.keys()]) detach(id)
      }
    }
  }
  return { openChannel }
})

export type SharedStateServer = Effect.Success<ReturnType<typeof make>>
