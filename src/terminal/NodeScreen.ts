/** Full-screen access to the terminal: keys in, frames out. The scope restores the terminal. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { enterAlternateScreen, frame, leaveAlternateScreen } from "./Ansi.ts"
import { decode, flush, type Key } from "./Keys.ts"
import type { StyledLine } from "./StyledText.ts"

/** Time for the rest of an escape sequence to arrive. After it, the ESC byte counts as the Escape key. */
const escapeTimeoutMillis = 50

/** Capacity of the queue of keys. A longer paste loses its end. */
const maxQueuedEvents = 256

/** A key, or a change of the terminal's size. */
export type ScreenEvent = Key | { readonly _tag: "Resize" }

interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

interface TerminalScreen {
  readonly events: Queue.Dequeue<ScreenEvent>
  readonly size: () => ScreenSize
  /** Draws a frame for a screen of the given size; succeeds when the terminal has accepted all bytes. */
  readonly draw: (lines: ReadonlyArray<StyledLine>, size: ScreenSize) => Effect.Effect<void>
}

/** Returns true if standard input and output are a terminal that supports cursor movement. */
export const isTerminal = () =>
  process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.TERM !== "dumb"

/** Switches the terminal to raw mode and the alternate screen. The end of the scope or the process restores it. */
export const open = Effect.gen(function* () {
  const { stdin, stdout } = process
  const events = yield* Queue.dropping<ScreenEvent>(maxQueuedEvents)
  const coloured = (process.env.NO_COLOR ?? "") === ""
  let pending = ""
  let timer: NodeJS.Timeout | undefined
  const offer = (keys: ReadonlyArray<Key>) => {
    for (const key of keys) Queue.offerUnsafe(events, key)
  }
  const onData = (chunk: string) => {
    clearTimeout(timer)
    const decoded = decode(pending, chunk)
    pending = decoded.pending
    offer(decoded.keys)
    if (pending === "") return
    timer = setTimeout(() => {
      offer(flush(pending))
      pending = ""
    }, escapeTimeoutMillis)
  }
  const onEnd = () => void Queue.offerUnsafe(events, { _tag: "EndOfInput" })
  const onResize = () => void Queue.offerUnsafe(events, { _tag: "Resize" })
  const restore = () => {
    if (stdin.isTTY && !stdin.destroyed) stdin.setRawMode(false)
    stdout.write(leaveAlternateScreen)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      // Restores the terminal if a bug or a second signal ends the process before the scope closes.
      process.once("exit", restore)
      stdin.setRawMode(true)
      stdin.setEncoding("utf8")
      stdin.on("data", onData).on("end", onEnd).on("error", onEnd)
      stdout.on("resize", onResize)
      stdout.write(enterAlternateScreen)
    }),
    () =>
      Effect.sync(() => {
        clearTimeout(timer)
        process.off("exit", restore)
        stdin.off("data", onData).off("end", onEnd).off("error", onEnd).pause()
        stdout.off("resize", onResize)
        restore()
      })
  )
  const screen: TerminalScreen = {
    events,
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    draw: (lines, { columns, rows }) =>
      Effect.callback<void>(
        (resume) => void stdout.write(frame(lines, columns, rows, coloured), () => resume(Effect.void))
      )
  }
  return screen
})
