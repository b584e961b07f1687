/** The server of sessions in a worker, process or thread; asks of its sessions go to the parent. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Network from "../../network/Network.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import * as Fibers from "../Fibers.ts"
import type { Shared } from "../Session.ts"
import * as NodeDefinitionLoader from "./NodeDefinitionLoader.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** Client that has made an ask. `resume` takes the answer to the ask in progress. */
interface Attached {
  readonly push: (message: unknown) => void
  resume: ((answer: Effect.Effect<unknown>) => void) | undefined
}

type Post = (message: WorkerMessage.FromWorker) => void

/**
 * Loads the session that `start` names and serves it on the caller's network, whose connections have a client number.
 *
 * The caller passes messages to `receive`.
 */
export const make = Effect.fnUntraced(function* (start: WorkerMessage.Start, post: Post) {
  const { definition, session } = yield* NodeDefinitionLoader.load(start.module, start.options)
  const codecs = WorkerMessage.codecs(definition)
  const connections = new Map<number, Network.Connection>()
  const attached = new Map<number, Attached>()
  const run = Effect.runForkWith(yield* Effect.context<never>())
  let receivedMessages = 0
  let watcher: Fiber.Fiber<void> | undefined

  const request = (id: number, client: Attached) => (ask: unknown) =>
    Effect.callback<unknown>((resume) => {
      const encoded = codecs.encodeAsk(ask)
      if (Result.isFailure(encoded)) {
        const what = `client ${id}: invalid ask for the schema of ${definition.name}`
        return resume(Effect.die(new Error(`${what}: ${WorkerMessage.oneLine(encoded.failure)}`)))
      }
      client.resume = resume
      post({ _tag: "Ask", id, ask: encoded.success })
    })
  const shared: Shared<unknown, unknown> = {
    attach: (client, push) => {
      const entry: Attached = { push, resume: undefined }
      return Effect.acquireRelease(
        Effect.sync(() => {
          attached.set(client.id, entry)
          post({ _tag: "Attach", client })
          return request(client.id, entry)
        }),
        () =>
          Effect.sync(() => {
            attached.delete(client.id)
            post({ _tag: "Detach", id: client.id })
          })
      )
    }
  }

  const failClient = (id: number, message: string) => {
    run(Effect.andThen(Effect.logError(message), connections.get(id)?.abort ?? Effect.void))
    attached.get(id)?.resume?.(Effect.die(new Error(message)))
  }
  const decode = (
    { id, message }: { readonly id: number; readonly message: unknown },
    use: (message: unknown) => void
  ) => {
    const decoded = codecs.decodeMessage(message)
    if (Result.isSuccess(decoded)) return use(decoded.success)
    failClient(
      id,
      `client ${id}: invalid message for the schema of ${definition.name}: ${WorkerMessage.oneLine(decoded.failure)}`
    )
  }
  const receive = (message: WorkerMessage.ToWorker) => {
    if (message._tag === "RequestReport") return void run(report)
    if (message._tag === "WatchEvents") return watch(message.enabled)
    if (message._tag === "Start" || message._tag === "Serve" || message._tag === "Drain") return
    receivedMessages += 1
    const client = attached.get(message.id)
    switch (message._tag) {
      case "Push":
        return client === undefined ? undefined : decode(message, client.push)
      case "Answer":
        return decode(message, (answer) => client?.resume?.(Effect.succeed(answer)))
      case "SharedStateError":
        return failClient(message.id, message.message)
      case "EndRead":
        return void run(connections.get(message.id)?.endRead ?? Effect.void)
      case "Abort":
        return void run(connections.get(message.id)?.abort ?? Effect.void)
    }
  }

  const handler = Fibers.handler(start.shared ? { session, shared } : { session }, start.limits)
  const server = yield* TcpServer.make({ ...(start.listen ?? { port: 0 }), ...start.limits }, (connection, client) => {
    const { id } = client
    connections.set(id, connection)
    return Effect.ensuring(
      handler(connection, client),
      Effect.sync(() => connections.delete(id))
    )
  })
  const watch = (enabled: boolean) => {
    watcher?.interruptUnsafe()
    const events = Stream.map(server.events, (event) =>
      post({ _tag: "Event", event: WorkerMessage.encodeEvent(event) })
    )
    watcher = enabled ? run(Stream.runDrain(events)) : undefined
  }
  const report = Effect.map(server.stats, (stats) => {
    // A thread that listens counts its own traffic.
    const traffic = start.listen === undefined ? Array.from(connections, WorkerMessage.trafficOf) : []
    post({ _tag: "Report", receivedMessages, stats, traffic })
  })
  return { server, receive, report, connections }
})
