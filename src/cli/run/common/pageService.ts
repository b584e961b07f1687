/** A service of the process as the page shows it: its row, its packets and its game. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Endpoint from "../../../network/Endpoint.ts"
import type * as PageState from "../../../web/PageState.ts"
import type * as ServiceSource from "../../../web/sources/ServiceSource.ts"
import type { Running } from "../../common/ServerHost.ts"
import * as knownServices from "./knownServices.ts"

/** A service of the process. */
export interface PageService extends Pick<PageState.Service, "name" | "restarts" | "sinceMillis" | "state"> {
  /** Name of the service in messages, such as `rot13` or `status relay`: that of an instance is another one. */
  readonly service: string
  /** Values of the flags of its command. */
  readonly values: knownServices.Values
  readonly lastError?: string | undefined
  /** Undefined while it does not run. */
  readonly running: Running | undefined
}

/** The port of a service, and the dissector of its packets. */
export interface Port {
  readonly protocol: "tcp" | "udp"
  readonly port: number
  /** Address of the service; absent for one on all addresses. */
  readonly address?: string
  readonly dissector: string
}

/** Returns whether the clients of a service are served by sockets of worker processes or threads, without a tap. */
const isServedElsewhere = ({ model, perClient, threads }: knownServices.Values, service: string) =>
  model === "processes" ||
  (model === "threads" && perClient !== true) ||
  (service === "tftp" && typeof threads === "number" && threads > 1)

/**
 * Returns the address at which alone a service has its packets; undefined for any. A peer of `status` receives what is
 * sent to a broadcast address, and may have several sockets.
 */
const ownAddressOf = (service: string, inet: NetAddress.InetAddress): string | undefined => {
  const isAny = service === "status" || NetAddress.isUnspecified(NetAddress.toCanonical(inet.address))
  return isAny ? undefined : Endpoint.fromInet(inet).address
}

/** Returns the port of a service whose packets this process sees; undefined if it sees none of them. */
export const packetsOf = ({
  running,
  service,
  values
}: Pick<PageService, "running" | "service" | "values">): Port | undefined => {
  const known = knownServices.find(service)
  const address = running?.address
  if (known === undefined || address === undefined || !NetAddress.isInetAddress(address)) return undefined
  if (isServedElsewhere(values, service)) return undefined
  const { protocol } = known
  const own = ownAddressOf(service, address)
  const port = { protocol, port: address.port, dissector: service.split(" ")[0]! }
  return own === undefined ? port : { ...port, address: own }
}

const games: ReadonlySet<string> = new Set<PageState.Game>(["board", "guess", "hangman"])

const isGame = (service: string): service is PageState.Game => games.has(service)

/** Returns the game that a service plays with the page; none behind a proxy, whose header the page does not send. */
export const gameOf = ({ service, values }: Pick<PageService, "service" | "values">): PageState.Game | undefined =>
  isGame(service) && values.proxyProtocol !== true ? service : undefined

/** Returns the range of a number guessing server, which it does not announce. */
export const rangeOf = ({ max, min }: knownServices.Values) => ({
  min: typeof min === "number" ? min : 1,
  max: typeof max === "number" ? max : 1_000
})

/** Returns the row of a service without its figures. */
export const toEntry = (one: PageService, hasRestart: boolean): ServiceSource.Entry => {
  const { lastError, name, restarts, running, service, sinceMillis, state, values } = one
  const address = running?.address
  const game = gameOf(one)
  const tryIt = address === undefined ? undefined : knownServices.tryItOf(service, address, values)
  return {
    ...{ name, state, restarts, sinceMillis },
    stats: running?.pageStats ?? running?.stats ?? Effect.undefined,
    hasPackets: packetsOf(one) !== undefined,
    canRestart: hasRestart && state !== "stopped",
    ...(address === undefined ? {} : { address: NetAddress.formatSocketAddress(address) }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(game === undefined ? {} : { game }),
    ...(tryIt === undefined ? {} : { tryIt })
  }
}
