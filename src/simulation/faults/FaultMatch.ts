/** Fault rules made ready for matching: who they are about is settled once for each pair of addresses. */
import * as Endpoint from "../../network/Endpoint.ts"
import type { Packet } from "../../network/Packet.ts"
import * as FaultPlan from "./FaultPlan.ts"
import * as FaultPlanSyntax from "./FaultPlanSyntax.ts"
import * as FaultRandom from "./FaultRandom.ts"
import type { Held } from "./FaultVerdict.ts"

/** A rule about packets, or a partition. */
export type Watched = FaultPlan.PacketRule | FaultPlan.Partition

/** A fault as it was drawn, and to which of the matching packets it came: of all, or of those of a lane. */
export interface Applied {
  readonly act: FaultPlan.PacketRule
  readonly pair: FaultPlan.Pair | undefined
  readonly n: number
}

/** What is known of a rule while it is carried out. */
export interface Watch {
  readonly rule: Watched
  /** Its place in the plan. */
  readonly index: number
  readonly isPartition: boolean
  readonly hasPorts: boolean
  readonly udp: boolean
  readonly tcp: boolean
  /** Nanoseconds since the start, the end excluded. */
  readonly from: number
  readonly to: number
  /** Packets that matched, counted from 1. */
  readonly first: number
  readonly last: number
  /** 1 if no rate is given. */
  readonly rate: number
  readonly key: number
  readonly kind: string | undefined
  /** As captures tell it. */
  readonly note: string
  /** Whether chance has a say in it. */
  readonly draws: boolean
  readonly lanes: Map<string, Lane>
  /** How many packets matched. */
  seen: number
  /** When the last one did that can. */
  exhausted: number | undefined
  /** What was applied by chance; undefined if that has become too much to remember. */
  applied: Array<Applied> | undefined
}

/** The part of a rule's packets that goes one way between two hosts. */
export interface Lane {
  readonly pair: FaultPlan.Pair
  seen: number
}

/** A rule as far as it is about a flow. */
export interface Entry {
  readonly watch: Watch
  readonly forward: boolean
  readonly backward: boolean
  readonly lane: Lane | undefined
  /** Bytes that a reset or a cut has let pass, by ports; Infinity once it has happened. */
  readonly passed: Map<string, number>
}

/** A datagram that waits, and how many more have to overtake it. */
interface Hold {
  readonly watch: Watch
  readonly held: Held
  readonly until: number
  left: number
}

/** What is known of the packets from one address to another. */
export interface Flow {
  readonly from: string
  readonly to: string
  readonly fromHost: string | undefined
  readonly toHost: string | undefined
  readonly entries: ReadonlyArray<Entry>
  readonly holds: Array<Hold>
}

/** Pairs of addresses, and connections of each, that are remembered: whoever sends from everywhere gains nothing. */
const mostFlows = 4096

const draws = (rule: Watched): boolean => {
  if (rule.action === "partition") return false
  const time = FaultPlan.timeOf(rule)
  return (
    (rule.percent ?? 100) < 100 ||
    (time !== undefined && time.from < time.to) ||
    (rule.action === "corrupt" && rule.bit === undefined) ||
    (rule.action === "truncate" && rule.bytes === undefined)
  )
}

/** A fault as captures tell it: what was done, not to which packets. */
export const note = (rule: Watched): string => {
  if (rule.action === "partition") return FaultPlanSyntax.formatRule(rule)
  const { kind: _kind, nth: _nth, pair: _pair, percent: _percent, window: _window, ...act } = rule
  return FaultPlanSyntax.formatRule(act)
}

/** A rule, ready; `twin` tells it from those of the plan that say the same. */
export const watch = (rule: Watched, text: string, index: number, seed: FaultRandom.Seed, twin: number): Watch => {
  const isPartition = rule.action === "partition"
  const { kind, nth, percent } = isPartition ? {} : rule
  return {
    rule,
    index,
    isPartition,
    hasPorts: rule.pair !== undefined && (rule.pair.from.port ?? rule.pair.to.port) !== undefined,
    udp: FaultPlan.isAbout(rule, "udp"),
    tcp: FaultPlan.isAbout(rule, "tcp"),
    from: rule.window?.from ?? 0,
    to: rule.window?.to ?? Number.POSITIVE_INFINITY,
    first: nth?.from ?? 1,
    last: nth === undefined ? Number.POSITIVE_INFINITY : (nth.to ?? Number.POSITIVE_INFINITY),
    rate: percent === undefined ? 1 : percent / 100,
    key: FaultRandom.hash(`${seed} ${twin} ${text}`),
    kind,
    note: note(rule),
    draws: draws(rule),
    lanes: new Map(),
    seen: 0,
    exhausted: undefined,
    applied: []
  }
}

/** The rule that does to this one packet what was drawn for it. */
export const settled = ({ act, n, pair }: Applied): FaultPlan.PacketRule => {
  const { percent: _, ...rule } = act
  return { ...rule, nth: { from: n, to: n }, ...(pair === undefined ? {} : { pair }) }
}

/** One end of a packet's way: the host, if it has a name, and the address without its zone. */
export interface Site {
  readonly host: string | undefined
  readonly address: string
}

export const site = (host: string | undefined, address: string): Site => {
  const bare = Endpoint.withoutZone(address)
  return { host, address: FaultPlan.literal(bare) ?? bare }
}

const isAt = ({ host }: FaultPlan.Endpoint, site: Site) =>
  host === "*" || host === site.host || FaultPlan.literal(host) === site.address

/** Whether what goes between two sites is about a pair, ports aside: as it is written, and the other way round. */
export const directions = (pair: FaultPlan.Pair | undefined, from: Site, to: Site) => ({
  forward: pair === undefined || (isAt(pair.from, from) && isAt(pair.to, to)),
  backward: pair?.both === true && isAt(pair.to, from) && isAt(pair.from, to)
})

const anywhere: FaultPlan.Endpoint = { host: "*" }

/** One end of a lane: as the rule names it, or as exactly as can be. */
const narrowed = ({ host }: FaultPlan.Endpoint, site: Site): FaultPlan.Endpoint | undefined => {
  const narrow = host === "*" ? (site.host ?? FaultPlan.literal(site.address)) : host
  return narrow === undefined ? undefined : { host: narrow }
}

/** Rules with ports have no lanes: two ports of one host would share one. */
const laneOf = (watch: Watch, forward: boolean, from: Site, to: Site): Lane | undefined => {
  const { pair } = watch.rule
  if (!watch.draws || watch.hasPorts) return undefined
  const start = narrowed((forward ? pair?.from : pair?.to) ?? anywhere, from)
  const end = narrowed((forward ? pair?.to : pair?.from) ?? anywhere, to)
  if (start === undefined || end === undefined) return undefined
  const key = `${start.host}>${end.host}`
  const lane = watch.lanes.get(key) ?? { pair: { from: start, to: end, both: false }, seen: 0 }
  watch.lanes.set(key, lane)
  return lane
}

const entriesOf = (watches: ReadonlyArray<Watch>, from: Site, to: Site): ReadonlyArray<Entry> =>
  watches.flatMap((watch) => {
    const { backward, forward } = directions(watch.rule.pair, from, to)
    if (!forward && !backward) return []
    return [{ watch, forward, backward, lane: laneOf(watch, forward, from, to), passed: new Map() }]
  })

const none: ReadonlyArray<Flow> = []

const isOf = (flow: Flow, fromHost: string | undefined, toHost: string | undefined) =>
  flow.fromHost === fromHost && flow.toHost === toHost

/** What is known of where packets go; hosts that are not named with the packet are looked up by address, once. */
export const flows = (watches: ReadonlyArray<Watch>, nameOf: (address: string) => string | undefined) => {
  const table = new Map<string, Map<string, ReadonlyArray<Flow>>>()
  let size = 0
  let last: Flow | undefined

  const forget = () => {
    table.clear()
    size = 0
    for (const watch of watches) {
      if (watch.lanes.size > 0) watch.applied = undefined
      watch.lanes.clear()
    }
  }
  return (packet: Packet, fromHost: string | undefined, toHost: string | undefined): Flow => {
    const from = packet.from.address
    const to = packet.to.address
    if (last !== undefined && last.from === from && last.to === to && isOf(last, fromHost, toHost)) return last
    const known = table.get(from)?.get(to) ?? none
    for (let i = 0; i < known.length; i++) {
      if (!isOf(known[i]!, fromHost, toHost)) continue
      last = known[i]!
      return last
    }
    if (size++ === mostFlows) forget()
    const entries = entriesOf(watches, site(fromHost ?? nameOf(from), from), site(toHost ?? nameOf(to), to))
    last = { from, to, fromHost, toHost, entries, holds: [] }
    const row = table.get(from) ?? new Map<string, ReadonlyArray<Flow>>()
    table.set(from, row)
    row.set(to, [...known, last])
    return last
  }
}

const isFrom = ({ from, to }: Packet, one: FaultPlan.Endpoint, other: FaultPlan.Endpoint) =>
  (one.port === undefined || one.port === from.port) && (other.port === undefined || other.port === to.port)

/** Whether a packet has the ports a rule asks for, in a direction in which it goes between the hosts. */
export const hasPorts = ({ backward, forward, watch }: Entry, packet: Packet): boolean => {
  const { pair } = watch.rule
  if (pair === undefined) return true
  return (forward && isFrom(packet, pair.from, pair.to)) || (backward && isFrom(packet, pair.to, pair.from))
}
