/** Hooks of games: a game that this browser plays, and a board that it watches. */
import { useEffect, useRef, useState } from "preact/hooks"
import type { BoardView } from "../../PageRpc.ts"
import { useClient } from "../hooks.tsx"
import type * as PageClient from "../PageClient.ts"
import * as Play from "./Play.ts"

/** A game that this browser plays. */
export interface Played {
  readonly state: Play.State
  readonly say: (line: string) => void
  /** Starts a new game, in place of this one. */
  readonly restart: () => void
}

/** Plays the game of a service while the caller is shown. */
export const usePlay = (service: string): Played => {
  const client = useClient()
  const [state, show] = useState(Play.initial)
  const [round, setRound] = useState(0)
  const current = useRef<PageClient.Play>()
  useEffect(() => {
    let isCurrent = true
    const step = (event: Play.Event) => {
      if (isCurrent) show((before) => Play.step(before, event))
    }
    show(Play.initial)
    const played = client.play(service, {
      view: (view) => step({ _tag: "View", view }),
      error: (message) => step({ _tag: "Failed", message })
    })
    current.current = {
      say: async (line) => {
        const error = await played.say(line)
        step({ _tag: "Said", error })
        return error
      },
      stop: played.stop
    }
    return () => {
      isCurrent = false
      played.stop()
    }
  }, [client, service, round])
  return {
    state,
    say: (line) => {
      current.current?.say(line)
    },
    restart: () => setRound((before) => before + 1)
  }
}

/** A board that this browser watches. */
export interface Watched {
  readonly board: BoardView | undefined
  readonly error: string | undefined
}

/** Watches the board of a service while the caller is shown. */
export const useBoard = (service: string): Watched => {
  const client = useClient()
  const [watched, show] = useState<Watched>({ board: undefined, error: undefined })
  useEffect(
    () =>
      client.board(service, {
        view: (board) => show({ board, error: undefined }),
        error: (error) => show(({ board }) => ({ board, error }))
      }),
    [client, service]
  )
  return watched
}
