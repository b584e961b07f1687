/** The server of sessions in a worker, process or thread; asks of its sessions go to the parent. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Network from "../../network/Network.ts"
import type * as ServerEvents from "../../network/ServerEvents.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import * as Fibers from "../Fibers.ts"
import * as NodeDefinitionLoader from "./NodeDefinitionLoader.ts"
import * as SharedStateClient from "./SharedStateClient.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

type Post = (message: WorkerMessage.FromWorker) => void

/**
 * Loads the session that `start` names and serves it on the caller's network, whose connections have a client number.
 *
 * The caller passes messages to `receive`.
 */
export const make = Effect.fnUntraced(function* (start: WorkerMessage.Start, post: Post) {
  const { definition, session } = yield* NodeDefinitionLoader.load(start.module, start.options)
  const connections = new Map<number, Network.Connection>()
  const run = Effect.runForkWith(yield* Effect.context<never>())
  let receivedMessages = 0
  let isWatched = false

  const abort = (id: number) => connections.get(id)?.abort ?? Effect.void
  const failClient = (id: number, message: string) => void run(Effect.andThen(Effect.logError(message), abort(id)))
  const sharedState = SharedStateClient.make(definition, post, failClient)
  const { shared } = sharedState
  const handler = Fibers.handler(start.shared ? { session, shared } : { session }, start.limits)
  const serverOptions = { ...(start.listen ?? { port: 0 }), ...WorkerMessage.decodeLimits(start.limits) }
  const serve = (connection: Network.Connection, client: TcpServer.ConnectionContext) => {
    const { id } = client
    connections.set(id, connection)
    return Effect.ensuring(
      handler(connection, client),
      Effect.sync(() => connections.delete(id))
    )
  }
  // Posted at once: a worker for one client exits after it has posted the end of the client.
  const source: ServerEvents.ServerEvents<TcpServer.Event> = {
    emit: (event) => {
      if (isWatched) post({ _tag: "Event", event: WorkerMessage.encodeEvent(event()) })
    },
    events: Stream.empty
  }
  const server = yield* TcpServer.make(serverOptions, serve, source)
  const report = Effect.map(server.stats, (stats) => {
    // A thread that listens counts its own traffic.
    const traffic = start.listen === undefined ? Array.from(connections, WorkerMessage.trafficOf) : []
    post({ _tag: "Report", receivedMessages, stats, traffic })
  })
  const receive = (message: WorkerMessage.ToWorker) => {
    switch (message._tag) {
      case "Start":
      case "Serve":
      case "Drain":
        return
      case "RequestReport":
        return void run(report)
      case "WatchEvents":
        isWatched = message.enabled
        return
      case "Reconfigure":
        return void run(server.reconfigure(WorkerMessage.decodeLimits(message.limits)))
    }
    receivedMessages += 1
    if (message._tag === "Abort") run(abort(message.id))
    else if (message._tag === "EndRead") run(connections.get(message.id)?.endRead ?? Effect.void)
    else sharedState.receive(message)
  }
  return { server, receive, report, connections }
})
