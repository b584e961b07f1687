/**
 * Measurements of peer tables: detection time and false alarms, in intervals and pair-hours (hours of one observer and
 * one peer).
 */

import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as PeerRecordMap from "../../../src/status/membership/PeerRecordMap.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusNetwork from "./StatusNetwork.ts"

export interface Scenario {
  readonly seed: number
  readonly peers: number
  readonly observers?: ReadonlyArray<number> | undefined
  readonly table?: StatusNetwork.Options["table"]
  readonly interval?: StatusNetwork.Options["interval"]
  /** Independent loss rate, 0 to 1. */
  readonly loss?: number | undefined
}

const intervalMillis = 1_000
const hourMillis = 3_600_000

/** Loses each packet independently. */
const independent = (loss: number, seed: number) => {
  const random = FaultRandom.sequence(`loss ${seed}`)
  return loss === 0 ? undefined : () => random() < loss
}

/**
 * Loses packets in bursts (Gilbert and Elliott): a bad state loses all packets, and lasts `burst` packets on average.
 */
export const bursts = (loss: number, burst: number, seed: number) => {
  const random = FaultRandom.sequence(`bursts ${seed}`)
  const bad = new Set<number>()
  const begin = loss / (burst * (1 - loss))
  return (from: number, to: number) => {
    const link = from * 65_536 + to
    if (random() < (bad.has(link) ? 1 / burst : begin)) {
      if (!bad.delete(link)) bad.add(link)
    }
    return bad.has(link)
  }
}

export interface Detection {
  /** Intervals from a peer's failure until it is down, for all tables. */
  readonly detectionTimes: ReadonlyArray<number>
  /** Pairs of table and failed peer without a detection: within 40 intervals, or sooner without loss. */
  readonly missed: number
  /** Running peers that were declared down. */
  readonly falseDowns: number
}

/** Stops some peers, each at a random time, after the network has run for `warm` intervals. */
export const measureDetection = (scenario: Scenario, failures: number, warm: number): Detection => {
  const { loss = 0, peers, seed } = scenario
  const failedAt = new Map<string, number>()
  const detectionTimes: Array<number> = []
  let falseDowns = 0
  const network = StatusNetwork.make({
    ...scenario,
    isLost: independent(loss, seed),
    onChange: (_, { _tag, peer }, now) => {
      if (_tag !== "Down") return
      const failedTime = failedAt.get(peer.id)
      if (failedTime === undefined) falseDowns++
      else detectionTimes.push((now - failedTime) / peer.interval)
    }
  })
  const longest = Math.max(...network.senders.map(({ interval }) => interval))
  network.run(warm * longest)
  const failing = Array.from({ length: failures }, (_, i) => peers - 1 - i)
  for (const peer of failing) {
    network.at(network.now() + network.random() * network.senders[peer]!.interval, () => {
      network.stop(peer)
      failedAt.set(network.senders[peer]!.id, network.now())
    })
  }
  network.run((loss === 0 ? (scenario.table?.downAfter ?? 5) + 3 : 40) * longest)
  const tables = [...network.tables.keys()]
  const expected = failing.reduce((sum, peer) => sum + tables.filter((observer) => observer !== peer).length, 0)
  return { detectionTimes, missed: expected - detectionTimes.length, falseDowns }
}

export interface FalseAlarms {
  readonly downs: number
  readonly pairHours: number
}

/** Counts the peers declared down while none has failed. */
export const countFalseAlarms = (
  scenario: Scenario,
  hours: number,
  isLost: StatusNetwork.Options["isLost"] = independent(scenario.loss ?? 0, scenario.seed)
): FalseAlarms => {
  let downs = 0
  const network = StatusNetwork.make({
    ...scenario,
    isLost,
    onChange: (_, { _tag }) => {
      if (_tag === "Down") downs++
    }
  })
  network.run(hours * hourMillis)
  return { downs, pairHours: network.tables.size * (scenario.peers - 1) * hours }
}

/**
 * Returns the upper 95 % confidence limit of a Poisson rate after `events` events, from the exact sum of probabilities.
 */
export const upperBound = (events: number): number => {
  const chance = (mean: number) => {
    let term = Math.exp(-mean)
    let sum = term
    for (let n = 1; n <= events; n++) sum += term *= mean / n
    return sum
  }
  let [low, high] = [0, 10 + 3 * events]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (chance(middle) > 0.05) low = middle
    else high = middle
  }
  return high
}

const isAlive = (state: string) => state === "alive"

/** Separates two halves for `cut` intervals, and returns the intervals until all tables see all peers alive again. */
export const timeToHeal = (scenario: Scenario, partitionIntervals: number): number => {
  const { peers, seed } = scenario
  const loses = independent(scenario.loss ?? 0, seed)
  let isPartitioned = false
  const network = StatusNetwork.make({
    ...scenario,
    isLost: (from, to) => (isPartitioned && from % 2 !== to % 2) || loses?.() === true
  })
  network.run(10 * intervalMillis)
  isPartitioned = true
  network.run(partitionIntervals * intervalMillis)
  isPartitioned = false
  for (let healing = 0.05; healing < 60; healing += 0.05) {
    network.run(0.05 * intervalMillis)
    const agree = [...network.tables.keys()].every((observer) => {
      const states = network.states(observer)
      return states.size === peers - 1 && [...states.values()].every(isAlive)
    })
    if (agree) return healing
  }
  return Number.POSITIVE_INFINITY
}

/**
 * Returns the intervals until each table sees the last peer's restart or goodbye. Before a restart it is stopped for
 * `away` intervals.
 */
export const timesToSee = (scenario: Scenario, what: "Restarted" | "Left", away = 0): ReadonlyArray<number> => {
  const last = scenario.peers - 1
  const detectionTimes: Array<number> = []
  let began = 0
  const network = StatusNetwork.make({
    ...scenario,
    onChange: (observer, { _tag }, now) => {
      if (_tag === what && observer !== last) detectionTimes.push((now - began) / intervalMillis)
    }
  })
  network.run(10 * intervalMillis)
  if (what === "Left") {
    began = network.now()
    network.leave(last)
  } else {
    network.stop(last)
    network.run(away * intervalMillis)
    began = network.now()
    network.senders[last]!.incarnation++
    network.senders[last]!.sequence = 0
    network.start(last, network.random() * intervalMillis)
  }
  network.run(2 * intervalMillis)
  return detectionTimes
}

export interface Flood {
  /** Largest number of records. */
  readonly maxRecords: number
  /** Established peers that were ever not alive. */
  readonly affected: number
  /** Seconds until the newcomer was permanently admitted during the flood; infinite if it never was. */
  readonly joinDelay: number
  /** Mean time of a forged packet. */
  readonly microsPerPacket: number
}

/**
 * Sends forged ids to a table with 200 peers, each id `times` times with gaps of an interval. Another peer joins
 * meanwhile.
 */
export const floodWithForgedIds = (
  perSecond: number,
  seconds: number,
  addresses: number,
  times = 1,
  maxPeers = 4_096
): Flood => {
  const established = 200
  let affected = 0
  let joined = Number.POSITIVE_INFINITY
  const network = StatusNetwork.make({
    seed: 7,
    peers: established + 1,
    observers: [0],
    table: { maxPeers },
    onChange: (_, { _tag, peer }, now) => {
      const at = Number.parseInt(peer.id, 16) - 1
      if (at === established) {
        if (_tag === "Joined") joined = now
        else if (_tag !== "Updated") joined = Number.POSITIVE_INFINITY
      } else if (at < established && _tag !== "Joined") affected++
    }
  })
  network.stop(established)
  network.run(5 * intervalMillis)
  const began = network.now()
  network.start(established, (seconds * intervalMillis) / 3)
  const payload = StatusNetwork.bytesOf("nothing")
  let [rows, spent, count] = [0, 0, 0]
  // 100 packets, which is 10 milliseconds at 10,000 a second.
  const batch = 100
  for (let sent = 0; sent < perSecond * seconds; sent += batch) {
    network.run((batch / perSecond) * intervalMillis)
    const forged: Array<Peer.Heartbeat> = []
    for (let n = sent; n < sent + batch; n++) {
      for (let time = 0; time < times && n >= time * perSecond; time++) {
        const number = n - time * perSecond
        const at = number % addresses
        const id = (0xbad_0000_0000 + number).toString(16).padStart(16, "f")
        const from = { address: `172.${16 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`, port: 2066 }
        forged.push(StatusNetwork.heartbeat({ id, from, sequence: time, payload }))
      }
    }
    const before = performance.now()
    for (const beat of forged) {
      network.take(0, beat)
      rows = Math.max(rows, PeerRecordMap.size(network.tables.get(0)!.records))
    }
    count += forged.length
    spent += performance.now() - before
  }
  const joinsAt = began + (seconds * intervalMillis) / 3
  return {
    maxRecords: rows,
    affected,
    joinDelay: (joined - joinsAt) / intervalMillis,
    microsPerPacket: (spent * 1_000) / count
  }
}
