/**
 * The connection of the page to its process, with callbacks for the views. It connects again by itself; streams of
 * state go on, a game ends with its connection.
 */
import type { BoardView, GameView, Packets, PageError } from "../PageRpc.ts"
import type * as PageState from "../PageState.ts"
import * as RpcSocket from "./RpcSocket.ts"

/** State of the connection. `live` begins with the first state of the process. */
export type Status = "connecting" | "live" | "lost"

/** The process's answer to `about`. */
export interface About {
  readonly version: string
  readonly hasControl: boolean
  /** The process cannot take control, however it is started. */
  readonly isReadOnly?: boolean
  readonly isAllowed: boolean
}

/** Callbacks of `watch`. */
interface Watcher {
  readonly update: (update: PageState.Update) => void
  readonly status: (status: Status) => void
  /** Called after each connection. */
  readonly about?: (about: About) => void
}

/** A game that is played. */
export interface Play {
  /** Sends a line. Resolves to an error as one line, or to undefined. */
  readonly say: (line: string) => Promise<string | undefined>
  readonly stop: () => void
}

/** Callbacks of a game. */
interface GameWatcher {
  readonly view: (view: GameView) => void
  readonly error: (message: string) => void
}

/** The connection of the page to its process. Functions that start something return its end. */
export interface PageClient {
  readonly watch: (on: Watcher) => () => void
  /** Emits a batch without packets as soon as the process watches the service. */
  readonly packets: (
    service: string,
    on: { readonly batch: (packets: Packets) => void; readonly error: (message: string) => void }
  ) => () => void
  readonly board: (
    service: string,
    on: { readonly view: (view: BoardView) => void; readonly error: (message: string) => void }
  ) => () => void
  readonly play: (service: string, on: GameWatcher) => Play
  /** Resolves to an error as one line, or to undefined. */
  readonly restart: (service: string) => Promise<string | undefined>
  /** Closes the connection. */
  readonly close: () => void
}

/** Options of the client. */
export interface Options {
  /** Address of the WebSocket, such as `ws://127.0.0.1:8066/rpc`. */
  readonly url: string
  /** Token of `--control`; empty without it. */
  readonly token: string
  readonly after: RpcSocket.After
}

const lost = "the connection to the server is lost; try again when the page is connected"
const gameLost = "the connection to the server was lost, and the game with it; play again when the page is connected"
const misunderstood = "the server sent an answer that this page does not understand; reload the page"

/** Pause after the end of a stream whose connection goes on, in milliseconds. */
const retryPauseMillis = 1_000

/** Pauses after the first and the later refusals of a stream of a service that may come back, in milliseconds. */
const firstRefusedPauseMillis = 2_000
const maxRefusedPauseMillis = 10_000

/** Refusals that are the same at each attempt. */
const finalReasons: ReadonlySet<string> = new Set<PageError["reason"]>(["Forbidden", "Invalid"])

/** Returns the message of a failure for the user. */
const explain = (failure: RpcSocket.Failure, whenLost: string): string => {
  if (failure._tag === "Refused") return failure.error.message
  return failure._tag === "Lost" ? whenLost : misunderstood
}

/** A connection, and what waits for its changes. */
interface Connection {
  readonly socket: RpcSocket.RpcSocket
  readonly after: RpcSocket.After
  readonly onOpen: Set<() => void>
  readonly onLost: Set<() => void>
}

const connect = ({ after, url }: Options): Connection => {
  const onOpen = new Set<() => void>()
  const onLost = new Set<() => void>()
  const notify = (all: Set<() => void>) => () => {
    for (const one of all) one()
  }
  return {
    socket: RpcSocket.make({ url, after, onOpen: notify(onOpen), onLost: notify(onLost) }),
    after,
    onOpen,
    onLost
  }
}

/** Callbacks of a stream for `follow`. */
interface Follower {
  /** Tells that the process does what it was asked for. */
  readonly works: () => void
  readonly end: (failure: RpcSocket.Failure | undefined) => void
}

/**
 * Opens a stream with `start`, and again after each failure of the connection, and after refusals: a service may be
 * restarting. It ends with a final refusal. `start` returns the end of what it started.
 */
const follow = (
  { after, onOpen, socket }: Connection,
  start: (follower: Follower) => () => void,
  refused: (message: string) => void
): (() => void) => {
  let stop = () => {}
  let pauseMillis = firstRefusedPauseMillis
  const works = () => {
    pauseMillis = firstRefusedPauseMillis
  }
  const end = (failure: RpcSocket.Failure | undefined) => {
    if (failure?._tag === "Refused") {
      const { message, reason } = failure.error
      if (finalReasons.has(reason)) finish()
      else {
        stop = after(pauseMillis, run)
        pauseMillis = Math.min(maxRefusedPauseMillis, 2 * pauseMillis)
      }
      refused(message)
    } else if (failure?._tag !== "Lost") stop = after(retryPauseMillis, run)
  }
  const run = () => {
    stop()
    stop = start({ works, end })
  }
  const finish = () => {
    onOpen.delete(run)
    stop()
  }
  onOpen.add(run)
  if (socket.isOpen()) run()
  return finish
}

/** Follows a stream of a service, with an error while the process refuses it. */
const followService = <T extends "board" | "packets">(
  connection: Connection,
  tag: T,
  payload: RpcSocket.Payload<T>,
  value: (value: RpcSocket.Value<T>) => void,
  error: (message: string) => void
) =>
  follow(
    connection,
    ({ end, works }) =>
      connection.socket.send(tag, payload, {
        value: (next) => {
          works()
          value(next)
        },
        end
      }),
    error
  )

/** Sends a request. Resolves to an error as one line, or to undefined. */
const request = <T extends RpcSocket.Tag>(
  { socket }: Connection,
  tag: T,
  payload: RpcSocket.Payload<T>
): Promise<string | undefined> =>
  new Promise((resolve) => {
    socket.send(tag, payload, {
      value: () => {},
      end: (failure) => resolve(failure === undefined ? undefined : explain(failure, lost))
    })
  })

const watch = (connection: Connection, token: string, on: Watcher): (() => void) => {
  let status: Status = "connecting"
  const setStatus = (next: Status) => {
    if (next === status) return
    status = next
    on.status(next)
  }
  const notifyLost = () => setStatus("lost")
  const stop = follow(
    connection,
    ({ end }) => {
      let stop = connection.socket.send(
        "about",
        { token },
        {
          value: (about) => on.about?.(about),
          end: (failure) => {
            if (failure !== undefined) return end(failure)
            stop = connection.socket.send("watch", undefined, {
              value: (update) => {
                setStatus("live")
                on.update(update)
              },
              end
            })
          }
        }
      )
      return () => stop()
    },
    notifyLost
  )
  connection.onLost.add(notifyLost)
  return () => {
    connection.onLost.delete(notifyLost)
    stop()
  }
}

const play = (connection: Connection, payload: RpcSocket.Payload<"play">, on: GameWatcher): Play => {
  let session: number | undefined
  const stop = connection.socket.send("play", payload, {
    value: (view) => {
      if (view._tag === "Started") session = view.session
      on.view(view)
    },
    end: (failure) => {
      session = undefined
      if (failure !== undefined) on.error(explain(failure, gameLost))
    }
  })
  return {
    say: (line) =>
      session === undefined
        ? Promise.resolve("the game is not running; play again")
        : request(connection, "say", { session, line, token: payload.token }),
    stop
  }
}

/** Creates the client. It connects at once. */
export const make = (options: Options): PageClient => {
  const { token } = options
  const connection = connect(options)
  const { socket } = connection
  return {
    watch: (on) => watch(connection, token, on),
    packets: (service, { batch, error }) => followService(connection, "packets", { service }, batch, error),
    board: (service, { error, view }) => followService(connection, "board", { service }, view, error),
    play: (service, on) => play(connection, { service, token }, on),
    restart: (service) => request(connection, "restart", { service, token }),
    close: socket.close
  }
}
