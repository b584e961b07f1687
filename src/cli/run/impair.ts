/** The proxy of `impair`: starts it, and tells how it goes. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../network/Network.ts"
import * as AddressInfo from "../../network/names/AddressInfo.ts"
import type { FaultPlan } from "../../simulation/faults/FaultPlan.ts"
import * as Impairment from "../../simulation/impairment/Impairment.ts"
import * as ImpairProxy from "../../simulation/impairment/ImpairProxy.ts"
import * as flags from "../common/flags.ts"
import { Stop } from "../common/Shutdown.ts"
import { dissectors } from "./common/dissectors.ts"
import * as network from "./common/network.ts"
import { announce, explain } from "./common/serverMessages.ts"

interface Input {
  readonly listen: flags.Endpoint
  readonly to: flags.Endpoint
  readonly plan: FaultPlan
  readonly seed: number
  readonly udp: boolean
  readonly tcp: boolean
  readonly json: boolean
}

const transportsOf = ({ tcp, udp }: Input): ReadonlyArray<"udp" | "tcp"> =>
  udp === tcp ? ["udp", "tcp"] : [udp ? "udp" : "tcp"]

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

const passed = ({ bytes, datagrams }: ImpairProxy.Passed) =>
  `${plural(datagrams, "datagram")}, ${plural(bytes, "byte")}`

const lineOf = (impairment: Impairment.Impairment, { back, refused, tcp, there, udp }: ImpairProxy.Stats) =>
  [
    `clients: ${udp} udp, ${tcp} tcp${refused === 0 ? "" : `, ${refused} refused`}`,
    `there: ${passed(there)}`,
    `back: ${passed(back)}`,
    `faults: ${impairment.summary() || "none"}`
  ].join("; ")

export const impair = Effect.fnUntraced(
  function* (input: Input) {
    const { json, listen, plan, seed, to } = input
    const transports = transportsOf(input)
    // A name may have addresses of both families: the server is most likely reached as the proxy is.
    const family = listen.host.includes(":") ? 6 : 4
    const isName = !/^[\d.]+$|:/.test(to.host)
    const [server] = yield* AddressInfo.getaddrinfo(to.host, to.port, isName ? { family } : {})
    const impairment = yield* Effect.fromResult(Impairment.make(plan, { seed, dissectors }))
    const captured = yield* network.Captured
    const isBoth = plan.length > 0 && captured === undefined && (yield* flags.Capture) !== undefined
    if (isBoth) yield* Effect.logWarning("with --faults, the capture marks what those do, and not what --plan does")
    let line: (() => string) | undefined
    let told: string | undefined
    const tell = Effect.suspend(() => {
      told = line?.()
      return told === undefined ? Effect.void : Effect.logInfo(told)
    })
    // Said last, when the proxy has drained.
    yield* Effect.addFinalizer(() => tell)
    const { listening, network: beneath } = captured ?? { network: yield* Network.Network }
    const proxy = yield* ImpairProxy.make(impairment, { listen, to: server.address, transports, listening }).pipe(
      Effect.provideService(Network.Network, beneath),
      Effect.catch(({ reason, transport }) => explain("impair", listen.port, "--listen", transport)(reason))
    )
    line = () => lineOf(impairment, proxy.stats())
    told = line()
    yield* json
      ? announce("impair", proxy.address, true)
      : Console.log(
          `impair on ${NetAddress.formatInet(proxy.address)} (${transports.join(", ")}), to ${NetAddress.formatInet(server.address)}`
        )
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.sleep("1 second"),
          Effect.suspend(() => (line?.() === told ? Effect.void : tell))
        )
      )
    )
    yield* yield* Stop
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
