/**
 * Options of servers as `Config`, under the names of the command line's environment variables, such as ROT13_PORT.
 *
 * **Example** (Options from the environment)
 *
 * ```ts
 * import * as ConfigProvider from "effect/ConfigProvider"
 * import * as Duration from "effect/Duration"
 * import * as Effect from "effect/Effect"
 * import { ServerConfig } from "effect-inet/network"
 *
 * const config = ServerConfig.tcp("rot13", { port: 1067, maxConnections: 64 })
 * const environment = ConfigProvider.fromEnv({ env: { ROT13_PORT: "0", ROT13_IDLE_TIMEOUT: "5s" } })
 * const options = Effect.runSync(config.parse(environment))
 * options.port // => 0
 * options.maxConnections // => 64
 * Duration.toMillis(options.idleTimeout ?? 0) // => 5000
 * ```
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as IpInterface from "effect/net/IpInterface"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Network from "./Network.ts"
import type * as TcpServer from "./TcpServer.ts"

/** Returns the environment variable of an option of a service. @category getters @since 0.1.0 */
export const variable = (service: string, option: string): string =>
  `${service}_${option}`.toUpperCase().replaceAll("-", "_")

/** Creates a config of a whole number within limits. @category constructors @since 0.1.0 */
export const integer = (service: string, option: string, minimum: number, maximum: number): Config.Config<number> =>
  Config.schema(
    Schema.Int.check(Schema.isBetween({ minimum, maximum }, { expected: `a whole number, ${minimum} to ${maximum}` })),
    variable(service, option)
  )

/** Creates a config of a port; unlike `Config.Port` it allows 0, any free port. @category constructors @since 0.1.0 */
export const port = (service: string): Config.Config<number> => integer(service, "port", 0, 65_535)

const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/
const unitMillis = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** Parses a duration such as 500ms, 5s, 1m or 2h. @category parsing @since 0.1.0 */
export const parseDuration = (text: string): Duration.Duration | undefined => {
  const [, amount, unit] = durationPattern.exec(text) ?? []
  return amount === undefined
    ? undefined
    : Duration.millis(Number(amount) * unitMillis[unit as keyof typeof unitMillis])
}

/** Creates a config of a duration. @category constructors @since 0.1.0 */
export const duration = (service: string, option: string): Config.Config<Duration.Duration> =>
  Config.schema(
    Schema.String.check(Schema.isPattern(durationPattern, { expected: "a time such as 500ms, 5s, 1m or 2h" })),
    variable(service, option)
  ).pipe(Config.map((text) => parseDuration(text)!))

/** Parses a range of ports, inclusive, such as 50000-50100. @category parsing @since 0.1.0 */
export const parsePortRange = (text: string): readonly [from: number, to: number] | undefined => {
  const [, from = 0, to = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(Number)
  return 1 <= from && from <= to && to <= 65_535 ? [from, to] : undefined
}

/** Creates a config of a range of ports. @category constructors @since 0.1.0 */
export const portRange = (service: string): Config.Config<readonly [from: number, to: number]> => {
  const isRange = Schema.makeFilter((text: string) => parsePortRange(text) !== undefined, {
    expected: "two ports such as 50000-50100"
  })
  const text = Config.schema(Schema.String.check(isRange), variable(service, "port-range"))
  return Config.map(text, (text) => parsePortRange(text)!)
}

const network = (text: string): IpNetwork.IpNetwork | undefined =>
  Option.getOrUndefined(
    Result.getSuccess(
      text.includes("/")
        ? Result.map(IpInterface.fromString(text), IpNetwork.fromInterface)
        : Result.flatMap(NetAddress.ipFromString(text), (address) =>
            IpNetwork.fromAddress(address, NetAddress.isIpv4Address(address) ? 32 : 128)
          )
    )
  )

/**
 * Parses networks in CIDR notation, or single addresses, separated by commas: 10.0.0.0/8, 192.0.2.7. Of an address with
 * a prefix, such as 10.1.2.3/8, the result is its network, 10.0.0.0/8.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseNetworks = (text: string): ReadonlyArray<IpNetwork.IpNetwork> | undefined => {
  const parsed = text.split(",").map((one) => network(one.trim()))
  return parsed.every((one) => one !== undefined) ? parsed : undefined
}

/** The values of an option of networks, for messages. @category constants @since 0.1.0 */
export const expectedNetworks = "networks such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, separated by commas"

/** Creates a config of networks. @category constructors @since 0.1.0 */
export const networks = (service: string, option: string): Config.Config<ReadonlyArray<IpNetwork.IpNetwork>> => {
  const areNetworks = Schema.makeFilter((text: string) => parseNetworks(text) !== undefined, {
    expected: expectedNetworks
  })
  const text = Config.schema(Schema.String.check(areNetworks), variable(service, option))
  return Config.map(text, (text) => parseNetworks(text)!)
}

/** Options of a server on a TCP port that the environment may replace. @category models @since 0.1.0 */
export type Defaults<Options> = Partial<Extract<Options, Network.TcpListenOptions>>

/**
 * Creates a config of the address and the limits of a TCP server. An option without a variable keeps its default; so do
 * all other options.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tcp = <Options extends Network.TcpListenOptions & TcpServer.Limits>(
  service: string,
  defaults: Options
): Config.Config<Options & Network.TcpListenOptions & TcpServer.Limits> => {
  const count = (option: string) => integer(service, option, 1, Number.MAX_SAFE_INTEGER)
  const variables = Config.all({
    host: Config.withDefault(Config.String(variable(service, "host")), defaults.host),
    port: Config.withDefault(port(service), defaults.port),
    maxConnections: Config.withDefault(count("max-connections"), defaults.maxConnections),
    maxConnectionsPerPeer: Config.withDefault(count("max-per-peer"), defaults.maxConnectionsPerPeer),
    idleTimeout: Config.withDefault(duration(service, "idle-timeout"), defaults.idleTimeout),
    writeTimeout: Config.withDefault(duration(service, "write-timeout"), defaults.writeTimeout),
    drain: Config.withDefault(duration(service, "drain"), defaults.drain),
    backlog: Config.withDefault(count("backlog"), defaults.backlog),
    connectionsPerSecond: Config.withDefault(count("connections-per-second"), defaults.connectionsPerSecond),
    connectionsPerSecondPerPeer: Config.withDefault(
      count("connections-per-second-per-peer"),
      defaults.connectionsPerSecondPerPeer
    ),
    allow: Config.withDefault(networks(service, "allow"), defaults.allow),
    deny: Config.withDefault(networks(service, "deny"), defaults.deny),
    keepAlive: Config.withDefault(duration(service, "keep-alive"), defaults.keepAlive),
    proxyProtocol: Config.withDefault(Config.Boolean(variable(service, "proxy-protocol")), defaults.proxyProtocol)
  })
  return Config.map(variables, (options) => ({ ...defaults, ...options }))
}
