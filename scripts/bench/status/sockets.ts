/** Cost of status peers on real sockets: many peers in one process that all receive each other. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { start } from "../child.ts"
import type { Comparison, Measure, Options } from "../harness.ts"

const program = fileURLToPath(new URL("peers.ts", import.meta.url))

export const ours = "StatusPeer"
export const raw = "bare node:dgram"

const names = { [ours]: "status-peer", [raw]: "raw" } as const

/** Peers, each with an interval of one second. */
const peers = 200

const label = `${peers} peers in one process`

const measure = {
  full: `${label}: until all tables are complete`,
  core: `${label}: share of a core`,
  rate: `${label}: received`,
  arrived: `${label}: not dropped by the kernel`
} as const

/** Result as printed by the program. */
interface Found {
  /** Seconds until all tables are complete. */
  readonly full: number
  /** Percent of one core. */
  readonly core: number
  readonly rate: number
  /** Percent of the packets sent to each peer. */
  readonly arrived: number
}

export const description = `${peers} peers in one process, each with its own socket on 127.255.255.255, an interval of one second and the status of a host as
payload: every packet is received ${peers} times. The comparison is as many bare sockets that count the received packets.`

export const measures = ({ quick }: Options): ReadonlyArray<Measure> => {
  const found = new Map<string, Found>()
  const run = Effect.fnUntraced(function* (contestant: string) {
    const contestantName = names[contestant as keyof typeof names]
    const { firstLine: hello } = yield* start(process.execPath, [
      program,
      contestantName,
      `${peers}`,
      quick ? "1" : "10"
    ])
    found.set(contestant, JSON.parse(hello))
    return found.get(contestant)!.full
  }, Effect.scoped)
  const also = (figure: keyof Found) => (contestant: string) => Effect.sync(() => found.get(contestant)![figure])
  const of = [ours, raw]
  return [
    { name: measure.full, unit: "s", contestants: of, lowerIsBetter: true, oncePerRound: true, sample: run },
    { name: measure.core, unit: "%", contestants: of, lowerIsBetter: true, oncePerRound: true, sample: also("core") },
    { name: measure.rate, unit: "1/s", contestants: of, oncePerRound: true, sample: also("rate") },
    { name: measure.arrived, unit: "%", contestants: of, oncePerRound: true, sample: also("arrived") }
  ]
}

export const comparisons: ReadonlyArray<Comparison> = [
  { measure: measure.full, contestant: ours, peer: raw, bar: { subject: "figure", comparator: "<=", value: 3 } },
  { measure: measure.core, contestant: ours, peer: raw, bar: { subject: "figure", comparator: "<=", value: 60 } },
  { measure: measure.rate, contestant: ours, peer: raw },
  { measure: measure.arrived, contestant: ours, peer: raw, bar: { subject: "figure", comparator: ">=", value: 100 } }
]
