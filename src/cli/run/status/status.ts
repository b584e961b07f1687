/** `status`: a peer on the network and a table of all others. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import * as Ref from "effect/Ref"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as NodeScreen from "../../../terminal/NodeScreen.ts"
import { columns } from "../../../terminal/NodeTerminal.ts"
import type * as PageHub from "../../../web/PageHub.ts"
import type * as PageState from "../../../web/PageState.ts"
import * as PeerSource from "../../../web/sources/PeerSource.ts"
import { UsageError } from "../../common/CliErrors.ts"
import type * as ServerHost from "../../common/ServerHost.ts"
import { ShutdownSignal } from "../../common/Shutdown.ts"
import { withoutSettings } from "../../common/settings/CommandInput.ts"
import * as descriptors from "../common/descriptors.ts"
import * as network from "../common/network.ts"
import * as runServer from "../common/runServer.ts"
import * as LocalPeer from "./peer.ts"
import * as Table from "./table.ts"
import * as Text from "./text.ts"
import * as TransportFlags from "./transport.ts"

interface Input extends TransportFlags.Input, runServer.Operations {
  readonly name: string | undefined
  readonly cluster: string | undefined
  readonly key: string | undefined
  readonly interval: Duration.Duration | undefined
  readonly dialect: "effect-inet" | "course" | undefined
  readonly suspectAfter: number | undefined
  readonly downAfter: number | undefined
  readonly once: boolean
  readonly settle: Duration.Duration | undefined
  readonly listen: boolean
  readonly screen: boolean
  readonly relay: boolean
  /** Name of the service in metrics. */
  readonly service?: string | undefined
}

/** Flags that exclude each other, with the message for the user. */
const flagConflicts: ReadonlyArray<readonly [is: (input: Input) => boolean, message: string]> = [
  [({ once, screen }) => once && screen, "--once and --screen exclude each other: leave one out"],
  [
    ({ json, screen }) => json && screen,
    "--json and --screen exclude each other, since both write to standard output: leave one out"
  ],
  [({ once, settle }) => settle !== undefined && !once, "--settle requires --once: add it, or leave --settle out"],
  [
    ({ listen, name, once }) => name !== undefined && (listen || once),
    "NAME is announced to others, but --listen and --once send nothing: leave NAME out"
  ],
  [
    ({ dialect, listen, once }) => dialect !== undefined && (listen || once),
    "--dialect is for sent packets, but --listen and --once send nothing: leave it out"
  ],
  [({ screen }) => screen && !NodeScreen.isTerminal(), "--screen needs a terminal: leave it out for plain lines"],
  [
    ({ downAfter = 5, suspectAfter = 3 }) => suspectAfter > downAfter,
    "--suspect-after must not be more than --down-after: a peer is suspect before it is down"
  ]
]

/**
 * Prints a line for each change until the process is stopped. Peers that are already in the table are printed as
 * joined.
 */
const lines = Effect.fnUntraced(function* (
  { peer }: Effect.Success<ReturnType<typeof LocalPeer.join>>,
  lineOf: (change: Text.Change, time: string) => string | undefined
) {
  const present = (yield* peer.peers.get).map((peer): Text.Change => ({ _tag: "Joined", peer }))
  const changes = Stream.concat(Stream.fromIterable(present), peer.events)
  const print = Effect.fnUntraced(function* (change: Text.Change) {
    const time = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
    const line = lineOf(change, time)
    if (line !== undefined) yield* Console.log(line)
  })
  yield* Effect.raceFirst(Stream.runForEach(changes, print), yield* ShutdownSignal)
})

const asJson = ({ _tag, peer }: Text.Change, time: string) =>
  JSON.stringify({ change: _tag, ...Text.toJson(peer), time })

const asText = () => {
  const describe = Text.changeDescriber()
  return (change: Text.Change, time: string) => {
    const line = describe(change)
    return line === undefined ? undefined : `${time} ${line}`
  }
}

/** Width of a table that is not printed to a terminal. */
const unlimitedColumns = 1_000

const once = Effect.fnUntraced(function* (
  { peer }: Effect.Success<ReturnType<typeof LocalPeer.join>>,
  settle: Duration.Input,
  json: boolean
) {
  yield* Effect.sleep(settle)
  const peers = yield* peer.peers.get
  if (json) {
    for (const peer of peers) yield* Console.log(JSON.stringify(Text.toJson(peer)))
    return
  }
  const isTerminal = yield* (yield* Stdio.Stdio).stdoutIsTerminal
  yield* Console.log(Table.text(peers, isTerminal ? columns() : unlimitedColumns))
  yield* Console.log(Table.summary(peers))
})

/** The join of a peer, and its address once it has joined. */
const joining = Effect.fnUntraced(function* (input: Input) {
  const open = yield* TransportFlags.choose(input)
  const name = input.name ?? (yield* LocalPeer.nameOf())
  const listenOnly = input.listen || input.once
  let address: NetAddress.InetAddress | undefined
  const transport: typeof open = (receive) =>
    Effect.tap(open(receive), (opened) => {
      address = opened.local
      return Effect.logInfo(LocalPeer.openedMessage(name, listenOnly, opened))
    })
  const join = LocalPeer.join({ ...input, name, listenOnly, transport, flag: "--port" })
  const joined = yield* Ref.make<Effect.Success<typeof join>["peer"] | undefined>(undefined)
  const page: PageHub.Source = {
    peers: Effect.flatMap(
      Ref.get(joined),
      (peer): Effect.Effect<PageHub.Rows<PageState.Peer>> =>
        peer === undefined ? Effect.succeed([]) : PeerSource.make(input.service ?? "status", peer).peers
    )
  }
  const running: ServerHost.Running = { page }
  const joining = Effect.gen(function* () {
    const { move, peer } = yield* join
    yield* Ref.set(joined, peer)
    return { ...running, move, peer, address, stats: peer.stats }
  })
  return { ...running, name, join: joining }
})

const announcedByLog = () => Effect.void

/** Returns the options that do not fit a peer that is looked at, with `--once`, `--listen` or `--screen`. */
const unfitting = ({ listen, once, screen }: Input): ReadonlyArray<keyof Input> => [
  ...(once ? (["relay", "page"] as const) : (["settle"] as const)),
  ...(once || listen ? (["dialect"] as const) : []),
  ...(screen ? (["json"] as const) : [])
]

export const status = Effect.fnUntraced(function* (given: Input) {
  const input = yield* withoutSettings(given, unfitting(given))
  if (input.relay) {
    const { relay } = yield* Effect.promise(() => import("./relay.ts"))
    return yield* relay(input)
  }
  const wrong = flagConflicts.find(([is]) => is(input))
  if (wrong !== undefined) return yield* new UsageError({ message: wrong[1] })
  if (input.once) {
    const { page = "off", settle = "3 seconds" } = input
    if (page !== "off") yield* Effect.logWarning("--page is ignored: with --once the command prints a table and exits")
    return yield* Effect.flatMap(joining(input), ({ join }) =>
      Effect.flatMap(join, (joined) => once(joined, settle, input.json))
    ).pipe(Effect.scoped, Effect.provide(network.layer))
  }
  if (input.json || !NodeScreen.isTerminal()) {
    const join = Effect.flatMap(joining(input), ({ join }) => join)
    return yield* runServer.serve("status", input, join, {
      capacity: descriptors.unlimited,
      announce: announcedByLog,
      serve: (joined) => lines(joined, input.json ? asJson : asText())
    })
  }
  const { show } = yield* Effect.promise(() => import("./screen.ts"))
  // The screen shows what the join logs.
  return yield* runServer.serve("status", input, joining(input), {
    capacity: descriptors.unlimited,
    announce: announcedByLog,
    serve: ({ join, name }) => show(join, name, input.screen)
  })
})
