/** A server that says what it is told to, whatever it hears. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Network from "../../src/network/Network.ts"

const nowhere = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 1)

/** A connection to it: `texts` come one by one, each in pieces of so many bytes, then the end; `left` counts pieces. */
export const connect = (texts: ReadonlyArray<string>, maxChunkBytes = 1_024) => {
  const sent: Array<string> = []
  const chunks = texts.flatMap((text) => {
    const bytes = Buffer.from(text)
    return Array.from({ length: Math.ceil(bytes.length / maxChunkBytes) }, (_, at) =>
      Uint8Array.from(bytes.subarray(at * maxChunkBytes, (at + 1) * maxChunkBytes))
    )
  })
  const connection: Network.Connection = {
    local: nowhere,
    remote: nowhere,
    pull: Effect.suspend(() => {
      const chunk = chunks.shift()
      return chunk === undefined ? Cause.done() : Effect.succeed(chunk)
    }),
    write: (bytes) => Effect.sync(() => void sent.push(Buffer.from(bytes as Uint8Array).toString())),
    end: Effect.void,
    endRead: Effect.void,
    abort: Effect.void,
    traffic: () => ({ received: 0, sent: 0, unsent: 0 })
  }
  return { connection, sent, remainingChunks: () => chunks.length }
}
