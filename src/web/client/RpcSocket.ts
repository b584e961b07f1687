/**
 * The browser's end of effect/rpc over a WebSocket: requests by the types of `PageRpc`, in the JSON that the server of
 * effect/rpc reads and writes.
 *
 * The client of effect/rpc would be more than half of the page (40 of 68 kB compressed); this one has 1 kB. It connects
 * again by itself; the requests of a lost connection end as lost. The values are those that the server of this page has
 * encoded, and are not decoded again.
 */
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import type { PageError, PageRpc } from "../PageRpc.ts"

type Rpcs = RpcGroup.Rpcs<typeof PageRpc>

/** Names of the requests. */
export type Tag = Rpcs["_tag"]

type WithTag<T extends Tag> = Extract<Rpcs, { readonly _tag: T }>

/** Members of a request. */
export type Payload<T extends Tag> = Rpc.Payload<WithTag<T>>

/** Value of an answer: the only one of a request, or one of a stream. */
export type Value<T extends Tag> = [Rpc.SuccessChunk<WithTag<T>>] extends [never]
  ? Rpc.Success<WithTag<T>>
  : Rpc.SuccessChunk<WithTag<T>>

/** Why a request ended without an answer. */
export type Failure =
  | { readonly _tag: "Refused"; readonly error: Pick<PageError, "message" | "reason"> }
  /** The connection was lost, and the request with it. */
  | { readonly _tag: "Lost" }
  /** The server failed, or is of another version than the page. */
  | { readonly _tag: "Defect" }

/** Callbacks of a request. */
interface Handlers<A> {
  readonly value: (value: A) => void
  /** Called once, with nothing after an answer or at the end of a stream. */
  readonly end: (failure: Failure | undefined) => void
}

/** A connection that is made again when it is lost. */
export interface RpcSocket {
  readonly isOpen: () => boolean
  /**
   * Sends a request. It waits for the first connection; with a lost one it ends as lost. Returns a function that
   * cancels it, after which no callback is called.
   */
  readonly send: <T extends Tag>(tag: T, payload: Payload<T>, handlers: Handlers<Value<T>>) => () => void
  readonly close: () => void
}

/** A timer: calls a function once, later. Returns a function that cancels it. */
export type After = (delayMillis: number, run: () => void) => () => void

/** Options of a connection. */
export interface Options {
  readonly url: string
  readonly after: After
  readonly onOpen: () => void
  /** Called after all requests of the connection have ended. */
  readonly onLost: () => void
}

/** Pauses before the first and the later attempts to connect, and between two pings, in milliseconds. */
const firstPauseMillis = 250
const maxPauseMillis = 2_000
const pauseFactor = 1.5
const pingMillis = 10_000

/** Reads the failure of a request from its exit. */
const failureOf = (exit: RpcMessage.ResponseExitEncoded["exit"]): Failure | undefined => {
  if (exit._tag === "Success") return undefined
  const failed = exit.cause.find(({ _tag }) => _tag === "Fail")
  if (failed?._tag !== "Fail") return { _tag: "Defect" }
  const { message, reason } = failed.error as PageError
  return { _tag: "Refused", error: { message: String(message), reason } }
}

/** Requests that are not answered yet, by their numbers. */
type Requests = Map<string, Handlers<unknown>>

/** Ends all requests. Their callbacks may send new ones. */
const endAll = (requests: Requests, failure: Failure): void => {
  const all = [...requests.values()]
  requests.clear()
  for (const { end } of all) end(failure)
}

/** Reads the messages of the server; undefined if they are not of this protocol. */
const parse = (data: unknown): ReadonlyArray<RpcMessage.FromServerEncoded> | undefined => {
  try {
    const messages: ReadonlyArray<unknown> = [JSON.parse(data as string)].flat()
    const areObjects = messages.every((message) => typeof message === "object" && message !== null)
    return areObjects ? (messages as ReadonlyArray<RpcMessage.FromServerEncoded>) : undefined
  } catch {
    return undefined
  }
}

/** Takes a message of the server. `reply` sends one back. */
const receive = (
  message: RpcMessage.FromServerEncoded,
  requests: Requests,
  reply: (message: RpcMessage.FromClientEncoded) => void
): void => {
  if (message._tag === "Defect") endAll(requests, { _tag: "Defect" })
  if (message._tag !== "Chunk" && message._tag !== "Exit") return
  const { requestId } = message
  const handlers = requests.get(String(requestId))
  if (message._tag === "Chunk") {
    for (const value of message.values) handlers?.value(value)
    reply({ _tag: "Ack", requestId })
    return
  }
  requests.delete(String(requestId))
  // The end of a stream, and an answer without a value, have none.
  if (message.exit._tag === "Success" && message.exit.value != null) handlers?.value(message.exit.value)
  handlers?.end(failureOf(message.exit))
}

/** Takes the messages of a frame. Returns false if they are not of this protocol, which ends all requests. */
const receiveAll = (data: unknown, requests: Requests, reply: (message: RpcMessage.FromClientEncoded) => void) => {
  const messages = parse(data)
  if (messages === undefined) endAll(requests, { _tag: "Defect" })
  else for (const message of messages) receive(message, requests, reply)
  return messages !== undefined
}

/** Sends pings, and calls `end` if nothing has arrived since the last one. */
const makePinger = (after: After, ping: () => void, end: () => void) => {
  let isAlive = true
  let stop = () => {}
  const run = () => {
    if (!isAlive) return end()
    isAlive = false
    ping()
    stop = after(pingMillis, run)
  }
  return {
    start: () => {
      stop = after(pingMillis, run)
    },
    arrived: () => {
      isAlive = true
    },
    stop: () => stop()
  }
}

/** Connects, and connects again until it is closed. */
export const make = ({ after, onLost, onOpen, url }: Options): RpcSocket => {
  const requests: Requests = new Map()
  let socket: WebSocket | undefined
  let nextId = 1
  let pauseMillis = firstPauseMillis
  let stopWaiting = () => {}
  let isClosed = false
  let isLost = false
  /** Requests before the first connection. */
  const early: Array<RpcMessage.FromClientEncoded> = []

  const reply = (message: RpcMessage.FromClientEncoded) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
    else if (!isLost) early.push(message)
  }

  const lose = () => {
    isLost = true
    early.length = 0
    endAll(requests, { _tag: "Lost" })
    onLost()
  }

  const connect = () => {
    const opened = new WebSocket(url)
    const pinger = makePinger(
      after,
      () => reply({ _tag: "Ping" }),
      () => opened.close()
    )
    opened.onopen = () => {
      pauseMillis = firstPauseMillis
      isLost = false
      for (const message of early.splice(0)) reply(message)
      pinger.start()
      onOpen()
    }
    opened.onmessage = ({ data }) => {
      pinger.arrived()
      if (!receiveAll(data, requests, reply)) opened.close()
    }
    opened.onclose = () => {
      pinger.stop()
      if (isClosed) return
      stopWaiting = after(pauseMillis, connect)
      pauseMillis = Math.min(maxPauseMillis, pauseMillis * pauseFactor)
      lose()
    }
    socket = opened
  }
  connect()

  return {
    isOpen: () => socket?.readyState === WebSocket.OPEN,
    send: (tag, payload, handlers) => {
      const id = `${nextId++}`
      requests.set(id, handlers as Handlers<unknown>)
      if (isLost) {
        // After the caller has what this function returns.
        Promise.resolve().then(() => {
          if (requests.delete(id)) handlers.end({ _tag: "Lost" })
        })
      }
      reply({ _tag: "Request", id, tag, payload: payload ?? null, headers: [] })
      return () => {
        if (requests.delete(id)) reply({ _tag: "Interrupt", requestId: id })
      }
    },
    close: () => {
      isClosed = true
      stopWaiting()
      requests.clear()
      socket?.close()
    }
  }
}
