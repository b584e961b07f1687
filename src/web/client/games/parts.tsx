/** Parts that all games share: the line of results, the end of a game, and forms of one field. */
import type { ComponentChildren } from "preact"
import { useEffect, useId, useRef, useState } from "preact/hooks"
import type * as Play from "./Play.ts"

/**
 * A line that a screen reader announces when its `number` changes, also if the text is the same. It keeps its height
 * when it is empty.
 */
export const Result = (props: {
  readonly number: number
  readonly tone?: "plain" | "good" | "bad" | undefined
  /** True for a line that is mostly empty, and has no height then. */
  readonly isRare?: boolean | undefined
  readonly children?: ComponentChildren
}) => (
  <div class={`game-result game-${props.tone ?? "plain"}${props.isRare === true ? " game-rare" : ""}`} role="status">
    <div key={props.number}>{props.children}</div>
  </div>
)

/** The foot of a game: a refused line or why the game has ended, and after its end a button for the next one. */
export const Foot = (props: {
  readonly state: Play.State
  /** Label of the button. */
  readonly again: string
  readonly restart: () => void
}) => {
  const { notice, phase } = props.state
  const button = useRef<HTMLButtonElement>(null)
  // The control that had the focus is gone at the end of the game.
  useEffect(() => {
    if (phase === "ended" && document.activeElement === document.body) button.current?.focus()
  }, [phase])
  return (
    <>
      <Result number={notice?.number ?? 0} tone={notice?.tone} isRare>
        {notice?.text}
      </Result>
      {phase === "ended" && (
        <div class="row">
          <button ref={button} type="button" class="button button-primary" onClick={props.restart}>
            {props.again}
          </button>
        </div>
      )}
    </>
  )
}

/** A form of one field and one button. The field is empty again after its line was sent. */
export const LineForm = (props: {
  readonly label: string
  readonly button: string
  readonly maxLength: number
  readonly onLine: (line: string) => void
  /** Returns why a line is not sent. */
  readonly problemOf?: ((line: string) => string | undefined) | undefined
  readonly isNumeric?: boolean | undefined
  readonly isPrimary?: boolean | undefined
  readonly autoComplete?: string | undefined
  readonly children?: ComponentChildren
}) => {
  const id = useId()
  const [line, setLine] = useState("")
  const [problem, setProblem] = useState<string>()
  const field = useRef<HTMLInputElement>(null)
  const submit = (event: Event) => {
    event.preventDefault()
    const found = props.problemOf?.(line)
    setProblem(found)
    if (found !== undefined) {
      // What is typed next replaces the refused line.
      field.current?.focus()
      field.current?.select()
      return
    }
    props.onLine(line)
    setLine("")
  }
  return (
    <form class="game-form" onSubmit={submit} noValidate>
      <label for={id}>{props.label}</label>
      <div class="row">
        <input
          id={id}
          ref={field}
          class="field"
          type="text"
          inputMode={props.isNumeric === true ? "numeric" : "text"}
          autoComplete={props.autoComplete ?? "off"}
          autoCapitalize="none"
          spellcheck={false}
          maxLength={props.maxLength}
          value={line}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-problem`}
          onInput={({ currentTarget }) => setLine(currentTarget.value)}
        />
        <button type="submit" class={props.isPrimary === false ? "button" : "button button-primary"}>
          {props.button}
        </button>
        {props.children}
      </div>
      <p id={`${id}-problem`} class="game-problem" role="status">
        {problem}
      </p>
    </form>
  )
}
