/**
 * The protocol between a server and its workers: plain JSON, the same for processes and threads.
 *
 * Asks, answers and pushes are encoded by the schemas of the session's definition.
 */
import * as Duration from "effect/Duration"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Network from "../../network/Network.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import type { Options } from "../ConcurrencyModel.ts"
import { type ClientInfo, type Definition, SessionError } from "../Session.ts"

/** Address as plain JSON. */
export type EncodedAddress = { readonly host: string; readonly port: number } | { readonly path: string }

type Encoded<Event> = Event extends { readonly remote: unknown }
  ? Omit<Event, "remote"> & { readonly remote: EncodedAddress }
  : never

/** Event of a worker's server as plain JSON. */
export type EncodedEvent = Encoded<TcpServer.Event>

/** Limits of a worker, with networks as text, and durations in milliseconds or as `Infinity`. */
export type Limits = Omit<TcpServer.Limits, "allow" | "deny"> &
  Pick<Options, "rate" | "seed"> & {
    readonly allow?: ReadonlyArray<string> | undefined
    readonly deny?: ReadonlyArray<string> | undefined
  }

/** First message to a worker: the session to serve. */
export interface Start {
  readonly _tag: "Start"
  readonly module: string
  readonly options: unknown
  /** True if the program has shared state. */
  readonly shared: boolean
  readonly limits: Limits
  /** The worker serves one client and then exits. */
  readonly singleClient?: boolean | undefined
  /** For a thread: the address on which it listens. */
  readonly listen?: Network.TcpListenOptions | undefined
}

/** Data of a thread at its start; `ids` is the last number of a client, for threads that listen. */
export interface ThreadData {
  readonly start: Start
  readonly ids?: BigInt64Array | undefined
}

/** Messages to a client of the worker. */
export type ToClient =
  | { readonly _tag: "Push"; readonly id: number; readonly message: unknown }
  /** Answer to the last ask. */
  | { readonly _tag: "Answer"; readonly id: number; readonly message: unknown }
  /** The shared state failed for this client; the worker disconnects it. */
  | { readonly _tag: "SharedStateError"; readonly id: number; readonly message: string }
  | { readonly _tag: "EndRead"; readonly id: number }
  | { readonly _tag: "Abort"; readonly id: number }

/** Messages to a worker. */
export type ToWorker =
  | Start
  /** A client: for a process with its descriptor attached to the message, for a thread with the port of its bytes. */
  | {
      readonly _tag: "Serve"
      readonly id: number
      readonly local: EncodedAddress
      readonly remote: EncodedAddress
      readonly port?: unknown
    }
  | ToClient
  /** Requests a `Report`. */
  | { readonly _tag: "RequestReport" }
  /** Requests an `Event` for each event of the worker's server, or no more of them. */
  | { readonly _tag: "WatchEvents"; readonly enabled: boolean }
  /** Replaces the limits, for open connections too. */
  | { readonly _tag: "Reconfigure"; readonly limits: Limits }
  /** For threads that listen: accept no new clients, and send `Drained` after the last one has gone. */
  | { readonly _tag: "Drain" }

/** Requests from a worker's client to the shared state. */
export type FromClient =
  | { readonly _tag: "Attach"; readonly client: ClientInfo }
  | { readonly _tag: "Ask"; readonly id: number; readonly ask: unknown }
  | { readonly _tag: "Detach"; readonly id: number }

/** Bytes received from and sent to one client. */
export type ClientTraffic = readonly [id: number, received: number, sent: number]

/** Returns the traffic of a client. */
export const trafficOf = ([id, connection]: readonly [number, Network.Connection]): ClientTraffic => {
  const { received, sent } = connection.traffic()
  return [id, received, sent]
}

/** Messages from a worker. */
export type FromWorker =
  /** The worker serves. */
  | { readonly _tag: "Ready" }
  /** The worker cannot serve. */
  | { readonly _tag: "Failed"; readonly error: typeof SessionError.Encoded }
  /** The worker has accepted the connection. */
  | { readonly _tag: "Accepted"; readonly id: number }
  | { readonly _tag: "Disconnected"; readonly traffic: ClientTraffic; readonly stats: TcpServer.Stats }
  | FromClient
  | {
      readonly _tag: "Report"
      /** Number of `ToClient` messages that the worker has received. */
      readonly receivedMessages: number
      readonly stats: TcpServer.Stats
      /** Traffic of the connections that were handed to it. */
      readonly traffic: ReadonlyArray<ClientTraffic>
    }
  | { readonly _tag: "Event"; readonly event: EncodedEvent }
  | { readonly _tag: "Drained" }

/** Returns the message of a worker that cannot serve. */
export const failed = ({ message }: { readonly message: string }): FromWorker => ({
  _tag: "Failed",
  error: Schema.encodeSync(SessionError)(new SessionError({ message }))
})

export const encodeAddress = (address: NetAddress.SocketAddress): EncodedAddress =>
  NetAddress.isInetAddress(address)
    ? { host: NetAddress.formatHost(address), port: address.port }
    : { path: address.path }

export const decodeAddress = (address: EncodedAddress): NetAddress.SocketAddress =>
  "path" in address
    ? NetAddress.unixPathAddress(address.path)
    : NetAddress.inetAddressFromNativeUnsafe(address.host, address.port)

export const encodeEvent = (event: TcpServer.Event): EncodedEvent => ({
  ...event,
  remote: encodeAddress(event.remote)
})

export const decodeEvent = (event: EncodedEvent): TcpServer.Event => ({ ...event, remote: decodeAddress(event.remote) })

const toMillis = (input: Duration.Input | undefined): Duration.Input | undefined => {
  if (input === undefined) return undefined
  const time = Duration.toMillis(input)
  return Number.isFinite(time) ? time : "Infinity"
}

/** Limits that can be given to a running server. */
export type GivenLimits = TcpServer.Limits & Pick<Options, "rate" | "seed">

/** Returns the limits of a server for its workers. */
export const limitsOf = (limits: GivenLimits, service: string): Limits => ({
  maxConnections: limits.maxConnections,
  maxConnectionsPerPeer: limits.maxConnectionsPerPeer,
  connectionsPerSecond: limits.connectionsPerSecond,
  connectionsPerSecondPerPeer: limits.connectionsPerSecondPerPeer,
  allow: limits.allow?.map(IpNetwork.format),
  deny: limits.deny?.map(IpNetwork.format),
  busyMessage: limits.busyMessage,
  idleTimeout: toMillis(limits.idleTimeout),
  writeTimeout: toMillis(limits.writeTimeout),
  drain: toMillis(limits.drain),
  keepAlive: toMillis(limits.keepAlive),
  proxyProtocol: limits.proxyProtocol,
  service: limits.service ?? service,
  rate: limits.rate,
  seed: limits.seed
})

/** Returns the limits of a worker's server. */
export const decodeLimits = (limits: Limits): TcpServer.Limits => ({
  ...limits,
  allow: limits.allow?.map(IpNetwork.fromStringUnsafe),
  deny: limits.deny?.map(IpNetwork.fromStringUnsafe)
})

/** Returns the JSON codecs of a definition. */
export const codecs = <S, Ask, Message>({
  ask,
  message
}: Pick<Definition<unknown, S, Ask, Message>, "ask" | "message">) => {
  const [askJson, messageJson] = [Schema.toCodecJson(ask), Schema.toCodecJson(message)]
  return {
    encodeAsk: Schema.encodeUnknownResult(askJson),
    decodeAsk: Schema.decodeUnknownResult(askJson) as (ask: unknown) => Result.Result<Ask, Schema.SchemaError>,
    encodeMessage: Schema.encodeUnknownResult(messageJson),
    decodeMessage: Schema.decodeUnknownResult(messageJson) as (
      message: unknown
    ) => Result.Result<Message, Schema.SchemaError>
  }
}

/** Returns the message of an error on one line. */
export const oneLine = ({ message }: { readonly message: string }) => message.replaceAll(/\s*\n\s*/g, " ")

/** Returns the error for an ask or message that does not match its schema. */
export const invalidMessage = (
  id: number,
  what: "ask" | "message",
  service: string,
  error: { readonly message: string }
) => `client ${id}: invalid ${what} for the schema of ${service}: ${oneLine(error)}`
