/** Sends numbered datagrams over a simulated link, and shows when each was sent and when it arrived. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Network from "../../../network/Network.ts"
import type * as SimLan from "../../../simulation/network/SimLan.ts"
import * as Simulation from "../../../simulation/Simulation.ts"
import * as Table from "../../../terminal/Table.ts"
import * as flags from "../../common/flags.ts"
import { dissectors } from "../common/dissectors.ts"
import * as network from "../common/network.ts"

/** A datagram; times are milliseconds since the start of the run. */
export interface Datagram {
  readonly number: number
  readonly sent: number
  readonly arrived: number | undefined
}

const port = 2000
const datagramCount = 20

/** Time between two datagrams. */
const sendIntervalMillis = 5

/** Sends the datagrams from one host to another, with the shared flags; the same seed gives the same run. */
export const send = Effect.fnUntraced(function* (link: SimLan.LinkOptions, seed: number) {
  const datagrams: Array<Datagram> = []
  const capture = yield* network.captureTap
  const scenario = Effect.fnUntraced(function* ({ host }: Simulation.Simulation) {
    const [sender, receiver] = [yield* host("sender"), yield* host("receiver")]
    yield* receiver.start(
      Effect.flatMap(Network.Network, (network) => network.udp({ host: receiver.address, port }, () => {}))
    )
    yield* sender.run(
      Effect.gen(function* () {
        const socket = yield* (yield* Network.Network).udp({ host: sender.address }, () => {})
        for (let number = 1; number <= datagramCount; number++) {
          yield* socket.send(Uint8Array.of(number), { address: receiver.address, port })
          yield* Effect.sleep(sendIntervalMillis)
        }
      })
    )
    yield* Effect.sleep("1 second")
  })
  const report = yield* Simulation.run(scenario, {
    link,
    seed,
    plan: yield* flags.Faults,
    dissectors,
    tap: (packet) => {
      const { arrives, at, bytes } = packet
      capture?.(packet)
      const arrived = arrives === undefined ? undefined : Number(arrives) / 1e6
      datagrams.push({ number: bytes[0]!, sent: Number(at) / 1e6, arrived })
    }
  })
  yield* report.exit
  return datagrams
}, Effect.scoped)

/** Returns the datagrams that arrived, in the order of arrival. */
export const arrivals = (datagrams: ReadonlyArray<Datagram>) =>
  datagrams
    .filter((one): one is Datagram & { readonly arrived: number } => one.arrived !== undefined)
    .toSorted((a, b) => a.arrived - b.arrived)

interface Event {
  readonly time: number
  readonly left: string
  readonly arrow: string
  readonly right: string
}

const columns = [Table.right(7), Table.right(8)]

/** Draws two hosts with time downwards: a line for each departure, and one for each arrival. */
const diagram = (datagrams: ReadonlyArray<Datagram>) => {
  const events: ReadonlyArray<Event> = datagrams.flatMap(({ arrived, number, sent }) => [
    { time: sent, left: `${number}`, arrow: arrived === undefined ? "---x      " : "---       ", right: "" },
    ...(arrived === undefined ? [] : [{ time: arrived, left: "", arrow: "      --->", right: `${number}` }])
  ])
  return events
    .toSorted((a, b) => a.time - b.time)
    .map(({ arrow, left, right, time }) => Table.formatRow(columns, [time.toFixed(1), left, arrow, right], " "))
    .map((line) => line.trimEnd())
    .join("\n")
}

/** Prints one JSON value, or the diagram with an introduction and a conclusion. */
export const show = (
  { json, seed }: { readonly json: boolean; readonly seed: number },
  datagrams: ReadonlyArray<Datagram>,
  { after, before, figures }: { readonly before: string; readonly after: string; readonly figures: object }
) =>
  json
    ? Console.log(JSON.stringify({ seed, ...figures, datagrams }))
    : Console.log(`${before}\n\n     ms   sender            receiver\n${diagram(datagrams)}\n\n${after}`)
