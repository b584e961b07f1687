/**
 * The shared state of a server with workers: it lives in the serving process and answers the workers through messages.
 *
 * An ask is completed even if its worker ends meanwhile.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type { LoadableProgram } from "../ConcurrencyModel.ts"
import type { ClientInfo, Shared } from "../Session.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** Channel of the server to one worker. */
export interface WorkerChannel {
  /** Sends a message for a client of the worker. */
  readonly post: (message: WorkerMessage.ToClient) => void
  /** Handles a message of a client of the worker. */
  readonly receive: (message: WorkerMessage.FromClient) => void
  /** Records the number of messages that the worker has received. */
  readonly acknowledge: (count: number) => void
  /** Detaches all clients, after the worker has ended. */
  readonly close: () => void
}

/** Number of messages after which the worker is asked for a report. */
const messagesPerReport = 1_000

/** Maximum number of messages that a worker has not acknowledged; beyond it the worker counts as hung and is killed. */
const maxUnacknowledgedMessages = 100_000

/** Time that the closing server waits for answers in progress. */
const closeTimeoutMillis = 1_000

type AskQueue = Queue.Queue<unknown, Cause.Done>

/** Answers the asks of a client, one after the other, until its queue ends. */
const serve = <S, Ask, Message>(
  name: string,
  codecs: ReturnType<typeof WorkerMessage.codecs<S, Ask, Message>>,
  shared: Shared<Ask, Message>,
  client: ClientInfo,
  asks: AskQueue,
  post: WorkerChannel["post"]
) => {
  const { id } = client
  const sendError = (what: "ask" | "message", error: { readonly message: string }) =>
    post({ _tag: "SharedStateError", id, message: WorkerMessage.invalidMessage(id, what, name, error) })
  const sendMessage = (_tag: "Push" | "Answer", message: Message) => {
    const encoded = codecs.encodeMessage(message)
    if (Result.isSuccess(encoded)) post({ _tag, id, message: encoded.success })
    else sendError("message", encoded.failure)
  }
  return Effect.gen(function* () {
    const answer = yield* shared.attach(client, (message) => sendMessage("Push", message))
    yield* Effect.forever(
      Effect.flatMap(Queue.take(asks), (encoded) => {
        const ask = codecs.decodeAsk(encoded)
        if (Result.isSuccess(ask)) return Effect.map(answer(ask.success), (message) => sendMessage("Answer", message))
        return Effect.sync(() => sendError("ask", ask.failure))
      })
    )
  }).pipe(
    Effect.scoped,
    Effect.catchCause((cause) => {
      if (!Cause.hasDies(cause)) return Effect.void
      post({ _tag: "SharedStateError", id, message: `client ${id}: unhandled defect in the shared state` })
      return Effect.logError("unhandled defect in the shared state", cause)
    })
  )
}

/** Starts the server of the shared state; the scope ends it. */
export const make = Effect.fnUntraced(function* <S, Ask, Message>(program: LoadableProgram<S, Ask, Message>) {
  const { definition, shared } = program
  const codecs = WorkerMessage.codecs(definition)
  const fibers = yield* FiberSet.make<void, never>()
  const run = yield* FiberSet.runtime(fibers)()
  const openQueues = new Set<AskQueue>()
  yield* Effect.addFinalizer(() => {
    for (const asks of openQueues) Queue.endUnsafe(asks)
    return Effect.timeoutOption(FiberSet.awaitEmpty(fibers), closeTimeoutMillis)
  })

  /** Opens the channel to a worker. `send` must not throw; `kill` ends a worker that does not receive messages. */
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
    const attach = (client: ClientInfo) => {
      if (shared === undefined) return
      const asks: AskQueue = Effect.runSync(Queue.unbounded<unknown, Cause.Done>())
      clients.set(client.id, asks)
      openQueues.add(asks)
      const session = serve(definition.name, codecs, shared, client, asks, post)
      run(session).addObserver(() => openQueues.delete(asks))
    }
    const detach = (id: number) => {
      const asks = clients.get(id)
      clients.delete(id)
      if (asks !== undefined) Queue.endUnsafe(asks)
    }
    return {
      post,
      receive: (message) => {
        if (message._tag === "Attach") return attach(message.client)
        if (message._tag === "Detach") return detach(message.id)
        const asks = clients.get(message.id)
        if (asks !== undefined) Queue.offerUnsafe(asks, message.ask)
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
