/** The status of all on a terminal: a table or a plane, live. The part without a terminal is pure. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as HostStatus from "../../../status/HostStatus.ts"
import { clip, type StyledLine } from "../../../terminal/StyledText.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import type { Game, Step } from "../games/fullScreen.ts"
import * as fullScreen from "../games/fullScreen.ts"
import * as StatusMap from "./map.ts"
import type * as LocalPeer from "./peer.ts"
import * as Table from "./table.ts"
import { changeDescriber, type HostPeer } from "./text.ts"

/** What the screen learns. */
export type ScreenUpdate =
  | { readonly _tag: "Peers"; readonly peers: ReadonlyArray<HostPeer> }
  | { readonly _tag: "Log"; readonly line: string }

/** What is on the screen. */
export interface State extends Table.View {
  readonly isMap: boolean
}

/** Lines of what has happened that are kept. */
const maxKeptNewsLines = 20

const applyNews = (state: State, news: ScreenUpdate): State =>
  news._tag === "Peers"
    ? { ...state, peers: news.peers }
    : { ...state, recent: [...state.recent, news.line].slice(-maxKeptNewsLines) }

const step = (state: State, event: fullScreen.Event<ScreenUpdate>): Step<State> => {
  switch (event._tag) {
    case "Received":
      return [applyNews(state, event.message)]
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

const ownPosition = ({ peers }: State) => {
  const payload = peers.find(({ self }) => self)?.payload
  return payload === undefined ? "" : `you are at ${payload.x},${payload.y}; `
}

/** All rows of the course's screen are for names; what else there is to say has a larger one. */
const drawMap = (state: State, columns: number, rows: number): ReadonlyArray<StyledLine> => {
  const height = Math.min(rows, HostStatus.maxPosition.y + 1)
  const below: ReadonlyArray<StyledLine> = [
    [{ text: `${ownPosition(state)}${Table.summary(state.peers)}; ${Table.keyHelp(state.peers)}`, style: "dim" }],
    ...state.recent.slice(-1).map((text) => [{ text }])
  ]
  return [
    ...StatusMap.draw(state.peers, columns, height),
    ...below.slice(0, rows - height).map((line) => clip(line, columns))
  ]
}

/** The screen as values and pure functions. */
export const game = (title: string, isMap: boolean): Game<State, ScreenUpdate> => ({
  initial: { title, isMap, peers: [], page: 0, recent: [] },
  step,
  draw: (state, columns, rows) => (state.isMap ? drawMap : Table.draw)(state, columns, rows)
})

/** News that wait for a slow terminal. */
const maxQueuedNews = 256

const isKey = (text: string): text is HostStatus.CursorKey => ["Up", "Down", "Left", "Right"].includes(text)

/** Shows what `join` finds until a key or a signal ends it; what is logged meanwhile is shown, too. */
export const show = Effect.fnUntraced(function* <E, R>(
  join: Effect.Effect<Effect.Success<ReturnType<typeof LocalPeer.join>>, E, R>,
  name: string,
  isMap: boolean
) {
  const inbox = yield* Queue.sliding<ScreenUpdate>(maxQueuedNews)
  const showLine = (line: string | undefined) => {
    if (line !== undefined) Queue.offerUnsafe(inbox, { _tag: "Log", line: TerminalText.escape(line) })
  }
  const logger = Logger.make<unknown, void>(({ message }) => showLine([message].flat().map(String).join(" ")))
  yield* Effect.gen(function* () {
    const { move, peer } = yield* join
    const describe = changeDescriber()
    const changes = Stream.runForEach(peer.changes, (change) => Effect.sync(() => showLine(describe(change))))
    const peers = Stream.runForEach(SubscriptionRef.changes(peer.peers), (peers) =>
      Queue.offer(inbox, { _tag: "Peers", peers })
    )
    yield* Effect.forkScoped(changes, { startImmediately: true })
    yield* Effect.forkScoped(peers)
    const talk: fullScreen.ServerConversation<ScreenUpdate, never> = {
      next: Queue.take(inbox),
      send: (key) => (isKey(key) ? move(key) : Effect.void)
    }
    const title = `status of ${TerminalText.escape(name)}, ${peer.label}`
    yield* Effect.raceFirst(fullScreen.play(talk, game(title, isMap)), yield* ShutdownSignal)
  }).pipe(Effect.provide(Logger.layer([logger])))
})
