/** What tables of peers promise, in more networks and for more hours than a test suite has time for. */
import * as FaultRandom from "../../../src/simulation/faults/FaultRandom.ts"
import * as StatusRuns from "./StatusRuns.ts"

/** A promise, how it was kept in so many networks, and whether it was. */
interface Verdict {
  readonly promise: string
  readonly kept: boolean
  readonly found: string
}

const verdict = (promise: string, kept: boolean, found: string): Verdict => ({ promise, kept, found })

const slowest = (values: ReadonlyArray<number>) => values.reduce((most, value) => Math.max(most, value), 0)

const range = (length: number, from = 0) => Array.from({ length }, (_, n) => from + n)

/** All of 1,000 peers have tables: of so many at a time, as they do not depend on each other. */
const everybody = (seed: number): Verdict => {
  const runs = range(20).map((part) =>
    StatusRuns.detect({ seed, peers: 1_000, observers: range(50, 50 * part) }, 100, 2)
  )
  const all = slowest(runs.flatMap(({ taken }) => taken))
  const odd = runs.reduce((sum, { missing, wrong }) => sum + missing + wrong, 0)
  return verdict("a dead one of 1,000 is down on all within 6 intervals", all <= 6 && odd === 0, `${all.toFixed(2)}`)
}

const deaths = (runs: number): Verdict => {
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
    const { missing, taken, wrong } = StatusRuns.detect(setting, 1 + Math.floor(roll() * (peers - 1)), warm)
    worst = Math.max(worst, slowest(taken) - downAfter)
    odd += missing + wrong
  }
  const found = `k + ${worst.toFixed(2)} in ${runs} networks`
  return verdict("the dead are down within k + 1 intervals of their own, whatever k is", worst <= 1 && odd === 0, found)
}

/** Networks of 2 to 40, each from its first packet for two and a half hours. */
const alarms = (loss: number, wanted: number): Verdict => {
  // With fewer hours not even none at all would say enough.
  const hours = Math.max(4_000, wanted)
  let [downs, pairHours] = [0, 0]
  for (let seed = 1; pairHours < hours; seed++) {
    const found = StatusRuns.accuse({ seed, peers: 2 + (seed % 5) ** 2 * 2, loss }, 2.5)
    downs += found.downs
    pairHours += found.pairHours
  }
  const most = (1_000 * StatusRuns.upperBound(downs)) / pairHours
  const found = `${downs} in ${Math.round(pairHours)} h: with 95 % confidence below ${most.toPrecision(2)}`
  return verdict(`at ${loss * 100} % loss fewer than 1 false down in 1,000 h`, most < 1, found)
}

const partitions = (runs: number): Verdict => {
  const taken = range(runs, 1).map((seed) => StatusRuns.heal({ seed, peers: 2 + (seed % 30) }, 1 + (seed % 200)))
  return verdict("partitions heal within 3 intervals", slowest(taken) <= 3, `${slowest(taken).toFixed(2)}`)
}

const restarts = (runs: number): Verdict => {
  const all = range(runs, 1).map((seed) => {
    const setting = { seed, peers: 2 + (seed % 30) }
    const taken = StatusRuns.announce(setting, "Restarted", seed % 40)
    const left = StatusRuns.announce(setting, "Left")
    return taken.length === setting.peers - 1 && left.length === taken.length && slowest(left) === 0
      ? slowest(taken)
      : Number.POSITIVE_INFINITY
  })
  return verdict(
    "restarts are seen within 1 interval, goodbyes at once",
    slowest(all) <= 1,
    `${slowest(all).toFixed(2)}`
  )
}

const floods = (addresses: number, times: number): Verdict => {
  const { cost, harmed, newcomer, rows } = StatusRuns.flood(10_000, 60, addresses, times)
  return verdict(
    `a minute of 10,000 forged ids a second, from ${addresses} addresses, each ${times} times, harms nobody`,
    rows <= 4_096 && harmed === 0 && newcomer === 0,
    `${rows} rows, ${harmed} harmed, ${cost.toFixed(1)} us each`
  )
}

/** All of it: `scale` 1,000 takes minutes. One after the other, as each is long. */
export function* verdicts(scale: number): Iterable<Verdict> {
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
