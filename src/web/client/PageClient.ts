/**
 * The connection of the page to its process, with callbacks for the views.
 *
 * It connects again by itself: streams of state go on, a game ends with its connection. No other module of the page uses
 * Effect, so that the views stay small.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as RpcClient from "effect/rpc/RpcClient"
import type * as RpcClientError from "effect/rpc/RpcClientError"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"
import { type BoardView, type GameView, type Packets, type PageError, PageRpc } from "../PageRpc.ts"
import type * as PageState from "../PageState.ts"

/** State of the connection. `live` begins with the first state of the process. */
export type Status = "connecting" | "live" | "lost"

/** The process's answer to `about`. */
export interface About {
  readonly version: string
  readonly hasControl: boolean
  readonly isAllowed: boolean
}

/** Callbacks of `watch`. */
export interface Watcher {
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

/** The connection of the page to its process. Functions that start something return its end. */
export interface PageClient {
  readonly watch: (on: Watcher) => () => void
  readonly packets: (
    service: string,
    on: { readonly batch: (packets: Packets) => void; readonly error: (message: string) => void }
  ) => () => void
  readonly board: (
    service: string,
    on: { readonly view: (view: BoardView) => void; readonly error: (message: string) => void }
  ) => () => void
  readonly play: (
    service: string,
    on: { readonly view: (view: GameView) => void; readonly error: (message: string) => void }
  ) => Play
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
}

type Calls = RpcClient.FromGroup<typeof PageRpc, RpcClientError.RpcClientError>
type Failure = PageError | RpcClientError.RpcClientError

const lost = "the connection to the server is lost; try again when the page is connected"
const gameLost = "the connection to the server was lost, and the game with it; play again when the page is connected"
const misunderstood = "the server sent an answer that this page does not understand; reload the page"

/** Pause after a failure of a stream whose connection goes on, in milliseconds. */
const retryPauseMillis = 1_000

/** Connects again after 0.25 s, then more and more rarely, at most 2 s apart. */
const retryPolicy = Schedule.min([Schedule.exponential("250 millis", 1.5), Schedule.spaced("2 seconds")])

/** Returns the message of a failure for the user. */
const explain = (cause: Cause.Cause<Failure>, whenLost: string): string => {
  const error = Cause.findError(cause)
  if (Result.isFailure(error)) return misunderstood
  return error.success._tag === "PageError" ? error.success.message : whenLost
}

/** Tests if the process refused a request, so that asking again is of no use. */
const isRefused = (cause: Cause.Cause<Failure>): boolean => {
  const error = Cause.findError(cause)
  return Result.isSuccess(error) && error.success._tag === "PageError"
}

/** Opens the connection and keeps it open, until the scope closes. */
const connect = Effect.fnUntraced(function* (url: string, hooks: RpcClient.ConnectionHooks["Service"]) {
  const socket = yield* Socket.makeWebSocket(url).pipe(
    Effect.provideService(Socket.WebSocketConstructor, (address) => new globalThis.WebSocket(address))
  )
  const options = { pingInterval: "10 seconds", pingTimeout: "20 seconds", retryPolicy } as const
  const protocol = yield* RpcClient.makeProtocolSocket(options).pipe(
    Effect.provideService(Socket.Socket, socket),
    Effect.provideService(RpcSerialization.RpcSerialization, RpcSerialization.json),
    Effect.provideService(RpcClient.ConnectionHooks, hooks)
  )
  return yield* RpcClient.make(PageRpc, { disableTracing: true }).pipe(
    Effect.provideService(RpcClient.Protocol, protocol)
  )
})

/** Creates the client. It connects at once. */
export const make = ({ token, url }: Options): PageClient => {
  const connected = Latch.makeUnsafe(false)
  const onLost = new Set<() => void>()
  const scope = Scope.makeUnsafe()
  const calls: Promise<Calls> = Effect.runPromise(
    connect(url, {
      onConnect: Effect.sync(() => connected.openUnsafe()),
      onDisconnect: Effect.sync(() => {
        connected.closeUnsafe()
        for (const notify of onLost) notify()
      })
    }).pipe(Scope.provide(scope))
  )

  /** Runs a stream, and again after each failure of the connection. Ends if the process refuses it. */
  const follow = <A>(
    open: (calls: Calls) => Stream.Stream<A, Failure>,
    on: { readonly value: (value: A) => void; readonly error?: (message: string) => void }
  ): (() => void) => {
    const once = Effect.gen(function* () {
      const current = yield* Effect.promise(() => calls)
      yield* connected.await
      yield* Stream.runForEach(open(current), (value) => Effect.sync(() => on.value(value)))
      return false
    }).pipe(
      Effect.catchCause((cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
        const isEnd = isRefused(cause)
        return Effect.sync(() => {
          if (isEnd) on.error?.(explain(cause, lost))
          return isEnd
        })
      })
    )
    const loop = Effect.gen(function* () {
      while (!(yield* once)) if (connected.isOpen()) yield* Effect.sleep(retryPauseMillis)
    })
    return Effect.runCallback(loop)
  }

  /** Runs a request. Resolves to an error as one line, or to undefined. */
  const request = (run: (calls: Calls) => Effect.Effect<unknown, Failure>): Promise<string | undefined> =>
    Effect.runPromise(
      Effect.promise(() => calls).pipe(
        Effect.flatMap(run),
        Effect.as(undefined),
        Effect.catchCause((cause) => Effect.succeed(explain(cause, lost)))
      )
    )

  const watch: PageClient["watch"] = (on) => {
    let status: Status = "connecting"
    const setStatus = (next: Status) => {
      if (next === status) return
      status = next
      on.status(next)
    }
    const notifyLost = () => setStatus("lost")
    onLost.add(notifyLost)
    const about = (current: Calls) =>
      Stream.drain(
        Stream.fromEffect(current.about({ token }).pipe(Effect.tap((answer) => Effect.sync(() => on.about?.(answer)))))
      )
    const stop = follow<PageState.Update>((current) => Stream.concat(about(current), current.watch()), {
      value: (update) => {
        setStatus("live")
        on.update(update)
      },
      error: notifyLost
    })
    return () => {
      onLost.delete(notifyLost)
      stop()
    }
  }

  const play: PageClient["play"] = (service, on) => {
    let session: number | undefined
    const run = Effect.gen(function* () {
      const current = yield* Effect.promise(() => calls)
      yield* Stream.runForEach(current.play({ service, token }), (view) =>
        Effect.sync(() => {
          if (view._tag === "Started") session = view.session
          on.view(view)
        })
      )
    })
    const stop = Effect.runCallback(run, {
      onExit: (exit) => {
        session = undefined
        if (exit._tag === "Failure" && !Cause.hasInterruptsOnly(exit.cause)) on.error(explain(exit.cause, gameLost))
      }
    })
    return {
      say: (line) => {
        const current = session
        if (current === undefined) return Promise.resolve("the game is not running; play again")
        return request((made) => made.say({ session: current, line, token }))
      },
      stop
    }
  }

  return {
    watch,
    packets: (service, on) => follow((current) => current.packets({ service }), { value: on.batch, error: on.error }),
    board: (service, on) => follow((current) => current.board({ service }), { value: on.view, error: on.error }),
    play,
    restart: (service) => request((current) => current.restart({ service, token })),
    close: () => {
      Effect.runFork(Scope.close(scope, Exit.void))
    }
  }
}
