/** The duration of downloads over loopback, single and concurrent, and the processor time of the server. */
import * as Effect from "effect/Effect"
import * as TftpPeers from "../../../test/support/tftp/TftpPeers.ts"
import { BenchError } from "../child.ts"
import type { Comparison, Measure } from "../harness.ts"
import * as Proc from "./proc.ts"
import { type Cores, contestants, curls, isHere, names, type Stage, sizes } from "./stage.ts"

interface Row {
  readonly name: string
  readonly client: TftpPeers.Client
  readonly blksize: number | undefined
  readonly windowsize: number | undefined
  /** The files fetched concurrently: the result is the time for one, the rate for many. */
  readonly files: ReadonlyArray<string>
  readonly cores: Cores
  readonly bars: Readonly<Record<string, Comparison["bar"]>>
}

const atLeast = (value: number) => ({ subject: "ratio", comparator: ">=", value }) as const
const atMost = (value: number) => ({ subject: "ratio", comparator: "<=", value }) as const

const one = { client: "atftp", files: ["32M"], cores: 1 } as const
const many = {
  client: "curl",
  files: Array.from({ length: curls }, (_, i) => `2M-${i}`),
  blksize: 1_428,
  windowsize: undefined
} as const

const rows: ReadonlyArray<Row> = [
  {
    ...one,
    name: "lock-step, 512 B",
    blksize: undefined,
    windowsize: undefined,
    bars: { [names.floor]: atMost(1.1), [names.atftpd]: atMost(1.25) }
  },
  {
    ...one,
    name: "window 64 of 1428 B",
    blksize: 1_428,
    windowsize: 64,
    bars: { [names.floor]: atMost(1.1), [names.atftpd]: atMost(1.25) }
  },
  { ...one, name: "blksize 65464", blksize: 65_464, windowsize: undefined, bars: { [names.floor]: atMost(1.15) } },
  { ...many, name: "64 curls at once, 1428 B", cores: 1, bars: {} },
  { ...many, name: "64 curls at once, 1428 B, 2 threads", cores: 2, bars: { [names.hpa]: atLeast(0.8) } }
]

const cpuOf = ({ name }: Row) => `${name}: CPU per packet`

/** The servers that do not support windowsize. */
const withoutWindow: ReadonlyArray<string> = [names.hpa, names.dnsmasq]

/** Returns the number of DATA and ACK packets of a transfer without loss. */
const packets = (size: number, { blksize = 512, windowsize = 1 }: Row, contestant: string) => {
  const blocks = Math.floor(size / blksize) + 1
  return blocks + Math.ceil(blocks / (withoutWindow.includes(contestant) ? 1 : windowsize))
}

/** The samples of a measure that the harness takes in a round. */
const samples = 6

export const measures = (stage: Stage): ReadonlyArray<Measure> =>
  rows.flatMap((row): ReadonlyArray<Measure> => {
    const { blksize, client, cores, files, name, windowsize } = row
    if (!TftpPeers.isInstalled(client)) return []
    const of = contestants.filter(isHere)
    const spent = new Map<string, Array<{ readonly micros: number; readonly packets: number }>>()
    const bytes = files.reduce((sum, file) => sum + sizes[file]!, 0)
    const fetchAll = Effect.fnUntraced(function* (contestant: string) {
      const { address, cpu, port } = yield* stage.server(contestant, cores)
      const before = cpu()
      const { isWhole, stderr, took, ...fetched } = yield* stage.fetch(files, (remote, local) =>
        TftpPeers.commandOf(client, { verb: "get", address, port, remote, local, blksize, windowsize })
      )
      if (!isWhole) {
        const what = `${fetched.bytes} bytes of ${bytes}, or not the right ones`
        return yield* new BenchError({ message: `${name}: ${contestant} sent ${what}: ${stderr}` })
      }
      const micros = cpu() - before
      const count = files.reduce((sum, file) => sum + packets(sizes[file]!, row, contestant), 0)
      spent.set(contestant, [...(spent.get(contestant) ?? []), { micros, packets: count }].slice(-samples))
      return took
    })
    const rate = (contestant: string) => Effect.map(fetchAll(contestant), (took) => bytes / took / 1e6)
    const perPacket = (contestant: string) =>
      Effect.sync(() => {
        const all = spent.get(contestant) ?? []
        const sum = (of: "micros" | "packets") => all.reduce((total, each) => total + each[of], 0)
        return sum("micros") / sum("packets")
      })
    return [
      files.length === 1
        ? { name, unit: "s", contestants: of, lowerIsBetter: true, sample: fetchAll }
        : { name, unit: "MB/s", contestants: of, sample: rate },
      ...(Proc.hasMeter
        ? [
            {
              name: cpuOf(row),
              unit: "us",
              contestants: of,
              lowerIsBetter: true,
              oncePerRound: true,
              sample: perPacket
            }
          ]
        : [])
    ]
  })

export const comparisons: ReadonlyArray<Comparison> = rows.flatMap((row) =>
  [row.name, cpuOf(row)].flatMap((measure) =>
    contestants
      .filter((peer) => peer !== names.ours)
      .map((peer): Comparison => ({ measure, peer, bar: measure === row.name ? row.bars[peer] : undefined }))
  )
)
