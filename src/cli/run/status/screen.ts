/** The status of all on a terminal: a table or a plane, live. The part without a terminal is pure. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { printable } from "../../../network/TerminalText.ts"
import * as HostStatus from "../../../status/HostStatus.ts"
import { clip, type Line } from "../../../terminal/StyledText.ts"
import { Stop } from "../../common/Shutdown.ts"
import type { Game, Step } from "../games/fullScreen.ts"
import * as gameLoop from "../games/fullScreen.ts"
import * as Plane from "./map.ts"
import type * as Join from "./peer.ts"
import * as Table from "./table.ts"
import { type Neighbour, teller } from "./text.ts"

/** What the screen learns. */
export type News =
  | { readonly _tag: "Peers"; readonly peers: ReadonlyArray<Neighbour> }
  | { readonly _tag: "Told"; readonly line: string }

/** What is on the screen. */
export interface State extends Table.View {
  readonly isPlane: boolean
}

/** Lines of what has happened that are kept. */
const kept = 20

const learn = (state: State, news: News): State =>
  news._tag === "Peers"
    ? { ...state, peers: news.peers }
    : { ...state, recent: [...state.recent, news.line].slice(-kept) }

const step = (state: State, event: gameLoop.Event<News>): Step<State> => {
  switch (event._tag) {
    case "News":
      return [learn(state, event.news)]
    case "Up":
    case "Down":
    case "Left":
    case "Right":
      return [state, { _tag: "Send", text: event._tag }]
    case "Character":
      if (event.character === "q") return [state, { _tag: "Done" }]
      return [event.character === " " ? { ...state, page: state.page + 1 } : state]
    // A peer that is told to go has done its work, as a server has.
    case "Interrupt":
    case "Escape":
    case "EndOfInput":
      return [state, { _tag: "Done" }]
    default:
      return [state]
  }
}

const place = ({ peers }: State) => {
  const payload = peers.find(({ self }) => self)?.payload
  return payload === undefined ? "" : `you are at ${payload.x},${payload.y}; `
}

/** All rows of the course's screen are for names; what else there is to say has a larger one. */
const drawPlane = (state: State, columns: number, rows: number): ReadonlyArray<Line> => {
  const height = Math.min(rows, HostStatus.bounds.y + 1)
  const below: ReadonlyArray<Line> = [
    [{ text: `${place(state)}${Table.summary(state.peers)}; ${Table.keysOf(state.peers)}`, ink: "dim" }],
    ...state.recent.slice(-1).map((text) => [{ text }])
  ]
  return [
    ...Plane.draw(state.peers, columns, height),
    ...below.slice(0, rows - height).map((line) => clip(line, columns))
  ]
}

/** The screen as values and pure functions. */
export const game = (title: string, isPlane: boolean): Game<State, News> => ({
  first: { title, isPlane, peers: [], page: 0, recent: [] },
  step,
  draw: (state, columns, rows) => (state.isPlane ? drawPlane : Table.draw)(state, columns, rows)
})

/** News that wait for a slow terminal. */
const capacity = 256

const isKey = (text: string): text is HostStatus.Key => ["Up", "Down", "Left", "Right"].includes(text)

/** Shows what `join` finds until a key or a signal ends it; what is logged meanwhile is shown, too. */
export const show = Effect.fnUntraced(function* <E, R>(
  join: Effect.Effect<Effect.Success<ReturnType<typeof Join.join>>, E, R>,
  name: string,
  isPlane: boolean
) {
  const inbox = yield* Queue.sliding<News>(capacity)
  const say = (line: string | undefined) => {
    if (line !== undefined) Queue.offerUnsafe(inbox, { _tag: "Told", line: printable(line) })
  }
  const logger = Logger.make<unknown, void>(({ message }) => say([message].flat().map(String).join(" ")))
  yield* Effect.gen(function* () {
    const { move, peer } = yield* join
    const tell = teller()
    const changes = Stream.runForEach(peer.changes, (change) => Effect.sync(() => say(tell(change))))
    const peers = Stream.runForEach(SubscriptionRef.changes(peer.peers), (peers) =>
      Queue.offer(inbox, { _tag: "Peers", peers })
    )
    yield* Effect.forkScoped(changes, { startImmediately: true })
    yield* Effect.forkScoped(peers)
    const talk: gameLoop.Talk<News, never> = {
      next: Queue.take(inbox),
      send: (key) => (isKey(key) ? move(key) : Effect.void)
    }
    const title = `status of ${printable(name)}, ${peer.label}`
    yield* Effect.raceFirst(gameLoop.play(talk, game(title, isPlane)), yield* Stop)
  }).pipe(Effect.provide(Logger.layer([logger])))
})
