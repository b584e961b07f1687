/**
 * Where the children of a server ask: what all clients share lives here, in the serving process, and answers them by
 * messages. What was asked is answered to its end, also when the child that asked is gone meanwhile.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type { Loadable } from "../ConcurrencyModel.ts"
import type { Client, Shared } from "../Session.ts"
import * as Message from "./WorkerMessage.ts"

/** The desk's side towards one child. */
export interface Counter {
  readonly post: (message: Message.ToClient) => void
  readonly receive: (message: Message.FromClient) => void
  /** The child says how many of these messages it has taken. */
  readonly heard: (count: number) => void
  /** The child is gone, and so are its clients. */
  readonly close: () => void
}

/** After so many messages the child is asked how many it has taken. */
const stride = 1_000

/** A child that has left so many messages lie hangs, and is given up. */
const maxBehind = 100_000

/** How long a closing desk waits for answers in progress, in milliseconds. */
const patience = 1_000

type Asks = Queue.Queue<unknown, Cause.Done>

/** Opens the desk, until the scope closes. */
export const make = Effect.fnUntraced(function* <S, Ask, Told>(program: Loadable<S, Ask, Told>) {
  const codecs = Message.codecs(program.definition)
  const fibers = yield* FiberSet.make<void, never>()
  const run = yield* FiberSet.runtime(fibers)()
  const open = new Set<Asks>()
  yield* Effect.addFinalizer(() => {
    for (const asks of open) Queue.endUnsafe(asks)
    return Effect.timeoutOption(FiberSet.awaitEmpty(fibers), patience)
  })

  const serve = (shared: Shared<Ask, Told>, client: Client, asks: Asks, post: Counter["post"]) => {
    const { id } = client
    const broken = (what: string, error: { readonly message: string }) => {
      const message = `client ${id}: ${what} does not fit the schema of ${program.definition.name}: ${Message.oneLine(error)}`
      post({ _tag: "Broken", id, message })
    }
    const say = (_tag: "Told" | "Answer", told: Told) => {
      const encoded = codecs.encodeTold(told)
      if (Result.isSuccess(encoded)) post({ _tag, id, told: encoded.success })
      else broken("what it is told", encoded.failure)
    }
    return Effect.gen(function* () {
      const answer = yield* shared.attach(client, (told) => say("Told", told))
      yield* Effect.forever(
        Effect.flatMap(Queue.take(asks), (asked) => {
          const ask = codecs.decodeAsk(asked)
          if (Result.isSuccess(ask)) return Effect.map(answer(ask.success), (told) => say("Answer", told))
          return Effect.sync(() => broken("what it asks", ask.failure))
        })
      )
    }).pipe(
      Effect.scoped,
      Effect.catchCause((cause) => {
        if (!Cause.hasDies(cause)) return Effect.void
        post({ _tag: "Broken", id, message: `client ${id}: what all share broke` })
        return Effect.logError("what all clients share broke", cause)
      })
    )
  }

  /** `send` must not throw; `giveUp` ends a child that takes no messages. */
  const counter = (send: (message: Message.ToChild) => void, giveUp: () => void): Counter => {
    const clients = new Map<number, Asks>()
    let sent = 0
    let heard = 0
    let closed = false
    const post: Counter["post"] = (message) => {
      if (closed) return
      send(message)
      sent += 1
      if (sent % stride === 0) send({ _tag: "Count" })
      if (sent - heard <= maxBehind) return
      closed = true
      giveUp()
    }
    const leave = (id: number) => {
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
            const asks: Asks = Effect.runSync(Queue.unbounded<unknown, Cause.Done>())
            const { client } = message
            clients.set(client.id, asks)
            open.add(asks)
            run(serve(program.shared, client, asks, post)).addObserver(() => open.delete(asks))
            return
          }
          case "Ask": {
            const asks = clients.get(message.id)
            if (asks !== undefined) Queue.offerUnsafe(asks, message.ask)
            return
          }
          case "Detach":
            return leave(message.id)
        }
      },
      heard: (count) => {
        heard = Math.max(heard, count)
      },
      close: () => {
        closed = true
        for (const id of [...clients.keys()]) leave(id)
      }
    }
  }
  return { counter }
})

export type Desk = Effect.Success<ReturnType<typeof make>>
