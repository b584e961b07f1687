/**
 * Who does which packet: a state machine without effects or a clock. It is told what happens and when, and says what to
 * do. Every packet is merged exactly once: the first result counts, and an id that has had one is not known any more,
 * so that memory holds the packets under way and not those that are done.
 *
 * The state is changed in place, and takes the same time for each event however many packets there were.
 */

import type { Attempt } from "../FarmError.ts"
import type { Action, Cut, Event, Options } from "./DispatcherEvent.ts"
import * as State from "./DispatcherState.ts"
import * as Pace from "./PacketSizing.ts"

/** A dispatcher. @category models @since 0.1.0 */
export interface Dispatcher<Packet, Result> {
  /** `now` never goes back. The first step, which may be one without events, hands out the first packets. */
  readonly step: (events: ReadonlyArray<Event<Result>>, now: number) => ReadonlyArray<Action<Packet, Result>>
  /** Whether a result for this id would still count. */
  readonly wants: (id: number) => boolean
  /** The packets that are cut and not merged, by id. */
  readonly unmerged: () => ReadonlyArray<Cut<Packet>>
  /** What counted, in all and for each worker; `busy` in milliseconds of work. */
  readonly workers: ReadonlyArray<Readonly<Pick<State.Holder<Packet>, "name" | "state" | "packets" | "units" | "busy">>>
}

/** So many packets that failed are looked at for one that suits a worker. */
const looks = 8

/** Makes a dispatcher whose workers are all ready. @category constructors @since 0.1.0 */
export const make = <Packet, Result>(options: Options<Packet>): Dispatcher<Packet, Result> => {
  type Holder = State.Holder<Packet>
  type Entry = State.Entry<Packet>
  const holders = options.workers.map((info, index): Holder => State.holder(info, index))
  const hungry = new Set(holders)
  const open = new Map<number, Entry>()
  const again = new Set<Entry>()
  /** Results that wait for those before them. */
  const early = new Map<number, { readonly entry: Entry; readonly result: Result }>()
  const restored = options.restored ?? []
  const sizes: Pace.Sizes = {
    target: options.target,
    first: options.first,
    workers: Math.max(1, holders.length),
    total: options.total
  }
  let actions: Array<Action<Packet, Result>> = []
  let cancelled = new Map<Holder, Array<number>>()
  let runs = new Map<Holder, Array<Entry>>()
  let now = 0
  let ids = 0
  let merged = 0
  let taken = 0
  let left = options.total
  let exhausted = false
  let over = false
  let last: Action<Packet, Result> | undefined

  const add = ({ packet, units }: Cut<Packet>): Entry => {
    const entry: Entry = { id: ids++, packet, units, flights: [], attempts: [], failedOn: [] }
    open.set(entry.id, entry)
    return entry
  }
  for (const cut of restored) again.add(add(cut))

  const finish = (action: Action<Packet, Result>) => {
    over = true
    for (const holder of holders) for (const flight of holder.flights.values()) drop(holder, flight, "cancelled")
    runs.clear()
    last = action
  }

  /** The result of this copy is not waited for, and the worker is told so. */
  const drop = (holder: Holder, flight: State.Flight<Packet>, state: "cancelled" | "expired") => {
    if (flight.state !== "active") return
    flight.state = state
    flight.dropped = now
    if (state === "expired") holder.expired++
    const { flights, id } = flight.entry
    flights.splice(flights.indexOf(flight), 1)
    const dropped = cancelled.get(holder)
    if (dropped === undefined) cancelled.set(holder, [id])
    else dropped.push(id)
  }

  /** The worker does not have it any more. */
  const close = (holder: Holder, id: number) => {
    const flight = holder.flights.get(id)
    if (flight === undefined) return undefined
    holder.flights.delete(id)
    holder.heard = now
    if (flight.state === "expired") holder.expired--
    const { flights } = flight.entry
    if (flight.state === "active") flights.splice(flights.indexOf(flight), 1)
    hungry.add(holder)
    return flight
  }

  const retry = (entry: Entry) => {
    if (entry.flights.length > 0 || !open.has(entry.id) || over) return
    if (entry.attempts.length < options.attempts) return again.add(entry)
    return finish({ _tag: "Poison", id: entry.id, packet: entry.packet, attempts: entry.attempts })
  }

  const fail = (holder: Holder, entry: Entry, kind: Attempt["kind"], message: string) => {
    if (!open.has(entry.id)) return
    entry.attempts.push({ worker: holder.name, kind, message })
    entry.failedOn.push(holder.index)
    retry(entry)
  }

  const merge = ({ id, packet }: Entry, result: Result) => {
    merged++
    if (!options.hold) taken++
    actions.push({ _tag: "Merge", id, packet, result })
  }

  const done = (holder: Holder, id: number, result: Result, claimed: number) => {
    const flight = close(holder, id)
    if (flight === undefined) return
    const { entry, sent } = flight
    const millis = Math.max(0, Math.min(claimed || 0, now - sent))
    Pace.measure(holder.pace, entry.units, millis, options.target)
    holder.failures = 0
    if (!open.delete(id)) return
    again.delete(entry)
    while (entry.flights.length > 0) {
      const other = holders.find(({ flights }) => flights.get(id) === entry.flights[0])!
      drop(other, entry.flights[0]!, "cancelled")
    }
    holder.packets++
    holder.units += entry.units
    holder.busy += millis
    if (!options.ordered) return merge(entry, result)
    early.set(id, { entry, result })
    for (let next = early.get(merged); next !== undefined; next = early.get(merged)) {
      early.delete(merged)
      merge(next.entry, next.result)
    }
  }

  const lose = (holder: Holder, state: "lost" | "gone", message: string, running?: ReadonlyArray<number>) => {
    if (holder.state === "gone") return
    Object.assign(holder, { state, message, expired: 0 })
    const lost = [...holder.flights.values()].filter((flight) => flight.state === "active")
    holder.flights.clear()
    const suspects = running ?? lost.slice(0, 1).map(({ entry }) => entry.id)
    for (const flight of lost) flight.entry.flights.splice(flight.entry.flights.indexOf(flight), 1)
    for (const { entry } of lost) {
      if (suspects.includes(entry.id)) fail(holder, entry, "Lost", message)
      else retry(entry)
    }
  }

  /** Work goes in order, so that what waits behind the oldest is not to blame for being late. */
  const expire = (holder: Holder) => {
    let oldest = true
    for (const flight of holder.flights.values()) {
      if (flight.sent + options.lease > now) return
      if (flight.state !== "active") {
        if (flight.dropped + options.lease > now) continue
        return lose(holder, "gone", `packet ${flight.entry.id} was cancelled, and it does not stop`)
      }
      drop(holder, flight, "expired")
      if (oldest) fail(holder, flight.entry, "Expired", `no result within ${options.lease / 1_000} s`)
      else retry(flight.entry)
      oldest = false
    }
  }

  const receive = (event: Event<Result>) => {
    switch (event._tag) {
      case "Done":
        return done(holders[event.worker]!, event.id, event.result, event.millis)
      case "Failed":
      case "Stopped": {
        const flight = close(holders[event.worker]!, event.id)
        if (flight?.state !== "active") return
        holders[event.worker]!.failures++
        const [kind, message] =
          event._tag === "Failed" ? ([event.kind, event.message] as const) : (["Lost", "stopped unasked"] as const)
        return fail(holders[event.worker]!, flight.entry, kind, message)
      }
      case "Lost":
      case "Gone":
        return lose(holders[event.worker]!, event._tag === "Lost" ? "lost" : "gone", event.message, event.running)
      case "Ready": {
        const holder = holders[event.worker]!
        if (holder.state === "lost") holder.state = "ready"
        return hungry.add(holder)
      }
      case "Taken":
        taken += event.count
        return
      case "Tick":
        return holders.forEach(expire)
      case "Cancel":
        return finish({ _tag: "Finished" })
    }
  }

  const next = (holder: Holder): Entry | undefined => {
    let looked = 0
    for (const entry of again) {
      if (State.suits(entry, holder, holders)) {
        again.delete(entry)
        return entry
      }
      if (++looked === looks) break
    }
    if (exhausted || ids - taken >= options.buffer) return undefined
    const cut = options.cut(options.size ?? Pace.size(holder.pace, sizes, left))
    if (cut === undefined) exhausted = true
    else if (left !== undefined) left = Math.max(0, left - cut.units)
    return cut && add(cut)
  }

  const send = (holder: Holder, most: number) => {
    if (State.isBenched(holder, holders, now, options.lease)) return
    const tasks = runs.get(holder) ?? []
    for (let count = 0; count < most && State.isUsable(holder) && State.hasRoom(holder); count++) {
      const entry =
        next(holder) ?? (State.isIdle(holder) ? State.straggler(holder, holders, now, options.target / 4) : undefined)
      if (entry === undefined) break
      const flight: State.Flight<Packet> = { entry, sent: now, state: "active", dropped: now }
      entry.flights.push(flight)
      holder.flights.set(entry.id, flight)
      tasks.push(entry)
    }
    if (!State.isUsable(holder) || !State.hasRoom(holder)) hungry.delete(holder)
    if (tasks.length > 0) runs.set(holder, tasks)
  }

  /** Who has nothing comes first, so that the last packets are spread. */
  const assign = () => {
    for (const holder of hungry) if (State.isIdle(holder)) send(holder, 1)
    for (const holder of hungry) send(holder, Number.POSITIVE_INFINITY)
    if (exhausted && open.size === 0 && early.size === 0) return finish({ _tag: "Finished" })
    if (holders.some(({ state }) => state !== "gone")) return
    finish({ _tag: "NoWorkers", causes: holders.map(({ message, name }) => `${name}: ${message}`) })
  }

  return {
    step: (events, time) => {
      now = time
      actions = []
      last = undefined
      cancelled = new Map()
      runs = new Map()
      for (const event of events) if (!over) receive(event)
      if (!over) assign()
      for (const [{ index }, ids] of cancelled) actions.push({ _tag: "Cancel", worker: index, ids })
      for (const [{ index }, tasks] of runs) actions.push({ _tag: "Run", worker: index, tasks })
      return last === undefined ? actions : [...actions, last]
    },
    wants: (id) => open.has(id),
    unmerged: () =>
      [...open.values(), ...Array.from(early.values(), ({ entry }) => entry)].sort((one, two) => one.id - two.id),
    workers: holders
  }
}
