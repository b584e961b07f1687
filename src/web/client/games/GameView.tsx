/** The view of a game: its board where the browser has control, else a board to watch, or how to get control. */
import type { ComponentChild } from "preact"
import { useEffect, useRef } from "preact/hooks"
import type { Game } from "../../PageState.ts"
import { usePage } from "../hooks.tsx"
import { memo } from "../parts/memo.tsx"
import { Empty, View } from "../parts/View.tsx"
import * as Route from "../Route.ts"
import { Board } from "./Board.tsx"
import { GuessBoard } from "./GuessBoard.tsx"
import { HangmanBoard } from "./HangmanBoard.tsx"
import { LinesBoard } from "./LinesBoard.tsx"
import type * as Play from "./Play.ts"
import { Foot } from "./parts.tsx"
import { useBoard, usePlay } from "./usePlay.tsx"

/** Words for the games. */
const words: Readonly<Record<Game, { readonly title: string; readonly again: string }>> = {
  board: { title: "Board", again: "Join again" },
  hangman: { title: "Hangman", again: "New game" },
  guess: { title: "Number guessing", again: "New game" }
}

/** The latest view of a game, drawn. */
const Drawn = (props: {
  readonly state: Play.State
  readonly say: (line: string) => void
  readonly foot: ComponentChild
}) => {
  const { foot, say, state } = props
  const { view } = state
  const isRunning = state.phase === "running"
  switch (view?._tag) {
    case undefined:
      return (
        <div class="panel stack">
          {state.phase !== "ended" && <p class="muted">Waiting for the server.</p>}
          {foot}
        </div>
      )
    case "Board":
      return (
        <Board
          view={view.board}
          player={isRunning ? view.player : 0}
          result={view.result}
          onCommand={say}
          foot={foot}
        />
      )
    case "Hangman":
      return <HangmanBoard game={view} number={state.views} isRunning={isRunning} say={say} foot={foot} />
    case "Guess":
      return <GuessBoard range={view} guesses={view.guesses} isRunning={isRunning} say={say} foot={foot} />
    case "Lines":
      return <LinesBoard lines={view.lines} isRunning={isRunning} say={say} foot={foot} />
  }
}

/**
 * Joins a board again when the page is connected again, since its game has no end. A component of its own, so that
 * the board is not drawn again with each update of the page.
 */
const Rejoin = (props: { readonly isWanted: boolean; readonly restart: () => void }) => {
  const { status } = usePage()
  const wasLost = useRef(false)
  useEffect(() => {
    if (status === "lost") wasLost.current = true
    if (status !== "live" || !wasLost.current || !props.isWanted) return
    wasLost.current = false
    props.restart()
  }, [status, props.isWanted, props.restart])
  return null
}

const Played = ({ game, service }: { readonly game: Game; readonly service: string }) => {
  const { restart, say, state } = usePlay(service)
  const player = state.view?._tag === "Board" && state.phase === "running" ? state.view.player : 0
  return (
    <>
      <Rejoin isWanted={game === "board" && state.phase === "ended"} restart={restart} />
      {player > 0 && (
        <p class="muted">
          You are client {player}. Your squares stay on the board; if you come back, you are another client.
        </p>
      )}
      <Drawn state={state} say={say} foot={<Foot state={state} again={words[game].again} restart={restart} />} />
    </>
  )
}

const WatchedBoard = ({ service }: { readonly service: string }) => {
  const { board, error } = useBoard(service)
  return (
    <>
      {error !== undefined && <p class="game-result game-bad">{error}</p>}
      {board === undefined ? (
        error === undefined && <p class="muted">Waiting for the board.</p>
      ) : (
        <Board view={board} player={0} onCommand={() => {}} />
      )}
    </>
  )
}

/** Says how to get control of the process. */
const ReadOnly = ({ game, hasControl }: { readonly game: Game; readonly hasControl: boolean }) => (
  <div class="panel stack game-readonly" role="note">
    <h2>{game === "board" ? "You are watching" : "This page only watches"}</h2>
    <p>
      {hasControl ? (
        "To play, open the link with the token that the process printed when it started."
      ) : (
        <>
          To play, start the process with <code>--control</code>, and open the link with the token that it prints.
        </>
      )}
    </p>
  </div>
)

/** The game, drawn apart from the state of the page. */
const Content = memo(
  (props: {
    readonly game: Game
    readonly service: string
    readonly hasControl: boolean
    readonly isAllowed: boolean
  }) => {
    const { game, hasControl, isAllowed, service } = props
    if (isAllowed) return <Played game={game} service={service} />
    return (
      <>
        <ReadOnly game={game} hasControl={hasControl} />
        {game === "board" && <WatchedBoard service={service} />}
      </>
    )
  }
)

/** The view of the game of a service. */
export const PlayView = ({ service }: { readonly service: string }) => {
  const { control, snapshot } = usePage()
  const game = snapshot.services.find(({ name }) => name === service)?.game
  const { hasControl, isAllowed } = control
  if (game === undefined) {
    return (
      <View title={`Play ${service}`}>
        <Empty text={`No game runs as ${service}.`}>
          <a href="#/">The overview lists all services</a>
        </Empty>
      </View>
    )
  }
  const link = Route.format({ page: "service", service })
  return (
    <View title={words[game].title} aside={<a href={link}>Service {service}</a>}>
      <Content game={game} service={service} hasControl={hasControl} isAllowed={isAllowed} />
    </View>
  )
}
