/** Properties of peer tables, in more networks and for more hours than a test suite has time for. */
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as StatusRuns from "./StatusRuns.ts"

/** A property, the measured value, and if it holds. */
interface PropertyResult {
  readonly property: string
  readonly holds: boolean
  readonly measured: string
}

const result = (property: string, holds: boolean, measured: string): PropertyResult => ({
  property,
  holds,
  measured
})

const slowest = (values: ReadonlyArray<number>) => values.reduce((limit, value) => Math.max(limit, value), 0)

const range = (length: number, from = 0) => Array.from({ length }, (_, n) => from + n)

/** All of 1,000 peers have tables; they run in parts, since they do not depend on each other. */
const detectionInLargeNetwork = (seed: number): PropertyResult => {
  const runs = range(20).map((part) =>
    StatusRuns.measureDetection({ seed, peers: 1_000, observers: range(50, 50 * part) }, 100, 2)
  )
  const all = slowest(runs.flatMap(({ detectionTimes }) => detectionTimes))
  const unexpected = runs.reduce((sum, { missed, falseDowns }) => sum + missed + falseDowns, 0)
  return result(
    "a failed peer of 1,000 is down on all tables within 6 intervals",
    all <= 6 && unexpected === 0,
    `${all.toFixed(2)}`
  )
}

const detection = (runs: number): PropertyResult => {
  let [worst, unexpected] = [0, 0]
  for (let seed = 1; seed <= runs; seed++) {
    const roll = FaultRandom.sequence(seed)
    const [downAfter, peers, warm] = [
      2 + Math.floor(8 * roll()),
      2 + Math.floor(60 * roll()),
      1 + Math.floor(20 * roll())
    ]
    const shortest = 250 + 1_000 * roll()
    const setting = {
      seed,
      peers,
      observers: range(Math.min(peers, 5)),
      interval: (peer: number) => shortest * (1 + (peer % 4)),
      table: { downAfter }
    }
    const { missed, detectionTimes, falseDowns } = StatusRuns.measureDetection(
      setting,
      1 + Math.floor(roll() * (peers - 1)),
      warm
    )
    worst = Math.max(worst, slowest(detectionTimes) - downAfter)
    unexpected += missed + falseDowns
  }
  const measured = `k + ${worst.toFixed(2)} in ${runs} networks`
  return result(
    "failed peers are down within k + 1 of their intervals for any k",
    worst <= 1 && unexpected === 0,
    measured
  )
}

/** Networks of 2 to 40 peers, each from its first packet for two and a half hours. */
const falseAlarms = (loss: number, wanted: number): PropertyResult => {
  // With fewer hours, even zero events would not prove the bound.
  const hours = Math.max(4_000, wanted)
  let [downs, pairHours] = [0, 0]
  for (let seed = 1; pairHours < hours; seed++) {
    const measured = StatusRuns.countFalseAlarms({ seed, peers: 2 + (seed % 5) ** 2 * 2, loss }, 2.5)
    downs += measured.downs
    pairHours += measured.pairHours
  }
  const limit = (1_000 * StatusRuns.upperBound(downs)) / pairHours
  const measured = `${downs} in ${Math.round(pairHours)} h: with 95 % confidence below ${limit.toPrecision(2)}`
  return result(`at ${loss * 100} % loss fewer than 1 false alarm in 1,000 h`, limit < 1, measured)
}

const partitions = (runs: number): PropertyResult => {
  const taken = range(runs, 1).map((seed) => StatusRuns.timeToHeal({ seed, peers: 2 + (seed % 30) }, 1 + (seed % 200)))
  return result("partitions heal within 3 intervals", slowest(taken) <= 3, `${slowest(taken).toFixed(2)}`)
}

const restarts = (runs: number): PropertyResult => {
  const all = range(runs, 1).map((seed) => {
    const setting = { seed, peers: 2 + (seed % 30) }
    const taken = StatusRuns.timesToSee(setting, "Restarted", seed % 40)
    const left = StatusRuns.timesToSee(setting, "Left")
    return taken.length === setting.peers - 1 && left.length === taken.length && slowest(left) === 0
      ? slowest(taken)
      : Number.POSITIVE_INFINITY
  })
  return result(
    "restarts are detected within 1 interval, goodbyes at once",
    slowest(all) <= 1,
    `${slowest(all).toFixed(2)}`
  )
}

const floods = (addresses: number, times: number): PropertyResult => {
  const { microsPerPacket, affected, joinDelay, maxRecords } = StatusRuns.floodWithForgedIds(
    10_000,
    60,
    addresses,
    times
  )
  return result(
    `no peer is lost in a minute of 10,000 forged ids a second, from ${addresses} addresses, each ${times} times`,
    maxRecords <= 4_096 && affected === 0 && joinDelay === 0,
    `${maxRecords} records, ${affected} peers lost, ${microsPerPacket.toFixed(1)} us per packet`
  )
}

/** Checks all properties, one after the other. A `scale` of 1,000 takes minutes. */
export function* checkAll(scale: number): Iterable<PropertyResult> {
  yield detectionInLargeNetwork(scale)
  yield detection(scale)
  yield falseAlarms(0.05, 10 * scale)
  yield falseAlarms(0.1, 10 * scale)
  yield falseAlarms(0.2, 50 * scale)
  yield falseAlarms(0.3, 10 * scale)
  yield partitions(scale)
  yield restarts(scale)
  for (const [addresses, times] of [
    [1, 1],
    [250, 1],
    [2_500, 1],
    [1, 3]
  ] as const) {
    yield floods(addresses, times)
  }
}
