/** The events of the servers in workers, which send them only while the stream has a subscriber. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ServerEvents from "../../network/ServerEvents.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** Makes the events of the workers that `workers` returns. */
export const make = Effect.fnUntraced(function* (
  workers: () => Iterable<number>,
  post: (id: number, message: WorkerMessage.ToWorker) => void
) {
  const { emit, events } = yield* ServerEvents.make<TcpServer.Event>()
  let subscribers = 0

  const watch = (id: number) => post(id, { _tag: "WatchEvents", enabled: subscribers > 0 })
  const subscribe = Effect.sync(() => {
    subscribers += 1
    if (subscribers === 1) for (const id of workers()) watch(id)
  })
  const unsubscribe = Effect.sync(() => {
    subscribers -= 1
    if (subscribers === 0) for (const id of workers()) watch(id)
  })
  const source: ServerEvents.ServerEvents<TcpServer.Event> = {
    emit,
    events: Stream.unwrap(
      Effect.as(
        Effect.acquireRelease(subscribe, () => unsubscribe),
        events
      )
    )
  }
  return {
    /** The source of the events, to which a server that accepts the clients of the workers adds its own. */
    source,
    emit: (event: WorkerMessage.EncodedEvent) => emit(() => WorkerMessage.decodeEvent(event)),
    /** Requests the events of a worker that has just become ready, if there is a subscriber. */
    onReady: (id: number) => {
      if (subscribers > 0) watch(id)
    }
  }
})
