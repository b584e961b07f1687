/** Detection time, false alarms and CPU time of peer tables. */
import * as Effect from "effect/Effect"
import * as StatusNetwork from "../../../test/support/status/StatusNetwork.ts"
import * as StatusRuns from "../../../test/support/status/StatusRuns.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import * as Cost from "./cost.ts"
import * as Mesh from "./mesh.ts"
import * as Sockets from "./sockets.ts"

const ours = "PeerTable"
const fixed = "five misses, always"
const map = "a Map"
const before = "peers known before"

const each = { [ours]: {}, [fixed]: { table: { maxMissed: 5 } } } as const
type Judge = keyof typeof each
const judges: ReadonlyArray<string> = [ours, fixed]

/** Measures simulated peers. The result depends only on the seed, which differs in each round. */
const simulated = (
  name: string,
  unit: string,
  figure: (judge: Pick<StatusRuns.Scenario, "table">, seed: number, contestant: Judge) => number,
  of: ReadonlyArray<string> = judges
): Measure => {
  const seeds = new Map<string, number>()
  return {
    name,
    unit,
    contestants: of,
    lowerIsBetter: true,
    oncePerRound: true,
    sample: (contestant) =>
      Effect.sync(() => {
        const seed = (seeds.get(contestant) ?? 0) + 1
        seeds.set(contestant, seed)
        return figure(each[contestant as Judge], seed, contestant as Judge)
      })
  }
}

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Returns the slowest detection in a run without loss, in which a tenth of the peers fails. */
const death = (peers: number, observers: number) =>
  simulated(`death seen by the last of ${peers.toLocaleString("en")} peers`, "intervals", (judge, seed) => {
    const setting = { ...judge, seed, peers, observers: Array.from({ length: observers }, (_, n) => n) }
    return Math.max(...StatusRuns.measureDetection(setting, Math.ceil(peers / 10), 2).detectionTimes)
  })

const delay = (loss: number) =>
  simulated(`death seen at ${loss * 100} % loss, on average`, "intervals", (judge, seed) =>
    mean(
      StatusRuns.measureDetection({ ...judge, seed, peers: 60, observers: [0, 1, 2, 3, 4], loss }, 20, 200)
        .detectionTimes
    )
  )

const networks = 20

/**
 * Measures false alarms in many networks of 20 peers, once for all rounds. Hours are those of one observer and one
 * peer.
 */
const alarms = (loss: number, { quick }: Options) => {
  const pairHours: Readonly<Record<Judge, number>> = { [ours]: loss === 0.2 ? 20_000 : 10_000, [fixed]: 200 }
  const known = new Map<Judge, number>()
  return simulated(`false downs at ${loss * 100} % loss, at most`, "1/1,000 h", (judge, _, contestant) => {
    const figure = known.get(contestant)
    if (figure !== undefined) return figure
    let [downs, watched] = [0, 0]
    for (let seed = 1; seed <= (quick ? 1 : networks); seed++) {
      const hours = (quick ? 20 : pairHours[contestant]) / networks / 380
      const found = StatusRuns.countFalseAlarms({ ...judge, seed, peers: 20, loss }, hours)
      downs += found.downs
      watched += found.pairHours
    }
    const most = (1_000 * StatusRuns.upperBound(downs)) / watched
    known.set(contestant, most)
    return most
  })
}

const inBursts = simulated("false downs at 20 % loss in bursts of 3", "1/1,000 h", (judge, seed) => {
  const { downs, pairHours } = StatusRuns.countFalseAlarms(
    { ...judge, seed, peers: 20 },
    0.25,
    StatusRuns.bursts(0.2, 3, seed)
  )
  return (1_000 * downs) / pairHours
})

const cuts = [1, 3, 6, 20, 70, 150]

const healing = simulated("partitions healed, the slowest", "intervals", (judge, seed) =>
  Math.max(...cuts.map((cut) => StatusRuns.timeToHeal({ ...judge, seed, peers: 20 }, cut)))
)

const restart = simulated("restart seen by the last of 100 peers", "intervals", (judge, seed) =>
  Math.max(...StatusRuns.timesToSee({ ...judge, seed, peers: 100 }, "Restarted"))
)

const traffic = (peers: number) =>
  simulated(
    `packets of each of ${peers.toLocaleString("en")} peers`,
    "an interval",
    (_, seed) => {
      const network = StatusNetwork.make({ seed, peers, observers: [] })
      network.run(60_000)
      return network.packets() / peers / 60
    },
    [ours]
  )

/** Measures floods of forged ids: from one address, from 250, and with ids that repeat until they look established. */
const floods = (seconds: number) => {
  const all = [
    [1, 1],
    [250, 1],
    [1, 3]
  ] as const
  let done: ReadonlyArray<StatusRuns.Flood> = []
  const run = () => {
    done = all.map(([addresses, times]) => StatusRuns.floodWithForgedIds(10_000, seconds, addresses, times))
    return done
  }
  return [
    simulated(
      "forged packet, the dearest",
      "us",
      () => Math.max(...run().map(({ microsPerPacket }) => microsPerPacket)),
      [ours]
    ),
    simulated("rows in a flood, at most", "", () => Math.max(...done.map(({ maxRecords }) => maxRecords)), [ours]),
    simulated("peers never lost in a flood", "", () => 201 - Math.max(...done.map(lost)), [ours]),
    simulated(before, "", () => 201, [ours])
  ]
}

/** Counts the lost peers, of 200 established ones and a newcomer. */
const lost = ({ affected, joinDelay }: StatusRuns.Flood) => affected + (joinDelay === 0 ? 0 : 1)

const cost = (name: string, figure: Readonly<Record<string, () => number>>): Measure => ({
  name,
  unit: "us",
  contestants: Object.keys(figure),
  lowerIsBetter: true,
  sample: (contestant) => Effect.sync(() => figure[contestant]!())
})

const measures = (options: Options): ReadonlyArray<Measure> => [
  cost("packet, 200 rows", { [ours]: () => Cost.receive(200), [map]: () => Cost.note(200) }),
  cost("packet, 1,000 rows", { [ours]: () => Cost.receive(1_000), [map]: () => Cost.note(1_000) }),
  cost("look at all of 1,000 rows", { [ours]: () => Cost.scan(1_000) }),
  cost("list of 1,000 peers", { [ours]: () => Cost.list(1_000) }),
  death(10, 10),
  death(100, 100),
  ...(options.quick ? [] : [death(1_000, 100)]),
  ...[0.05, 0.1, 0.2, 0.3].flatMap((loss) => [alarms(loss, options), delay(loss)]),
  inBursts,
  healing,
  restart,
  ...floods(options.quick ? 1 : 5),
  traffic(10),
  traffic(1_000),
  ...Mesh.measures,
  ...Sockets.measures(options)
]

const figure = (measure: string, value: number, peer: string = fixed): Comparison => ({
  measure,
  peer,
  bar: { subject: "figure", comparator: "<=", value }
})

const comparisons: ReadonlyArray<Comparison> = [
  figure("packet, 200 rows", 2, map),
  figure("packet, 1,000 rows", 2, map),
  { measure: "look at all of 1,000 rows", peer: ours, peerMeasure: "list of 1,000 peers" },
  ...["10", "100", "1,000"].map((peers) => figure(`death seen by the last of ${peers} peers`, 6)),
  ...[5, 10, 20, 30].flatMap(
    (percent): ReadonlyArray<Comparison> => [
      figure(`false downs at ${percent} % loss, at most`, 1),
      { measure: `death seen at ${percent} % loss, on average`, peer: fixed }
    ]
  ),
  { measure: inBursts.name, peer: fixed },
  figure(healing.name, 3),
  figure(restart.name, 1),
  { measure: "forged packet, the dearest", peer: ours, peerMeasure: "packet, 200 rows" },
  figure("rows in a flood, at most", 4_096, ours),
  {
    measure: "peers never lost in a flood",
    peer: ours,
    peerMeasure: before,
    bar: { subject: "ratio", comparator: ">=", value: 1 }
  },
  {
    measure: "packets of each of 1,000 peers",
    peer: ours,
    peerMeasure: "packets of each of 10 peers",
    bar: { subject: "ratio", comparator: "<=", value: 1.05 }
  },
  ...Mesh.comparisons,
  ...Sockets.comparisons
]

const contestants = [ours, fixed, map, Mesh.ours, Sockets.ours, Sockets.raw]

export const benchmark: Benchmark = {
  name: "status",
  description: `Tables of peers in virtual time, each peer with a table of its own (of 1,000 peers, 100 of them), hearing heartbeats
whose gaps are 0.9 to 1.0 intervals, looked at four times an interval, with the default settings; beside them tables that
always call five misses a death, whatever gets lost. Deaths are seen by the slowest table: no loss, a tenth of the peers
dies in the third interval. False downs are those of living peers in 20 networks of 20 at 20,000 hours of one observer and
one peer (10,000 at another loss, 200 for five misses), and what is shown is the rate they stay below with 95 % confidence,
as none of them says nothing of how few there may be: 3 / hours. A flood is 10,000 forged ids a second on a table that knows
200 peers, while one more comes. A mesh has its default rate, 1,000 packets a second, and an interval of one second. The
cost of a packet is that of the table alone, payloads unchanged, looks included; beside it a Map that notes who was heard.

${Sockets.about}`,
  comparisons,
  prepare: (options) => Effect.succeed({ contestants, measures: measures(options), notes: [] })
}
