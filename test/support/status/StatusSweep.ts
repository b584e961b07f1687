/** Properties of peer tables, in more networks and for more hours than a test suite has time for. */
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as StatusRuns from "./StatusRuns.ts"

/** A property, the measured value, and if it holds. */
interface PropertyResult {
  readonly property: string
  readonly holds: boolean
  readonly measured: string
}

const result = (promise: string, kept: boolean, found: string): PropertyResult => ({
  property: promise,
  holds: kept,
  measured: found
})

const slowest = (values: ReadonlyArray<number>) => values.reduce((most, value) => Math.max(most, value), 0)

const range = (length: number, from = 0) => Array.from({ length }, (_, n) => from + n)

/** All of 1,000 peers have tables; they run in parts, since they do not depend on each other. */
const everybody = (seed: number): PropertyResult => {
  const runs = range(20).map((part) =>
    StatusRuns.measureDetection({ seed, peers: 1_000, observers: range(50, 50 * part) }, 100, 2)
  )
  const all = slowest(runs.flatMap(({ detectionTimes }) => detectionTimes))
  const odd = runs.reduce((sum, { missed, falseDowns }) => sum + missed + falseDowns, 0)
  return result("a dead one of 1,000 is down on all within 6 intervals", all <= 6 && odd === 0, `${all.toFixed(2)}`)
}

const deaths = (runs: number): PropertyResult => {
  let [worst, odd] = [0, 0]
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
    odd += missed + falseDowns
  }
  const found = `k + ${worst.toFixed(2)} in ${runs} networks`
  return result("the dead are down within k + 1 intervals of their own, whatever k is", worst <= 1 && odd === 0, found)
}

/** Networks of 2 to 40 peers, each from its first packet for two and a half hours. */
const alarms = (loss: number, wanted: number): PropertyResult => {
  // With fewer hours, even zero events would not prove the bound.
  const hours = Math.max(4_000, wanted)
  let [downs, pairHours] = [0, 0]
  for (let seed = 1; pairHours < hours; seed++) {
    const found = StatusRuns.countFalseAlarms({ seed, peers: 2 + (seed % 5) ** 2 * 2, loss }, 2.5)
    downs += found.downs
    pairHours += found.pairHours
  }
  const most = (1_000 * StatusRuns.upperBound(downs)) / pairHours
  const found = `${downs} in ${Math.round(pairHours)} h: with 95 % confidence below ${most.toPrecision(2)}`
  return result(`at ${loss * 100} % loss fewer than 1 false down in 1,000 h`, most < 1, found)
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
    "restarts are seen within 1 interval, goodbyes at once",
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
    `a minute of 10,000 forged ids a second, from ${addresses} addresses, each ${times} times, harms nobody`,
    maxRecords <= 4_096 && affected === 0 && joinDelay === 0,
    `${maxRecords} rows, ${affected} harmed, ${microsPerPacket.toFixed(1)} us each`
  )
}

/** Checks all properties, one after the other. A `scale` of 1,000 takes minutes. */
export function* checkAll(scale: number): Iterable<PropertyResult> {
  yield everybody(scale)
  yield deaths(scale)
  yield alarms(0.05, 10 * scale)
  yield alarms(0.1, 10 * scale)
  yield alarms(0.2, 50 * scale)
  yield alarms(0.3, 10 * scale)
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
