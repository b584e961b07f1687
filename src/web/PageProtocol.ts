/**
 * Limits of each browser on a `Protocol` of effect/rpc: its messages in a second, and its open requests.
 *
 * Messages over the rate are not refused: they wait, and so does the browser's connection, since no more of them is
 * read meanwhile. A flood of them takes a bounded part of the processor and no memory.
 */
import * as Effect from "effect/Effect"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import type * as RpcServer from "effect/rpc/RpcServer"
import * as Monotonic from "../network/Monotonic.ts"
import * as TokenBucket from "../network/TokenBucket.ts"
import type * as PageWire from "./PageWire.ts"

/** Limits of a browser. */
export interface Limits {
  readonly messagesPerSecond: number
  readonly maxRequests: number
}

/** A protocol with limits. */
interface PageProtocol {
  readonly protocol: RpcServer.Protocol["Service"]
  /** Forgets a browser whose connection has closed. */
  readonly forget: (clientId: number) => Effect.Effect<void>
}

/** State of a browser. */
interface Browser {
  bucket: TokenBucket.TokenBucket
  /** Requests without their exit. */
  readonly requests: Set<string | number>
}

const defect = (message: string): RpcMessage.ResponseDefectEncoded => ({ _tag: "Defect", defect: message })

const died = (requestId: string | number, message: string): RpcMessage.ResponseExitEncoded => ({
  _tag: "Exit",
  requestId,
  exit: { _tag: "Failure", cause: [{ _tag: "Die", defect: message }] }
})

/** Adds limits to a protocol. */
export const limit = Effect.fnUntraced(function* (protocol: RpcServer.Protocol["Service"], limits: Limits) {
  const now = yield* Monotonic.millis
  const browsers = new Map<number, Browser>()
  const browserOf = (clientId: number): Browser => {
    const known = browsers.get(clientId)
    if (known !== undefined) return known
    const made: Browser = { bucket: TokenBucket.make(limits.messagesPerSecond, now()), requests: new Set() }
    browsers.set(clientId, made)
    return made
  }
  /** Takes a token, and waits if it was borrowed. */
  const takeTurn = (browser: Browser) =>
    Effect.suspend(() => {
      browser.bucket = TokenBucket.take(TokenBucket.refill(browser.bucket, now()))
      const millis = TokenBucket.delayMillis(browser.bucket)
      return millis > 0 ? Effect.sleep(millis) : Effect.void
    })

  type Receive = Parameters<RpcServer.Protocol["Service"]["run"]>[0]
  const receive = (clientId: number, message: PageWire.FromBrowser, pass: Receive): Effect.Effect<void> => {
    if (message._tag === "Malformed") return protocol.send(clientId, defect("a message is not one of effect/rpc"))
    if (message._tag === "Request") {
      const { requests } = browserOf(clientId)
      // The server would end all requests of the browser for a second one with the same number.
      if (requests.has(message.id)) return protocol.send(clientId, defect("the number of a request is in use"))
      if (requests.size >= limits.maxRequests) {
        const reason = `too many requests at a time (limit ${limits.maxRequests})`
        return protocol.send(clientId, died(message.id, reason))
      }
      requests.add(message.id)
    }
    return pass(clientId, message)
  }
  const limited: RpcServer.Protocol["Service"] = {
    ...protocol,
    run: (pass) =>
      protocol.run((clientId, message) =>
        Effect.andThen(
          Effect.suspend(() => takeTurn(browserOf(clientId))),
          Effect.suspend(() => receive(clientId, message, pass))
        )
      ),
    send: (clientId, message, transferables) => {
      if (message._tag === "Exit") browsers.get(clientId)?.requests.delete(message.requestId)
      return protocol.send(clientId, message, transferables)
    }
  }
  const made: PageProtocol = {
    protocol: limited,
    forget: (clientId) => Effect.sync(() => void browsers.delete(clientId))
  }
  return made
})
