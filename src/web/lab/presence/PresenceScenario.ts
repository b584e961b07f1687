/**
 * Presence of five hosts: each sends its status to the others, and takes a silent one for suspect, then for down.
 *
 * The peers are those of the status service, over its mesh transport: one packet for each
 * receiver, so that the diagram shows which of them a loss concerns.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as SimHost from "../../../simulation/network/SimHost.ts"
import type * as Peer from "../../../status/Peer.ts"
import * as StatusPeer from "../../../status/StatusPeer.ts"
import * as Mesh from "../../../status/transport/Mesh.ts"
import * as StatusPacket from "../../../status/wire/StatusPacket.ts"
import * as Link from "../Link.ts"
import type * as Recorder from "../Recorder.ts"
import * as Scenario from "../Scenario.ts"
import type { Settings } from "../Settings.ts"
import * as Events from "./Events.ts"
import * as Views from "./Views.ts"

/** Time of the event. */
const startMillis = 4_000

/** Intervals after the event: its end, and the end of the run. */
const intervals = { event: 7, run: 12 }

const Payload = Schema.Struct({})

type Message = StatusPacket.StatusPacket | undefined
type World = Scenario.World<Message>

const describe: Scenario.Scenario<Message>["describe"] = ({ bytes }): Recorder.Described<Message> => {
  const message = Result.getOrUndefined(StatusPacket.decode(bytes))?.packet
  if (message === undefined) return { kind: "?", label: Scenario.count(bytes.length, "byte"), message }
  const kind = message.goodbye ? "GOODBYE" : "STATUS"
  return { kind, label: `${kind} ${message.name} #${message.sequence}`, message }
}

/** The part of a run that its peers share. */
interface Cluster {
  readonly world: World
  readonly event: Events.Event
  readonly times: Events.Times
  readonly intervalMillis: number
  /** The present view of each host. */
  readonly views: Map<string, Views.View>
  /** False alarms: hosts that were taken for down although they could be reached. */
  falseAlarms: number
  /** Time of the latest `Down` or `Left`. */
  noticedAtMillis: number | undefined
}

/** Remarks on changes; those without one need none. */
const remarkTexts: Partial<Record<Peer.Change<unknown>["_tag"], (peer: Peer.Peer<unknown>) => string>> = {
  Suspect: ({ missed, name }) => `${name} is suspect: ${Scenario.count(missed, "packet")} missing in a row`,
  Down: ({ age, name }) => `${name} is down: no packet for ${Scenario.duration(age)}`,
  Left: ({ name }) => `${name} has left: it said goodbye`,
  Restarted: ({ name }) => `${name} is back, as a new incarnation`,
  Alive: ({ name }) => `${name} is alive again`
}

const isAlarm = (tag: Peer.Change<unknown>["_tag"]) => tag === "Suspect" || tag === "Down"

/** Shows what a host believes after a change. */
const onChange = (
  cluster: Cluster,
  host: string,
  { _tag, peer }: Pick<Peer.Change<unknown>, "_tag" | "peer">,
  view: Views.View,
  atMillis: number
) => {
  const { event, times, views, world } = cluster
  views.set(host, view)
  world.recorder.state({ atMillis, host, state: Views.describe(view), variables: Views.variables(host, view) })
  const text = remarkTexts[_tag]?.(peer)
  if (text === undefined) return
  const isFalse = isAlarm(_tag) && Events.isReachable(event, times, [host, peer.name], atMillis)
  if (_tag === "Down" && isFalse) cluster.falseAlarms++
  if (_tag === "Down" || _tag === "Left") cluster.noticedAtMillis = atMillis
  const remark = isFalse ? `${text}; but it runs, and can be reached` : text
  world.recorder.remark({ atMillis, host, text: remark, tone: isFalse ? "warning" : "plain" })
}

/** Runs a peer on a host, until its scope closes. */
const runPeer = Effect.fnUntraced(function* (host: SimHost.SimHost, cluster: Cluster) {
  const { intervalMillis, world } = cluster
  const others = world.hosts.filter((other) => other !== host)
  const peer = yield* StatusPeer.make({
    name: host.name,
    schema: Payload,
    payload: {},
    interval: intervalMillis,
    transport: Mesh.make({ peers: others.map(({ address }) => ({ address })) })
  })
  const look = Effect.map(peer.peers.get, (peers): Views.View => {
    return new Map(peers.flatMap(({ name, self, state }) => (self ? [] : [[name, state]])))
  })
  const show = (change: Peer.Change<unknown>) =>
    Effect.zipWith(look, Scenario.now, (view, atMillis) => onChange(cluster, host.name, change, view, atMillis))
  const atMillis = yield* Scenario.now
  const view = yield* look
  cluster.views.set(host.name, view)
  world.recorder.state({
    ...{ atMillis, host: host.name, state: Views.describe(view) },
    variables: Views.variables(host.name, view)
  })
  yield* Effect.forkScoped(Stream.runForEach(peer.events, show), { startImmediately: true })
})

const startHost = (host: SimHost.SimHost, cluster: Cluster) => {
  const peer = Effect.orDie(runPeer(host, cluster))
  if (cluster.event !== "leave" || host.name !== Events.victim) return host.start(peer)
  const left = Effect.sync(() =>
    cluster.world.recorder.state({ atMillis: startMillis, host: host.name, state: "left", variables: [] })
  )
  return host.start(Effect.andThen(Effect.scoped(Effect.andThen(peer, Effect.sleep(startMillis))), left))
}

/** Shows that a host does not run between the times of its crash; a restarted peer shows its state itself. */
const showCrash = ({ event, times, world }: Cluster) => {
  if (event !== "crash" && event !== "restart") return
  const { victim } = Events
  world.recorder.state({ atMillis: times.startMillis, host: victim, state: "crashed", variables: [] })
}

/** Makes the scenario. */
export const make = (settings: Settings): Scenario.Scenario<Message> => {
  const event = settings.choices.event as Events.Event
  const intervalMillis = Number(settings.choices.interval)
  const times = { startMillis, endMillis: startMillis + intervals.event * intervalMillis }
  const endMillis = startMillis + intervals.run * intervalMillis
  return {
    hosts: Views.names,
    transport: "udp",
    faults: [...Events.faults(event, times), ...Link.faults(settings, 3 * settings.delayMillis + intervalMillis)],
    limitMillis: 2 * endMillis,
    describe,
    observe: Scenario.observeNothing,
    program: Effect.fnUntraced(function* (world) {
      const cluster: Cluster = {
        ...{ world, event, times, intervalMillis, views: new Map<string, Views.View>() },
        ...{ falseAlarms: 0, noticedAtMillis: undefined }
      }
      for (const remark of Events.remarks(event, times)) world.recorder.remark(remark)
      showCrash(cluster)
      yield* Effect.forEach(world.hosts, (host) => startHost(host, cluster), { discard: true })
      yield* Effect.sleep(endMillis)
      return endingOf(cluster, endMillis)
    })
  }
}

const endingOf = (cluster: Cluster, atMillis: number): Scenario.Ending => {
  const { event, falseAlarms, noticedAtMillis, times, views } = cluster
  const wrong = Views.mistake(views, (name) => Events.runsAtEnd(event, name))
  const noticed =
    noticedAtMillis === undefined || event === "none"
      ? []
      : [["noticed by all after", Scenario.duration(noticedAtMillis - times.startMillis)] as const]
  return {
    outcome: wrong === undefined ? "done" : "failed",
    text: wrong === undefined ? "all hosts know who runs" : `at the end, ${wrong}`,
    atMillis,
    figures: [...noticed, ["false alarms", `${falseAlarms}`]]
  }
}
