/** The child's side, in a process or a thread: a server of sessions that asks its parent. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Network from "../../network/Network.ts"
import * as TcpServer from "../../network/TcpServer.ts"
import * as Fibers from "../Fibers.ts"
import type { Shared } from "../Session.ts"
import * as NodeDefinitionLoader from "./NodeDefinitionLoader.ts"
import * as Message from "./WorkerMessage.ts"

/** A client that has asked. */
interface Attached {
  readonly tell: (told: unknown) => void
  answer: ((told: Effect.Effect<unknown>) => void) | undefined
}

type Post = (message: Message.FromChild) => void

/**
 * Loads what `start` says and serves it on the network of the caller. `number` gives a client its number. What concerns
 * a client goes to `receive`.
 */
export const make = Effect.fnUntraced(function* (
  start: Message.Start,
  post: Post,
  number: (connection: Network.Connection) => number
) {
  const { definition, session } = yield* NodeDefinitionLoader.load(start.module, start.options)
  const codecs = Message.codecs(definition)
  const connections = new Map<number, Network.Connection>()
  const attached = new Map<number, Attached>()
  const run = Effect.runForkWith(yield* Effect.context<never>())
  let heard = 0

  const put = (id: number, client: Attached) => (ask: unknown) =>
    Effect.callback<unknown>((resume) => {
      const encoded = codecs.encodeAsk(ask)
      if (Result.isFailure(encoded)) {
        const why = `client ${id}: its question does not fit the schema of ${definition.name}`
        return resume(Effect.die(new Error(`${why}: ${Message.oneLine(encoded.failure)}`)))
      }
      client.answer = resume
      post({ _tag: "Ask", id, ask: encoded.success })
    })
  const shared: Shared<unknown, unknown> = {
    attach: (client, tell) => {
      const entry: Attached = { tell, answer: undefined }
      return Effect.acquireRelease(
        Effect.sync(() => {
          attached.set(client.id, entry)
          post({ _tag: "Attach", client })
          return put(client.id, entry)
        }),
        () =>
          Effect.sync(() => {
            attached.delete(client.id)
            post({ _tag: "Detach", id: client.id })
          })
      )
    }
  }

  const broken = (id: number, message: string) => {
    run(Effect.andThen(Effect.logError(message), connections.get(id)?.abort ?? Effect.void))
    attached.get(id)?.answer?.(Effect.die(new Error(message)))
  }
  const heardOf = ({ id, told }: { readonly id: number; readonly told: unknown }, then: (told: unknown) => void) => {
    const decoded = codecs.decodeTold(told)
    if (Result.isSuccess(decoded)) return then(decoded.success)
    broken(id, `client ${id}: what it is told does not fit: ${Message.oneLine(decoded.failure)}`)
  }
  const receive = (message: Message.ToClient) => {
    heard += 1
    const client = attached.get(message.id)
    switch (message._tag) {
      case "Told":
        return client === undefined ? undefined : heardOf(message, client.tell)
      case "Answer":
        return heardOf(message, (told) => client?.answer?.(Effect.succeed(told)))
      case "Broken":
        return broken(message.id, message.message)
      case "EndRead":
        return void run(connections.get(message.id)?.endRead ?? Effect.void)
      case "Abort":
        return void run(connections.get(message.id)?.abort ?? Effect.void)
    }
  }

  const numbers = new WeakMap<Network.Connection, number>()
  const handler = Fibers.handler(
    start.shared ? { session, shared } : { session },
    start.limits,
    (connection) => numbers.get(connection)!
  )
  const server = yield* TcpServer.make({ ...(start.listen ?? { port: 0 }), ...start.limits }, (connection, client) => {
    const id = number(connection)
    numbers.set(connection, id)
    connections.set(id, connection)
    return Effect.ensuring(
      handler(connection, client),
      Effect.sync(() => connections.delete(id))
    )
  })
  const report = (moved: ReadonlyArray<Message.Moved>) =>
    Effect.map(server.stats, (stats) => post({ _tag: "Report", heard, stats, moved }))
  return { server, receive, report, connections }
})
