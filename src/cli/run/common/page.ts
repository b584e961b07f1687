/** The page of a process: its hub, its server, and the services that show themselves on it while they run. */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Network from "../../../network/Network.ts"
import * as NodePageAssets from "../../../web/assets/NodePageAssets.ts"
import * as GameSessions from "../../../web/games/GameSessions.ts"
import * as NodePageServer from "../../../web/NodePageServer.ts"
import * as PageHub from "../../../web/PageHub.ts"
import { PageError } from "../../../web/PageRpc.ts"
import * as PageToken from "../../../web/PageToken.ts"
import * as PacketWatch from "../../../web/packets/PacketWatch.ts"
import * as ConnectionSource from "../../../web/sources/ConnectionSource.ts"
import * as ServiceSource from "../../../web/sources/ServiceSource.ts"
import { UsageError } from "../../common/CliErrors.ts"
import type { Endpoint } from "../../common/flagParsers.ts"
import * as NodePackage from "../../NodePackage.ts"
import { captureDissectors } from "./dissectors.ts"
import { PagePackets } from "./network.ts"
import * as pageService from "./pageService.ts"
import { connectableHost } from "./serverMessages.ts"

/** A request that a service cannot do, as one line for the visitor of the page. */
export type Refusal = Pick<PageError, "message" | "reason">

/** The services of a process, for its page. */
export interface Contents {
  readonly services: Effect.Effect<ReadonlyArray<pageService.PageService>>
  /** Starts a service again. Default: none can be. */
  readonly restart?: ((service: string) => Effect.Effect<void, Refusal>) | undefined
}

/** Address of the page and rights of its visitors. */
export interface Options {
  readonly address: Endpoint
  /** True if those with the token may play games and restart services. */
  readonly control: boolean
  /** Names of this machine in the address of the page. */
  readonly hosts: ReadonlyArray<string>
}

/** A page that is served. */
export interface Page {
  readonly address: NetAddress.InetAddress
  /** True if other machines reach it. */
  readonly isOpen: boolean
  /** The link to it, with the token of `control`, or the name of the variable that has it. */
  readonly link: string
  /** The link without the token, for the log. */
  readonly plainLink: string
  /** Shows what a service that has started does, until the scope closes. */
  readonly add: (
    service: Pick<pageService.PageService, "name" | "running" | "service" | "values">
  ) => Effect.Effect<void, never, Scope.Scope>
}

/** Returns the host and the port at which a browser of this machine reaches an address. */
const authorityOf = (address: NetAddress.InetAddress): string => {
  const host = connectableHost(address)
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`
}

/** Variable with a token that stays the same; a random one changes with each start. */
const tokenVariable = "PAGE_TOKEN"

/** Returns the token of `--control`, and what the link shows of it: a token that stays the same is in no log. */
const makeToken = Effect.gen(function* () {
  const given = yield* Config.option(Config.String(tokenVariable))
  if (Option.isNone(given)) {
    const token = yield* PageToken.generate
    return { token, shown: token }
  }
  return { token: yield* PageToken.fromText(given.value), shown: Redacted.make(`$${tokenVariable}`) }
}).pipe(Effect.mapError(({ message }) => new UsageError({ message: `${tokenVariable}: ${message}` })))

/** Creates the record of packets that browsers watch. Nothing is recorded while none does. */
export const makePackets = Effect.suspend(() => PacketWatch.make({ dissectors: captureDissectors }))

/** Serves the page of a process. One without a network, such as a count of primes, plays no games. */
const serve = Effect.fnUntraced(function* (
  { address: { host, port }, control, hosts }: Options,
  { restart, services }: Contents
) {
  const hub = yield* PageHub.make
  const network = Option.getOrUndefined(yield* Effect.serviceOption(Network.Network))
  const games =
    network === undefined ? undefined : yield* Effect.provideService(GameSessions.make(), Network.Network, network)
  const packets = yield* PagePackets
  const { shown, token } = control ? yield* makeToken : {}
  const rows = Effect.map(services, (all) => all.map((one) => pageService.toEntry(one, restart !== undefined)))
  yield* hub.register({ services: ServiceSource.make(rows) })
  // The one service of another command than `up` starts again with its process only.
  const isReadOnly = restart === undefined && (yield* services).every((one) => pageService.gameOf(one) === undefined)
  // From the sources the page is bundled, which is of no use if it cannot be served.
  const assets = yield* Effect.cached(Scope.provide(NodePageAssets.make, yield* Effect.scope))
  const server = NodePageServer.layer({
    ...{ host, port, hub, packets, games, token, hosts, isReadOnly },
    restart:
      restart === undefined
        ? undefined
        : (service) => Effect.mapError(restart(service), (error) => new PageError(error)),
    assets: { get: (path) => Effect.flatMap(assets, ({ get }) => get(path)) },
    version: NodePackage.version()
  })
  const { address } = Context.get(yield* Layer.build(server), HttpServer.HttpServer)
  yield* assets
  // It listens on a port.
  if (!NetAddress.isInetAddress(address)) return yield* Effect.die(`page: unexpected address ${address.path}`)

  const add: Page["add"] = Effect.fnUntraced(function* (service) {
    const { name, running, values } = service
    if (running === undefined) return
    if (running.page !== undefined) yield* hub.register(running.page)
    if (running.connections !== undefined)
      yield* hub.register({ connections: ConnectionSource.make(name, running.connections) })
    const port = pageService.packetsOf(service)
    if (port !== undefined && packets !== undefined)
      yield* packets.serve(name, { ...port, clients: running.ownPortClients })
    const game = pageService.gameOf(service)
    if (game !== undefined && games !== undefined && running.address !== undefined)
      yield* games.register(name, game, running.address, { range: pageService.rangeOf(values) })
  })
  const [link, plainLink] = [shown, undefined].map((token) => PageToken.link(authorityOf(address), token)) as [
    string,
    string
  ]
  const page: Page = { address, isOpen: !NetAddress.isLoopback(address.address), link, plainLink, add }
  return page
})

/** Serves the page until the scope closes. Nothing of it is left if it cannot listen. */
export const open = Effect.fnUntraced(function* (options: Options, contents: Contents) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  return yield* Scope.provide(serve(options, contents), scope).pipe(
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
})
