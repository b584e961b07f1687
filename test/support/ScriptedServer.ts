/** A server that sends prepared texts, independent of its input. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Network from "../../src/network/Network.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 1)

/** Returns a connection that delivers `texts` in chunks of `maxChunkBytes`, then ends. `sent` has its writes. */
export const connect = (texts: ReadonlyArray<string>, maxChunkBytes = 1_024) => {
  const sent: Array<string> = []
  const chunks = texts.flatMap((text) => {
    const bytes = Buffer.from(text)
    return Array.from({ length: Math.ceil(bytes.length / maxChunkBytes) }, (_, at) =>
      Uint8Array.from(bytes.subarray(at * maxChunkBytes, (at + 1) * maxChunkBytes))
    )
  })
  const connection: Network.Connection = {
    local: address,
    remote: address,
    pull: Effect.suspend(() => {
      const chunk = chunks.shift()
      return chunk === undefined ? Cause.done() : Effect.succeed(chunk)
    }),
    write: (bytes) => Effect.sync(() => void sent.push(Buffer.from(bytes as Uint8Array).toString())),
    end: Effect.void,
    endRead: Effect.void,
    abort: Effect.void,
    traffic: () => ({ received: 0, sent: 0, unsent: 0 }),
    context: Context.empty()
  }
  return { connection, sent, remainingChunks: () => chunks.length }
}
