/** Detection time, false alarms and CPU time of peer tables. */
import * as Effect from "effect/Effect"
import * as StatusNetwork from "../../../test/support/status/StatusNetwork.ts"
import * as StatusRuns from "../../../test/support/status/StatusRuns.ts"
import type { Benchmark, Comparison, Measure, Options } from "../harness.ts"
import * as Cost from "./cost.ts"
import * as Mesh from "./mesh.ts"
import * as Sockets from "./sockets.ts"

const ours = "PeerTable"
const fixedThreshold = "fixed five misses"
const map = "a Map"
const establishedPeers = "established peers"

const variantOptions = { [ours]: {}, [fixedThreshold]: { table: { maxMissed: 5 } } } as const
type VariantName = keyof typeof variantOptions
const variants: ReadonlyArray<string> = [ours, fixedThreshold]

/** Measures simulated peers. The result depends only on the seed, which differs in each round. */
const simulated = (
  name: string,
  unit: string,
  figure: (variant: Pick<StatusRuns.Scenario, "table">, seed: number, contestant: VariantName) => number,
  of: ReadonlyArray<string> = variants
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
        return figure(variantOptions[contestant as VariantName], seed, contestant as VariantName)
      })
  }
}

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Returns the slowest detection in a run without loss, in which a tenth of the peers fails. */
const detection = (peers: number, observers: number) =>
  simulated(`failure detected by the last of ${peers.toLocaleString("en")} peers`, "intervals", (variant, seed) => {
    const setting = { ...variant, seed, peers, observers: Array.from({ length: observers }, (_, n) => n) }
    return Math.max(...StatusRuns.measureDetection(setting, Math.ceil(peers / 10), 2).detectionTimes)
  })

const delay = (loss: number) =>
  simulated(`failure detected at ${loss * 100} % loss, on average`, "intervals", (variant, seed) =>
    mean(
      StatusRuns.measureDetection({ ...variant, seed, peers: 60, observers: [0, 1, 2, 3, 4], loss }, 20, 200)
        .detectionTimes
    )
  )

const networks = 20

/**
 * Measures false alarms in many networks of 20 peers, once for all rounds. Hours are those of one observer and one
 * peer.
 */
const falseAlarms = (loss: number, { quick }: Options) => {
  const pairHours: Readonly<Record<VariantName, number>> = {
    [ours]: loss === 0.2 ? 20_000 : 10_000,
    [fixedThreshold]: 200
  }
  const measured = new Map<VariantName, number>()
  return simulated(`false alarms at ${loss * 100} % loss, at most`, "1/1,000 h", (variant, _, contestant) => {
    const figure = measured.get(contestant)
    if (figure !== undefined) return figure
    let [downs, watched] = [0, 0]
    for (let seed = 1; seed <= (quick ? 1 : networks); seed++) {
      const hours = (quick ? 20 : pairHours[contestant]) / networks / 380
      const found = StatusRuns.countFalseAlarms({ ...variant, seed, peers: 20, loss }, hours)
      downs += found.downs
      watched += found.pairHours
    }
    const limit = (1_000 * StatusRuns.upperBound(downs)) / watched
    measured.set(contestant, limit)
    return limit
  })
}

const inBursts = simulated("false alarms at 20 % loss in bursts of 3", "1/1,000 h", (variant, seed) => {
  const { downs, pairHours } = StatusRuns.countFalseAlarms(
    { ...variant, seed, peers: 20 },
    0.25,
    StatusRuns.bursts(0.2, 3, seed)
  )
  return (1_000 * downs) / pairHours
})

const partitionIntervals = [1, 3, 6, 20, 70, 150]

const partitions = simulated("partitions healed, the slowest", "intervals", (variant, seed) =>
  Math.max(...partitionIntervals.map((cut) => StatusRuns.timeToHeal({ ...variant, seed, peers: 20 }, cut)))
)

const restart = simulated("restart detected by the last of 100 peers", "intervals", (variant, seed) =>
  Math.max(...StatusRuns.timesToSee({ ...variant, seed, peers: 100 }, "Restarted"))
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
      "forged packet, the slowest",
      "us",
      () => Math.max(...run().map(({ microsPerPacket }) => microsPerPacket)),
      [ours]
    ),
    simulated("records in a flood, at most", "", () => Math.max(...done.map(({ maxRecords }) => maxRecords)), [ours]),
    simulated("peers never lost in a flood", "", () => 201 - Math.max(...done.map(lostPeers)), [ours]),
    simulated(establishedPeers, "", () => 201, [ours])
  ]
}

/** Counts the lost peers, of 200 established ones and a newcomer. */
const lostPeers = ({ affected, joinDelay }: StatusRuns.Flood) => affected + (joinDelay === 0 ? 0 : 1)

const cost = (name: string, figure: Readonly<Record<string, () => number>>): Measure => ({
  name,
  unit: "us",
  contestants: Object.keys(figure),
  lowerIsBetter: true,
  sample: (contestant) => Effect.sync(() => figure[contestant]!())
})

const measures = (options: Options): ReadonlyArray<Measure> => [
  cost("packet, 200 records", { [ours]: () => Cost.receive(200), [map]: () => Cost.storeInMap(200) }),
  cost("packet, 1,000 records", { [ours]: () => Cost.receive(1_000), [map]: () => Cost.storeInMap(1_000) }),
  cost("check of all 1,000 records", { [ours]: () => Cost.scan(1_000) }),
  cost("list of 1,000 peers", { [ours]: () => Cost.list(1_000) }),
  detection(10, 10),
  detection(100, 100),
  ...(options.quick ? [] : [detection(1_000, 100)]),
  ...[0.05, 0.1, 0.2, 0.3].flatMap((loss) => [falseAlarms(loss, options), delay(loss)]),
  inBursts,
  partitions,
  restart,
  ...floods(options.quick ? 1 : 5),
  traffic(10),
  traffic(1_000),
  ...Mesh.measures,
  ...Sockets.measures(options)
]

const figure = (measure: string, value: number, peer: string = fixedThreshold): Comparison => ({
  measure,
  peer,
  bar: { subject: "figure", comparator: "<=", value }
})

const comparisons: ReadonlyArray<Comparison> = [
  figure("packet, 200 records", 2, map),
  figure("packet, 1,000 records", 2, map),
  { measure: "check of all 1,000 records", peer: ours, peerMeasure: "list of 1,000 peers" },
  ...["10", "100", "1,000"].map((peers) => figure(`failure detected by the last of ${peers} peers`, 6)),
  ...[5, 10, 20, 30].flatMap(
    (percent): ReadonlyArray<Comparison> => [
      figure(`false alarms at ${percent} % loss, at most`, 1),
      { measure: `failure detected at ${percent} % loss, on average`, peer: fixedThreshold }
    ]
  ),
  { measure: inBursts.name, peer: fixedThreshold },
  figure(partitions.name, 3),
  figure(restart.name, 1),
  { measure: "forged packet, the slowest", peer: ours, peerMeasure: "packet, 200 records" },
  figure("records in a flood, at most", 4_096, ours),
  {
    measure: "peers never lost in a flood",
    peer: ours,
    peerMeasure: establishedPeers,
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

const contestants = [ours, fixedThreshold, map, Mesh.ours, Sockets.ours, Sockets.raw]

export const benchmark: Benchmark = {
  name: "status",
  description: `Peer tables in virtual time, with the default settings. Each peer has a table (of 1,000 peers, 100 of them), sends heartbeats
with gaps of 0.9 to 1.0 intervals, and ticks four times an interval. The comparison is a table with a fixed threshold of five
misses at any loss. Detection times are those of the slowest table: without loss, a tenth of the peers fails in the third
interval. False alarms are running peers that were declared down, in 20 networks of 20 peers, over 20,000 hours of one
observer and one peer at 20 % loss (10,000 at other rates, 200 for five misses). The result is the upper 95 % confidence
limit of the rate: with no event at all it is 3 / hours. A flood is 10,000 forged ids a second, sent to a table with 200 peers
while another peer joins. A mesh has its default rate, 1,000 packets a second, and an interval of one second. The cost of a
packet is that of the table alone, with unchanged payloads and including ticks; the comparison is a Map that stores the latest
packet of each peer.

${Sockets.description}`,
  comparisons,
  prepare: (options) => Effect.succeed({ contestants, measures: measures(options), notes: [] })
}
