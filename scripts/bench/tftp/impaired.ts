/** The rate of a download over a round trip time of 20 ms, with and without loss. */
import * as Effect from "effect/Effect"
import * as TftpPeers from "../../../test/support/tftp/TftpPeers.ts"
import { BenchError, start } from "../child.ts"
import type { Comparison, Measure } from "../harness.ts"
import { inet, isHere, names, type Stage } from "./stage.ts"

/** A foreign client and a foreign server. */
interface Pair {
  readonly client: TftpPeers.Client
  readonly server: TftpPeers.Server
  readonly blksize?: number
  readonly windowsize?: number
}

interface Row {
  readonly name: string
  readonly plan: string
  readonly bar: number
  readonly pairs: Readonly<Record<string, Pair>>
}

const delay = "delay=10ms"

const windowed: Pair = { client: "atftp", server: "atftpd", blksize: 1_428, windowsize: 64 }

const rows: ReadonlyArray<Row> = [
  {
    name: "round trip 20 ms, 2 % lost",
    plan: `drop=2%, ${delay}`,
    bar: 3,
    pairs: {
      "atftp, atftpd, window 64": windowed,
      "tftp-hpa, tftpd-hpa": { client: "tftp-hpa", server: "tftpd-hpa" },
      "curl 1428, tftpd-hpa": { client: "curl", server: "tftpd-hpa", blksize: 1_428 },
      "curl 1428, atftpd": { client: "curl", server: "atftpd", blksize: 1_428 },
      "curl 1428, dnsmasq": { client: "curl", server: "dnsmasq", blksize: 1_428 }
    }
  },
  {
    name: "round trip 20 ms",
    plan: delay,
    bar: 10,
    pairs: {
      "tftp-hpa, tftpd-hpa": { client: "tftp-hpa", server: "tftpd-hpa" },
      "atftp, atftpd": { client: "atftp", server: "atftpd" },
      "curl, tftpd-hpa": { client: "curl", server: "tftpd-hpa" },
      "curl, atftpd": { client: "curl", server: "atftpd" },
      "curl, dnsmasq": { client: "curl", server: "dnsmasq" }
    }
  },
  // The best setting of a peer, without a bar; the row above has its defaults.
  {
    name: "round trip 20 ms, peer with window 64",
    plan: delay,
    bar: 0,
    pairs: { "atftp, atftpd, window 64": windowed }
  }
]

/** The time after which a run is ended; the bytes received by then count. */
const maxRunMillis = 120_000

const isPairHere = ({ client, server }: Pair) => TftpPeers.isInstalled(client) && isHere(server)

export const measures = (stage: Stage): ReadonlyArray<Measure> =>
  rows.flatMap(({ name, pairs, plan }) => {
    const of = [names.ours, ...Object.keys(pairs).filter((pair) => isPairHere(pairs[pair]!))]
    const seeds = new Map<string, number>()
    const sample = Effect.fnUntraced(function* (contestant: string) {
      const pair = pairs[contestant]
      const server = yield* stage.server(pair?.server ?? names.ours)
      // The faults of all contestants have the same seeds.
      const seed = (seeds.get(contestant) ?? 0) + 1
      seeds.set(contestant, seed)
      const to = `${server.address}:${server.port}`
      const proxy = yield* start(process.execPath, [
        ...[inet, "impair", "--log-level", "error", "--udp", "--json", "--listen", "127.0.0.1:0", "--to", to],
        ...["--plan", plan, "--seed", String(seed)]
      ])
      const { port } = JSON.parse(proxy.firstLine) as { readonly port: number }
      const address = "127.0.0.1"
      // Lock-step is slow: a small file suffices.
      const file = pair === undefined || pair.windowsize !== undefined ? "8M" : "256K"
      const { bytes, isWhole, stderr, took } = yield* stage.fetch(
        [file],
        (remote, local) =>
          pair === undefined
            ? [process.execPath, [inet, "tftp", "get", `tftp://${address}:${port}/${remote}`, "-o", local]]
            : TftpPeers.commandOf(pair.client, { ...pair, verb: "get", address, port, remote, local }),
        maxRunMillis
      )
      if (pair === undefined && !isWhole) {
        return yield* new BenchError({ message: `${name}: ours ended with ${bytes} bytes of ${file}: ${stderr}` })
      }
      return bytes / took / 1e6
    }, Effect.scoped)
    return of.length === 1 ? [] : [{ name, unit: "MB/s", contestants: of, oncePerRound: true, sample }]
  })

export const comparisons: ReadonlyArray<Comparison> = rows.flatMap(({ bar, name, pairs }) =>
  Object.keys(pairs).map(
    (peer): Comparison => ({
      measure: name,
      peer,
      bar: bar === 0 ? undefined : { subject: "ratio", comparator: ">=", value: bar }
    })
  )
)
