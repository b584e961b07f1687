/** The `impair` command: runs the proxy and logs its statistics. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import * as Network from "../../network/Network.ts"
import * as AddressInfo from "../../network/names/AddressInfo.ts"
import type { FaultPlan } from "../../simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../simulation/impairment/Impairment.ts"
import * as ImpairProxy from "../../simulation/impairment/ImpairProxy.ts"
import * as flags from "../common/flags.ts"
import { dissectors } from "./common/dissectors.ts"
import * as network from "./common/network.ts"
import * as runServer from "./common/runServer.ts"
import { announce, explainListenError } from "./common/serverMessages.ts"

interface Input extends runServer.Operations {
  readonly listen: flags.Endpoint
  readonly to: flags.Endpoint
  readonly plan: FaultPlan
  readonly seed: number
  readonly udp: boolean
  readonly tcp: boolean
}

const transportsOf = ({ tcp, udp }: Input): ReadonlyArray<"udp" | "tcp"> =>
  udp === tcp ? ["udp", "tcp"] : [udp ? "udp" : "tcp"]

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`

const formatCounts = ({ bytes, datagrams }: ImpairProxy.TrafficCounts) =>
  `${plural(datagrams, "datagram")}, ${plural(bytes, "byte")}`

const statsLine = (impairment: Impairment.Impairment, { toClients, refused, tcp, toServer, udp }: ImpairProxy.Stats) =>
  [
    `clients: ${udp} udp, ${tcp} tcp${refused === 0 ? "" : `, ${refused} refused`}`,
    `to server: ${formatCounts(toServer)}`,
    `to clients: ${formatCounts(toClients)}`,
    `faults: ${impairment.summary() || "none"}`
  ].join("; ")

/** Returns the counters for the page: its traffic by direction, and how often each rule was applied. */
const pageStatsOf = (
  { engine, plan }: Impairment.Impairment,
  { refused, tcp, toClients, toServer, udp }: ImpairProxy.Stats
) => {
  const counts = engine.counts()
  return {
    ...{ udp, tcp, refused, toServer: toServer.datagrams, toClients: toClients.datagrams },
    ...{ bytesReceived: toServer.bytes, bytesSent: toClients.bytes },
    faults: plan.map((rule, index) => [FaultPlanSyntax.formatRule(rule), counts[index]!] as const)
  }
}

/** Starts the proxy, which logs its statistics when they change. */
const start = Effect.fnUntraced(function* (input: Input) {
  const { listen, plan, seed, to } = input
  const transports = transportsOf(input)
  // A name may have addresses of both families; prefer the family of the proxy's own address.
  const family = listen.host.includes(":") ? 6 : 4
  const isName = !/^[\d.]+$|:/.test(to.host)
  const [server] = yield* AddressInfo.getaddrinfo(to.host, to.port, isName ? { family } : {})
  const impairment = yield* Effect.fromResult(Impairment.make(plan, { seed, dissectors }))
  const capture = yield* network.CapturedNetwork
  const isBoth = plan.length > 0 && capture === undefined && (yield* flags.Capture) !== undefined
  if (isBoth) yield* Effect.logWarning("the capture marks only the faults of --faults, not those of --plan")
  let logStats: Effect.Effect<void> = Effect.void
  // Logged last, when the proxy has drained.
  yield* Effect.addFinalizer(() => logStats)
  const { observer, network: beneath } = capture ?? { network: yield* Network.Network }
  const proxy = yield* ImpairProxy.make(impairment, {
    listen,
    to: server.address,
    transports,
    observer
  }).pipe(
    Effect.provideService(Network.Network, beneath),
    Effect.catch(({ reason, transport }) => explainListenError("impair", listen.port, "--listen", transport)(reason))
  )
  let lastLine = statsLine(impairment, yield* proxy.stats)
  logStats = Effect.flatMap(proxy.stats, (stats) => {
    lastLine = statsLine(impairment, stats)
    return Effect.logInfo(lastLine)
  })
  yield* Effect.forkScoped(
    Stream.runForEach(proxy.statsEvery("1 second"), (stats) =>
      statsLine(impairment, stats) === lastLine ? Effect.void : logStats
    )
  )
  const pageStats = Effect.map(proxy.stats, (stats) => pageStatsOf(impairment, stats))
  return { ...proxy, pageStats, server: server.address, transports }
})

export const impair = (input: Input) =>
  runServer.serve("impair", input, start(input), {
    // A client of TCP has a connection on each side of the proxy.
    capacity: { clients: 1_024, descriptorsEach: input.udp && !input.tcp ? 1 : 2 },
    announce: ({ address, server, transports }) =>
      input.json
        ? announce("impair", address, true)
        : Console.log(
            `impair on ${NetAddress.formatInet(address)} (${transports.join(", ")}), to ${NetAddress.formatInet(server)}`
          )
  })
