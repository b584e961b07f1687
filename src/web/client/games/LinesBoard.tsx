/** A server whose dialect has no view of its own: its lines as they are, and a field for the next one. */
import type { ComponentChild } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { LineForm } from "./parts.tsx"

/** Longest line that the servers of games take. */
const maxLineChars = 79

/** The lines of a server, and a field for the next line of the player. */
export const LinesBoard = (props: {
  readonly lines: ReadonlyArray<string>
  readonly isRunning: boolean
  readonly say: (line: string) => void
  readonly foot: ComponentChild
}) => {
  const log = useRef<HTMLDivElement>(null)
  useEffect(() => log.current?.scrollTo({ top: log.current.scrollHeight }), [props.lines])
  return (
    <div class="panel stack">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard scrolls what has the focus. */}
      <div ref={log} class="game-lines mono" role="log" aria-label="Lines of the server" tabIndex={0}>
        {props.lines.map((line, at) => (
          <div key={at} class={line.startsWith("> ") ? "game-own" : undefined}>
            {line === "" ? "\u00a0" : line}
          </div>
        ))}
      </div>
      {props.isRunning && (
        <LineForm label="Your line" button="Send" maxLength={maxLineChars} onLine={props.say}>
          <span class="muted small">The server speaks a dialect without a board of its own.</span>
        </LineForm>
      )}
      {props.foot}
    </div>
  )
}
