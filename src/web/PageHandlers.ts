/** The handlers of the page's requests. Those that change something need the token of `--control`. */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Rpc from "effect/rpc/Rpc"
import * as Stream from "effect/Stream"
import * as EncodedUpdate from "./EncodedUpdate.ts"
import type * as GameSessions from "./games/GameSessions.ts"
import type * as PageHub from "./PageHub.ts"
import { PageError, PageRpc } from "./PageRpc.ts"
import * as PageToken from "./PageToken.ts"
import type * as PacketWatch from "./packets/PacketWatch.ts"

/** Parts of the process on which the requests act. */
export interface Options {
  readonly hub: Pick<PageHub.PageHub, "encodedUpdates">
  readonly version: string
  readonly token?: Redacted.Redacted | undefined
  readonly isReadOnly?: boolean | undefined
  readonly packets?: Pick<PacketWatch.PacketWatch, "watch"> | undefined
  readonly games?: Pick<GameSessions.GameSessions, "board" | "play" | "say"> | undefined
  readonly restart?: ((service: string) => Effect.Effect<void, PageError>) | undefined
}

/** The requests as the server answers them: on the wire those of `PageRpc`, but an update is encoded already. */
export const group = PageRpc.omit("watch").add(Rpc.make("watch", { success: EncodedUpdate.schema, stream: true }))

const withoutControl = new PageError({
  reason: "Forbidden",
  message: "this process only shows its state; start it with --control to play and to restart"
})

const withoutToken = new PageError({
  reason: "Forbidden",
  message: "this browser only watches; open the link with the token that the process has printed"
})

const unavailable = (what: string) =>
  new PageError({ reason: "Unavailable", message: `${what} by the page of this process` })

const withoutPackets = unavailable("packets are not shown")
const withoutGames = unavailable("games are not played")
const withoutRestart = unavailable("services are not restarted")

const gameEnded = new PageError({ reason: "NotFound", message: "this game has ended; play again" })

/** Games of the browsers: a browser may send a line only to its own. */
const makeOwners = () => {
  const sessions = new Map<number, number>()
  return {
    add: (session: number, clientId: number) => void sessions.set(session, clientId),
    remove: (session: number) => void sessions.delete(session),
    has: (session: number, clientId: number) => sessions.get(session) === clientId
  }
}

/** Builds the handlers. */
export const make = ({ games, hub, isReadOnly = false, packets, restart, token, version }: Options) => {
  const owners = makeOwners()

  const authorize = (given: string): Effect.Effect<void, PageError> => {
    if (token === undefined) return Effect.fail(withoutControl)
    return PageToken.matches(token, given) ? Effect.void : Effect.fail(withoutToken)
  }

  /** Plays a game whose session belongs to a browser while the stream runs. */
  const play = (sessions: NonNullable<typeof games>, service: string, clientId: number) =>
    Stream.suspend(() => {
      const started = new Set<number>()
      return sessions.play(service).pipe(
        Stream.tap((view) =>
          Effect.sync(() => {
            if (view._tag !== "Started") return
            started.add(view.session)
            owners.add(view.session, clientId)
          })
        ),
        Stream.ensuring(
          Effect.sync(() => {
            for (const session of started) owners.remove(session)
          })
        )
      )
    })

  return group.toHandlers({
    about: ({ token: given }) =>
      Effect.sync(() => ({
        version,
        hasControl: token !== undefined,
        ...(isReadOnly ? { isReadOnly } : {}),
        isAllowed: PageToken.matches(token, given)
      })),
    watch: () => hub.encodedUpdates,
    packets: ({ service }) => (packets === undefined ? Stream.fail(withoutPackets) : packets.watch(service)),
    board: ({ service }) => (games === undefined ? Stream.fail(withoutGames) : games.board(service)),
    play: ({ service, token: given }, { client }) =>
      Stream.unwrap(
        Effect.map(authorize(given), () =>
          games === undefined ? Stream.fail(withoutGames) : play(games, service, client.id)
        )
      ),
    say: ({ line, session, token: given }, { client }) =>
      Effect.andThen(
        authorize(given),
        Effect.suspend(() => {
          if (games === undefined) return Effect.fail(withoutGames)
          return owners.has(session, client.id) ? games.say(session, line) : Effect.fail(gameEnded)
        })
      ),
    restart: ({ service, token: given }) =>
      Effect.andThen(
        authorize(given),
        Effect.suspend(() => (restart === undefined ? Effect.fail(withoutRestart) : restart(service)))
      )
  })
}
