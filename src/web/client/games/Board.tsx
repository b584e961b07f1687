/** The board: a grid of buttons that arrow keys move over, the owners, and the latest messages. */
import type { ComponentChild } from "preact"
import { useRef, useState } from "preact/hooks"
import type { BoardView } from "../../PageRpc.ts"
import * as Format from "../Format.ts"
import { memo } from "../parts/memo.tsx"
import * as BoardCursor from "./BoardCursor.ts"
import { Result } from "./parts.tsx"

/** Largest board whose squares have their full size. */
const maxWideSquares = 12

/** Number of messages that are shown, the newest first. */
const shownMessages = 8

const attribute = ({ x, y }: BoardCursor.Square) => `${x} ${y}`

/** Returns the square of an element within the grid. */
const squareOf = (target: EventTarget | null): BoardCursor.Square | undefined => {
  const at = target instanceof Element ? target.closest<HTMLElement>("[data-at]")?.dataset.at : undefined
  if (at === undefined) return undefined
  const [x = 0, y = 0] = at.split(" ").map(Number)
  return { x, y }
}

const SquareButton = (props: {
  readonly at: BoardCursor.Square
  readonly owner: number
  readonly player: number
  readonly isCursor: boolean
  readonly isSwapped: boolean
}) => {
  const { at, owner, player } = props
  const label = `${at.x} ${at.y}, ${BoardCursor.describeOwner(owner, player)}${props.isSwapped ? ", first of a swap" : ""}`
  return (
    <button
      type="button"
      class={`board-square ${BoardCursor.classOf(owner, player)}${props.isSwapped ? " board-swap" : ""}`}
      tabIndex={props.isCursor ? 0 : -1}
      aria-label={label}
      data-at={attribute(at)}
      // Drawn by the stylesheet: the label says more than the number.
      data-owner={owner === 0 ? "·" : owner}
    />
  )
}

const Grid = (props: {
  readonly board: BoardCursor.Board
  readonly position: BoardCursor.State
  readonly onEvent: (event: BoardCursor.Event) => void
}) => {
  const { board, position } = props
  const table = useRef<HTMLTableElement>(null)
  const focus = (square: BoardCursor.Square) =>
    table.current?.querySelector<HTMLElement>(`[data-at="${attribute(square)}"]`)?.focus()
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const square = BoardCursor.moveTo(squareOf(event.target) ?? position.cursor, event.key, board.grid.length)
    if (square === undefined) return props.onEvent({ _tag: "Key", key: event.key })
    event.preventDefault()
    focus(square)
  }
  const onFocusIn = (event: FocusEvent) => {
    const square = squareOf(event.target)
    if (square !== undefined) props.onEvent({ _tag: "Focus", square })
  }
  const onClick = (event: MouseEvent) => {
    const square = squareOf(event.target)
    if (square !== undefined) props.onEvent({ _tag: "Press", square })
  }
  return (
    <div class="board-box">
      <table
        style={{ "--squares": board.grid.length }}
        ref={table}
        class="board"
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a grid of buttons may be a table.
        role="grid"
        aria-label="Squares"
        onKeyDown={onKeyDown}
        onFocusIn={onFocusIn}
        onClick={onClick}
      >
        <thead>
          <tr>
            <td />
            {board.grid.map((_, x) => (
              <th key={x} scope="col">
                {x}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {board.grid.map((owners, y) => (
            <tr key={y}>
              <th scope="row">{y}</th>
              {owners.map((owner, x) => (
                <td key={x}>
                  <SquareButton
                    at={{ x, y }}
                    owner={owner}
                    player={board.player}
                    isCursor={BoardCursor.isSame(position.cursor, { x, y })}
                    isSwapped={BoardCursor.isSame(position.swapFrom, { x, y })}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const Tools = (props: {
  readonly position: BoardCursor.State
  readonly onEvent: (event: BoardCursor.Event) => void
}) => {
  const { cursor, swapFrom } = props.position
  return (
    <div class="stack board-tools">
      <div class="row">
        <button type="button" class="button" onClick={() => props.onEvent({ _tag: "ClaimRow" })}>
          Claim row {cursor.y}
        </button>
        <button
          type="button"
          class="button"
          aria-pressed={swapFrom !== undefined}
          onClick={() => props.onEvent({ _tag: "Swap" })}
        >
          {swapFrom === undefined ? `Swap ${cursor.x} ${cursor.y} with…` : "Cancel the swap"}
        </button>
      </div>
      <p class="hint muted small">
        On the board: arrow keys move, <kbd>Enter</kbd> claims, <kbd>R</kbd> claims the row, <kbd>S</kbd> starts a swap
        and <kbd>Esc</kbd> cancels it. One square of a swap must be yours.
      </p>
      <p class="hint-touch muted small">
        Tap a vacant square to claim it. Tap one of yours, and then another one, to swap them.
      </p>
    </div>
  )
}

const Owners = memo((board: BoardCursor.Board) => {
  const scores = BoardCursor.scoresOf(board)
  const vacant = board.grid.flat().filter((owner) => owner === 0).length
  return (
    <section class="panel" aria-labelledby="board-owners">
      <h2 id="board-owners">Squares</h2>
      <ul class="board-owners">
        {scores.slice(0, 12).map(([owner, squares]) => (
          <li key={owner}>
            <span class={`board-square board-key ${BoardCursor.classOf(owner, board.player)}`} aria-hidden="true">
              {owner}
            </span>
            <span>{owner === board.player ? "You" : `Client ${owner}`}</span>
            <span class="number">{Format.count(squares)}</span>
          </li>
        ))}
        {scores.length > 12 && <li class="muted">and {Format.plural(scores.length - 12, "more client")}</li>}
        <li class="muted">
          <span class="board-square board-key board-vacant" aria-hidden="true">
            ·
          </span>
          <span>Vacant</span>
          <span class="number">{Format.count(vacant)}</span>
        </li>
      </ul>
    </section>
  )
})

const Messages = ({ messages }: { readonly messages: ReadonlyArray<string> }) => (
  <section class="panel" aria-labelledby="board-messages">
    <h2 id="board-messages">Latest</h2>
    {messages.length === 0 ? (
      <p class="muted">No changes yet.</p>
    ) : (
      <ol class="board-messages">
        {messages
          .slice(-shownMessages)
          .reverse()
          .map((message, at) => (
            <li key={messages.length - at} class="wrap">
              {message}
            </li>
          ))}
      </ol>
    )}
  </section>
)

const swapHint = ({ x, y }: BoardCursor.Square) =>
  `Swap ${x} ${y}: choose the other square, or this one again to cancel.`

/** A board, and the controls of its player. A watcher has a board without them. */
export const Board = (props: {
  readonly view: BoardView
  /** Number of this player; 0 of a watcher. */
  readonly player: number
  readonly result?: { readonly number: number; readonly text: string } | undefined
  readonly onCommand: (command: string) => void
  readonly foot?: ComponentChild
}) => {
  const { onCommand, player, result, view } = props
  const board: BoardCursor.Board = { grid: view.grid, player }
  const [kept, setPosition] = useState(BoardCursor.initial)
  const fitted = BoardCursor.fit(kept, Math.max(1, view.grid.length))
  const position = player === 0 ? { ...fitted, swapFrom: undefined } : fitted
  const onEvent = (event: BoardCursor.Event) => {
    const [next, command] = BoardCursor.step(position, board, event)
    setPosition(next)
    if (command !== undefined) onCommand(command)
  }
  if (view.grid.length === 0) return <p class="muted">{view.messages.at(-1) ?? "Waiting for the board."}</p>
  return (
    <div class={view.grid.length > maxWideSquares ? "board-layout board-layout-dense" : "board-layout"}>
      <div class="panel stack board-main">
        <Grid board={board} position={position} onEvent={onEvent} />
        {player > 0 && (
          <>
            <Result number={position.swapFrom === undefined ? (result?.number ?? 0) : -1}>
              {position.swapFrom === undefined ? result?.text : swapHint(position.swapFrom)}
            </Result>
            <Tools position={position} onEvent={onEvent} />
          </>
        )}
        {props.foot}
      </div>
      <div class="board-side">
        <Owners grid={view.grid} player={player} />
        <Messages messages={view.messages} />
      </div>
    </div>
  )
}
