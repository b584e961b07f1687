/**
 * Peers that send heartbeats to tables in virtual milliseconds, without a network between, so that many tables are
 * cheap. A sender's gaps are 0.9 to 1.0 of its interval; each table ticks once per period.
 */
import * as Result from "effect/Result"
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as SimClock from "../../../src/simulation/runtime/SimClock.ts"
import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import type * as Peer from "../../../src/status/Peer.ts"

type Table = PeerTable.PeerTable<string>
export type Change = Peer.Change<string>

export interface Options {
  readonly seed: number
  readonly peers: number
  /** Peers with tables. Default: all. */
  readonly observers?: ReadonlyArray<number> | undefined
  /** Interval of each peer in milliseconds. Default 1,000. */
  readonly interval?: ((peer: number) => number) | undefined
  readonly table?: Partial<PeerTable.Options<string>> | undefined
  /** Decides if a packet is lost. Default: none is lost. */
  readonly isLost?: ((from: number, to: number, now: number) => boolean) | undefined
  /** Delay of a packet in milliseconds. Default 0. */
  readonly delay?: ((from: number, to: number) => number) | undefined
  readonly onChange?: ((observer: number, change: Change, now: number) => void) | undefined
}

export interface Sender {
  readonly id: string
  readonly address: string
  interval: number
  incarnation: number
  sequence: number
  payload: Uint8Array
  /** Event of the next packet; undefined while the peer is stopped. */
  next: SimClock.Event | undefined
}

export const idOf = (peer: number) => (peer + 1).toString(16).padStart(16, "0")

const text = new TextDecoder()

export const bytesOf = (content: string) => new TextEncoder().encode(content)

/** Decodes text; fails for text that begins with a question mark. */
export const decode: PeerTable.Options<string>["decode"] = (bytes) =>
  bytes[0] === 63 ? Result.fail("text that begins with a question mark") : Result.succeed(text.decode(bytes))

export const heartbeat = (given: Partial<Peer.Heartbeat> = {}): Peer.Heartbeat => ({
  dialect: "effect-inet",
  from: { address: "10.0.0.1", port: 2066 },
  id: idOf(0),
  name: "one",
  incarnation: 1,
  sequence: 0,
  interval: 1_000,
  goodbye: false,
  payload: bytesOf("well"),
  ...given
})

export const make = (options: Options) => {
  const { delay, onChange, isLost, peers } = options
  const random = FaultRandom.sequence(options.seed)
  const clock = SimClock.make()
  const tables = new Map<number, Table>()
  const senders = Array.from(
    { length: peers },
    (_, peer): Sender => ({
      id: idOf(peer),
      address: `10.${peer >> 16}.${(peer >> 8) & 255}.${peer & 255}`,
      interval: options.interval?.(peer) ?? 1_000,
      incarnation: 1,
      sequence: 0,
      payload: bytesOf(`status of ${peer}`),
      next: undefined
    })
  )
  const period = options.table?.tickPeriod ?? 250
  let packets = 0

  const step = (observer: number, [table, changes]: PeerTable.Step<string>) => {
    tables.set(observer, table)
    if (changes.length > 0 && onChange !== undefined)
      for (const change of changes) onChange(observer, change, clock.now())
  }
  /** Packets buffered for stalled observers. */
  const stalled = new Map<number, { readonly capacity: number; readonly heartbeats: Array<Peer.Heartbeat> }>()
  const receive = (observer: number, packet: Peer.Heartbeat) => {
    const table = tables.get(observer)
    const queue = stalled.size === 0 ? undefined : stalled.get(observer)
    if (queue !== undefined) {
      if (queue.heartbeats.length < queue.capacity) queue.heartbeats.push(packet)
    } else if (table !== undefined) step(observer, PeerTable.receive(table, packet, clock.now()))
  }
  const send = (peer: number, goodbye = false) => {
    const { address, id, incarnation, interval, payload, sequence } = senders[peer]!
    senders[peer]!.sequence++
    packets++
    const packet: Peer.Heartbeat = {
      dialect: "effect-inet",
      from: { address, port: 2066 },
      id,
      name: id,
      incarnation,
      sequence,
      interval,
      goodbye,
      payload
    }
    const now = clock.now()
    for (const observer of tables.keys()) {
      if (observer !== peer && isLost?.(peer, observer, now) === true) continue
      if (delay === undefined) receive(observer, packet)
      else clock.schedule(now + delay(peer, observer), () => receive(observer, packet))
    }
  }
  const scheduleSends = (peer: number, after: number) => {
    const sender = senders[peer]!
    sender.next = clock.schedule(clock.now() + after, () => {
      send(peer)
      scheduleSends(peer, (0.9 + 0.1 * random()) * sender.interval)
    })
  }
  const stop = (peer: number) => {
    const { next } = senders[peer]!
    if (next !== undefined) clock.cancel(next)
    senders[peer]!.next = undefined
  }
  /** Sends at once, and then on schedule. */
  const start = (peer: number, after = 0) => {
    stop(peer)
    scheduleSends(peer, after)
  }
  const scheduleTicks = (observer: number) => {
    const table = tables.get(observer)
    if (table === undefined) return
    if (!stalled.has(observer)) step(observer, PeerTable.tick(table, clock.now()))
    clock.schedule(clock.now() + period, () => scheduleTicks(observer))
  }
  /** Gives a peer an empty table. */
  const observe = (observer: number) => {
    tables.set(observer, PeerTable.make<string>({ decode, ...options.table, self: idOf(observer) }, clock.now()))
    clock.schedule(clock.now() + period * random(), () => scheduleTicks(observer))
  }

  for (const observer of options.observers ?? senders.keys()) observe(observer)
  for (const peer of senders.keys()) start(peer, random() * senders[peer]!.interval)

  return {
    tables,
    senders,
    random,
    now: clock.now,
    at: clock.schedule,
    packets: () => packets,
    run: (millis: number) => void clock.advance(clock.now() + millis),
    send,
    take: receive,
    /** Stalls an observer, with a buffer for `room` packets. Its timers run first when it resumes, as in Node. */
    stall: (observer: number, millis: number, capacity: number) => {
      stalled.set(observer, { capacity, heartbeats: [] })
      clock.advance(clock.now() + millis)
      const { heartbeats } = stalled.get(observer)!
      stalled.delete(observer)
      step(observer, PeerTable.tick(tables.get(observer)!, clock.now()))
      for (const packet of heartbeats) receive(observer, packet)
    },
    start,
    stop,
    leave: (peer: number) => {
      stop(peer)
      send(peer, true)
    },
    restart: (peer: number, incarnation: number) => {
      Object.assign(senders[peer]!, { incarnation, sequence: 0 })
      start(peer)
    },
    /** States of the other peers in an observer's table. */
    states: (observer: number) =>
      new Map(
        PeerTable.peers(tables.get(observer)!, clock.now()).flatMap(({ id, self, state }) =>
          self ? [] : [[Number.parseInt(id, 16) - 1, state] as const]
        )
      )
  }
}
