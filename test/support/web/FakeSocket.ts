/** WebSockets and timers of the page that a test opens, answers and runs by itself. */
import * as Effect from "effect/Effect"
import type * as RpcSocket from "../../../src/web/client/RpcSocket.ts"

/** A WebSocket without a network, in the hands of the test. */
export class FakeSocket {
  static readonly OPEN = 1
  readyState = 0
  onopen = () => {}
  onmessage = (_: { readonly data: unknown }) => {}
  onclose = () => {}
  readonly sent: Array<{ readonly _tag: string; readonly id?: string; readonly tag?: string }> = []
  open() {
    this.readyState = FakeSocket.OPEN
    this.onopen()
  }
  receive(message: unknown) {
    this.onmessage({ data: JSON.stringify(message) })
  }
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {
    if (this.readyState === 3) return
    this.readyState = 3
    this.onclose()
  }
}

/** Timers that run when the test says so. */
export const makeTimers = () => {
  let waiting: ReadonlyArray<{ readonly millis: number; readonly run: () => void }> = []
  const after: RpcSocket.After = (millis, run) => {
    const timer = { millis, run }
    waiting = [...waiting, timer]
    return () => {
      waiting = waiting.filter((one) => one !== timer)
    }
  }
  return {
    after,
    pauses: () => waiting.map(({ millis }) => millis),
    /** Runs the timers of a pause. */
    elapse: (millis: number) => {
      const due = waiting.filter((one) => one.millis === millis)
      waiting = waiting.filter((one) => one.millis !== millis)
      for (const { run } of due) run()
    }
  }
}

/** Timers of a test. */
export type Timers = ReturnType<typeof makeTimers>

/** Puts fake sockets in the place of WebSockets until the scope closes. Returns those that are made, in order. */
export const install = Effect.gen(function* () {
  const sockets: Array<FakeSocket> = []
  const original = globalThis.WebSocket
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      class Recorded extends FakeSocket {
        constructor() {
          super()
          sockets.push(this)
        }
      }
      globalThis.WebSocket = Recorded as unknown as typeof WebSocket
    }),
    () =>
      Effect.sync(() => {
        globalThis.WebSocket = original
      })
  )
  const made: ReadonlyArray<FakeSocket> = sockets
  return made
})
