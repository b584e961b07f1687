/** The terminal as a screen for a game: keys in, frames out, and as it was before when the game is over. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { enter, frame, leave } from "./Ansi.ts"
import { decode, flush, type Key } from "./Keys.ts"
import type { Line } from "./StyledText.ts"

/** How long the rest of a sequence may take before its first byte is the Escape key. */
const patience = 50

/** Keys that nobody has taken yet; a paste of more loses the rest. */
const capacity = 256

/** What happens at a screen. */
export type ScreenEvent = Key | { readonly _tag: "Resize" }

interface Screen {
  readonly events: Queue.Dequeue<ScreenEvent>
  readonly size: () => { readonly columns: number; readonly rows: number }
  /** Waits until the terminal has taken it. */
  readonly draw: (lines: ReadonlyArray<Line>) => Effect.Effect<void>
}

/** Whether standard input and output are a terminal that can be drawn on. */
export const isTerminal = () =>
  process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.TERM !== "dumb"

/** Takes the terminal until the scope closes, or the process ends in whatever way. */
export const open = Effect.gen(function* () {
  const { stdin, stdout } = process
  const events = yield* Queue.dropping<ScreenEvent>(capacity)
  const coloured = (process.env.NO_COLOR ?? "") === ""
  let rest = ""
  let timer: NodeJS.Timeout | undefined
  const offer = (keys: ReadonlyArray<Key>) => {
    for (const key of keys) Queue.offerUnsafe(events, key)
  }
  const onData = (chunk: string) => {
    clearTimeout(timer)
    const step = decode(rest, chunk)
    rest = step.rest
    offer(step.keys)
    if (rest === "") return
    timer = setTimeout(() => {
      offer(flush(rest))
      rest = ""
    }, patience)
  }
  const onEnd = () => void Queue.offerUnsafe(events, { _tag: "EndOfInput" })
  const onResize = () => void Queue.offerUnsafe(events, { _tag: "Resize" })
  const restore = () => {
    if (stdin.isTTY && !stdin.destroyed) stdin.setRawMode(false)
    stdout.write(leave)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      // The scope restores it; this does when a bug or a second signal ends the process before.
      process.once("exit", restore)
      stdin.setRawMode(true)
      stdin.setEncoding("utf8")
      stdin.on("data", onData).on("end", onEnd).on("error", onEnd)
      stdout.on("resize", onResize)
      stdout.write(enter)
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
  const screen: Screen = {
    events,
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    draw: (lines) =>
      Effect.callback<void>((resume) => void stdout.write(frame(lines, coloured), () => resume(Effect.void)))
  }
  return screen
})
