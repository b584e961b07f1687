/** The shared state of a server, as its sessions in a worker reach it: by messages to the server. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Definition, Shared } from "../Session.ts"
import * as WorkerMessage from "./WorkerMessage.ts"

/** Client that has made an ask. `resume` takes the answer to the ask in progress. */
interface Attached {
  readonly push: (message: unknown) => void
  resume: ((answer: Effect.Effect<unknown>) => void) | undefined
}

type FromServer = Extract<WorkerMessage.ToClient, { readonly message: unknown }>

/** Makes the client of the server. `failClient` disconnects a client whose messages are invalid. */
export const make = (
  definition: Definition<unknown, unknown, unknown, unknown>,
  post: (message: WorkerMessage.FromClient) => void,
  failClient: (id: number, message: string) => void
) => {
  const codecs = WorkerMessage.codecs(definition)
  const attached = new Map<number, Attached>()

  const invalid = (id: number, what: "ask" | "message", error: { readonly message: string }) =>
    WorkerMessage.invalidMessage(id, what, definition.name, error)
  const request = (id: number, client: Attached) => (ask: unknown) =>
    Effect.callback<unknown>((resume) => {
      const encoded = codecs.encodeAsk(ask)
      if (Result.isFailure(encoded)) return resume(Effect.die(new Error(invalid(id, "ask", encoded.failure))))
      client.resume = resume
      post({ _tag: "Ask", id, ask: encoded.success })
    })
  const shared: Shared<unknown, unknown> = {
    attach: (client, push) => {
      const entry: Attached = { push, resume: undefined }
      const attach = Effect.sync(() => {
        attached.set(client.id, entry)
        post({ _tag: "Attach", client })
        return request(client.id, entry)
      })
      const detach = Effect.sync(() => {
        attached.delete(client.id)
        post({ _tag: "Detach", id: client.id })
      })
      return Effect.acquireRelease(attach, () => detach)
    }
  }
  const fail = (id: number, message: string) => {
    failClient(id, message)
    attached.get(id)?.resume?.(Effect.die(new Error(message)))
  }
  /** Handles a message of the server to a client. */
  const receive = ({ _tag, id, message }: FromServer) => {
    if (_tag === "SharedStateError") return fail(id, message)
    const client = attached.get(id)
    if (client === undefined && _tag === "Push") return
    const decoded = codecs.decodeMessage(message)
    if (Result.isFailure(decoded)) return fail(id, invalid(id, "message", decoded.failure))
    if (_tag === "Push") client?.push(decoded.success)
    else client?.resume?.(Effect.succeed(decoded.success))
  }
  return { shared, receive }
}
