/** Live table or map on a terminal. All but `show` is pure. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
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

/** Input of the screen: the current peers, or a line for the log. */
export type ScreenUpdate =
  | { readonly _tag: "Peers"; readonly peers: ReadonlyArray<HostPeer> }
  | { readonly _tag: "Log"; readonly line: string }

/** State of the screen. */
export interface State extends Table.View {
  readonly isMap: boolean
}

/** Length of the log of changes. */
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
    // An interrupt ends the command with success, as it does for a server.
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

/** Draws the map. Its rows are all for names, as on the course's screen; a higher terminal shows a summary below. */
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

/** Returns the screen as a state machine for the full-screen loop. */
export const game = (title: string, isMap: boolean): Game<State, ScreenUpdate> => ({
  initial: { title, isMap, peers: [], page: 0, recent: [] },
  step,
  draw: (state, columns, rows) => (state.isMap ? drawMap : Table.draw)(state, columns, rows)
})

/** Updates buffered for a slow terminal. */
const maxQueuedNews = 256

const isKey = (text: string): text is HostStatus.CursorKey => ["Up", "Down", "Left", "Right"].includes(text)

/** Shows the peers until a key or a signal ends it. Log messages are shown on the screen, too. */
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
    const changes = Stream.runForEach(peer.events, (change) => Effect.sync(() => showLine(describe(change))))
    const peers = Stream.runForEach(peer.peers.changes, (peers) => Queue.offer(inbox, { _tag: "Peers", peers }))
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
