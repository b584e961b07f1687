/**
 * What a server and its children, processes or threads, say to each other: plain JSON, the same for both. Questions,
 * answers and pushes cross in the encoding of the definition's own schemas.
 */
import * as Duration from "effect/Duration"
import * as NetAddress from "effect/net/NetAddress"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Network from "../../network/Network.ts"
import type * as TcpServer from "../../network/TcpServer.ts"
import type { Options } from "../ConcurrencyModel.ts"
import type { Client, Definition } from "../Session.ts"

/** An address as both sides can write it down. */
export type EncodedAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/** What a child allows, with durations in milliseconds or `Infinity`. */
export type Limits = TcpServer.Limits & Pick<Options, "rate" | "seed">

/** What a child serves: the first it is told. */
export interface Start {
  readonly _tag: "Start"
  readonly module: string
  readonly options: unknown
  /** Whether there is somebody to ask. */
  readonly shared: boolean
  readonly limits: Limits
  /** A process for one client, which ends with it. */
  readonly singleClient?: boolean | undefined
  /** A thread listens itself. */
  readonly listen?: Network.TcpListenOptions | undefined
}

/** What belongs to a client of the child. */
export type ToClient =
  | { readonly _tag: "Push"; readonly id: number; readonly message: unknown }
  /** To the question asked last. */
  | { readonly _tag: "Answer"; readonly id: number; readonly message: unknown }
  /** Nothing sensible can be said to it any more. */
  | { readonly _tag: "SharedStateError"; readonly id: number; readonly message: string }
  | { readonly _tag: "EndRead"; readonly id: number }
  | { readonly _tag: "Abort"; readonly id: number }

/** To a child. */
export type ToWorker =
  | Start
  /** The connection comes with the message; for processes. */
  | { readonly _tag: "Serve"; readonly id: number; readonly local: EncodedAddress; readonly remote: EncodedAddress }
  | ToClient
  /** Wants a `Report`. */
  | { readonly _tag: "RequestReport" }
  /** For threads: no new clients, and `Drained` once the last one is gone. */
  | { readonly _tag: "Drain" }

/** What a client of the child wants of what all share. */
export type FromClient =
  | { readonly _tag: "Attach"; readonly client: Client }
  | { readonly _tag: "Ask"; readonly id: number; readonly ask: unknown }
  | { readonly _tag: "Detach"; readonly id: number }

/** The bytes received and sent of one client. */
export type ClientTraffic = readonly [id: number, received: number, sent: number]

/** From a child. */
export type FromWorker =
  /** It serves. */
  | { readonly _tag: "Ready" }
  /** It cannot serve; `reason` if it cannot listen. */
  | { readonly _tag: "Failed"; readonly message: string; readonly reason?: Network.Reason | undefined }
  /** The connection is the child's now. */
  | { readonly _tag: "Accepted"; readonly id: number }
  | { readonly _tag: "Disconnected"; readonly id: number; readonly traffic: ClientTraffic; readonly timedOut: number }
  | FromClient
  | {
      readonly _tag: "Report"
      /** How many `ToClient` messages it has taken. */
      readonly receivedMessages: number
      readonly stats: TcpServer.Stats
      /** Of the clients that were handed to it. */
      readonly traffic: ReadonlyArray<ClientTraffic>
    }
  | { readonly _tag: "Drained" }

export const encodeAddress = (address: NetAddress.SocketAddress): EncodedAddress =>
  NetAddress.isInetAddress(address)
    ? { host: NetAddress.formatHost(address), port: address.port }
    : { path: address.path }

const toMillis = (input: Duration.Input | undefined): Duration.Input | undefined => {
  if (input === undefined) return undefined
  const time = Duration.toMillis(input)
  return Number.isFinite(time) ? time : "Infinity"
}

/** The options of a server as a child can be told them. */
export const limitsOf = (options: Options, service: string): Limits => ({
  maxConnections: options.maxConnections,
  maxConnectionsPerPeer: options.maxConnectionsPerPeer,
  busyMessage: options.busyMessage,
  idleTimeout: toMillis(options.idleTimeout),
  writeTimeout: toMillis(options.writeTimeout),
  drain: toMillis(options.drain),
  service: options.service ?? service,
  rate: options.rate,
  seed: options.seed
})

/** The schemas of a definition as they are used on the way. */
export const codecs = <S, Ask, Message>({ ask, message }: Pick<Definition<unknown, S, Ask, Message>, "ask" | "message">) => {
  const [askJson, messageJson] = [Schema.toCodecJson(ask), Schema.toCodecJson(message)]
  return {
    encodeAsk: Schema.encodeUnknownResult(askJson),
    decodeAsk: Schema.decodeUnknownResult(askJson) as (ask: unknown) => Result.Result<Ask, Schema.SchemaError>,
    encodeMessage: Schema.encodeUnknownResult(messageJson),
    decodeMessage: Schema.decodeUnknownResult(messageJson) as (message: unknown) => Result.Result<Message, Schema.SchemaError>
  }
}

/** What an error says, in one line. */
export const oneLine = ({ message }: { readonly message: string }) => message.replaceAll(/\s*\n\s*/g, " ")

/** A child that lived so long, in milliseconds, is not one that keeps crashing. */
const stableUptimeMillis = 10_000

const minRestartDelayMillis = 100
const maxRestartDelayMillis = 10_000

/** How long to wait before a lost child is replaced: longer each time, until one stays. */
export const restartBackoff = () => {
  let failures = 0
  return (uptimeMillis: number) => {
    failures = uptimeMillis >= stableUptimeMillis ? 0 : failures + 1
    return Math.min(maxRestartDelayMillis, minRestartDelayMillis * 2 ** Math.max(0, failures - 1))
  }
}
