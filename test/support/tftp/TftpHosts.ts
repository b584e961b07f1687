/** A TFTP server and clients on the hosts of a test, on a simulated and on a real network. */

import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import * as Network from "../../../src/network/Network.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Dissector from "../../../src/tftp/protocol/Dissector.ts"
import * as FileStore from "../../../src/tftp/store/FileStore.ts"
import * as MemoryStore from "../../../src/tftp/store/MemoryStore.ts"
import type * as Store from "../../../src/tftp/store/Store.ts"
import * as TftpClient from "../../../src/tftp/TftpClient.ts"
import type * as TftpError from "../../../src/tftp/TftpError.ts"
import * as TftpServer from "../../../src/tftp/TftpServer.ts"
import * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"
import * as Handles from "../Handles.ts"
import { Hosts } from "../Hosts.ts"

/** The body of a test. */
export type Body = () => Effect.Effect<void, unknown, Hosts | Scope.Scope>
/** Defines a test. */
export type Test = (name: string, body: Body) => void

const hostsOf = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const at = Effect.fnUntraced(function* (name: string, ...addresses: ReadonlyArray<string>) {
    const host = yield* simulation.host(name, { addresses })
    return { network: yield* Effect.provide(Network.Network, host.layer), address: host.address }
  })
  const server = yield* at("server", "10.0.0.1/24", "10.0.0.9/24", "fd00::1/64")
  const client = yield* at("client", "10.0.0.2/24", "fd00::2/64")
  return Hosts.of({ server, client, turn: Effect.sleep("1 millis") })
})

/** Runs a body on a simulated network with a fault plan; asserts that no socket and no timer is left. */
export const simulate = Effect.fnUntraced(function* (body: Body, plan = "", options: Simulation.Options = {}) {
  const report = yield* Simulation.run(
    (simulation) =>
      Effect.flatMap(hostsOf(simulation), (hosts) => Effect.scoped(Effect.provideService(body(), Hosts, hosts))),
    { ...options, plan: FaultPlanSyntax.parseUnsafe(plan), dissectors: [Dissector.dissector] }
  )
  assert.strictEqual(report.outcome, "done")
  if (Exit.isFailure(report.exit)) return yield* Effect.failCause(report.exit.cause)
  assert.deepStrictEqual(report.leaked, { sockets: 0, timers: 0 })
  return report
})

/** Defines a test on a simulated network. */
export const simulated: Test = (name, body) => it.effect(name, () => simulate(body))

/** Disables the log: clients in these tests send invalid packets on purpose. */
export const quietly = Effect.provideService(References.MinimumLogLevel, "None")

/** A policy for the loopback network: a busy host repeats no packet, unless the test is about delays. */
export const unhurried = Retransmission.adaptive({ initialDelay: "5 seconds", minDelay: "5 seconds" })

/** The retransmission of the servers of a test that sets no delays itself. */
class DefaultRetransmission extends Context.Reference<Retransmission.Retransmission | undefined>(
  "effect-inet/test/DefaultRetransmission",
  { defaultValue: () => undefined }
) {}

/** Defines a test on the loopback network of this host; asserts that no handle is left. */
export const real: Test = (name, body) =>
  it.live(name, () =>
    Handles.assertNoLeaks(
      Effect.suspend(body).pipe(
        Effect.scoped,
        quietly,
        Effect.provide(Hosts.one(NodeNetwork.layer)),
        Effect.provideService(DefaultRetransmission, unhurried)
      )
    )
  )

/** Defines a test on a simulated network, and the same on the loopback network. */
export const both: Test = (name, body) => {
  simulated(`${name} (simulated)`, body)
  real(`${name} (loopback)`, body)
}

/** Options of a server, and its files. */
export interface Options extends TftpServer.Options {
  readonly files?: Readonly<Record<string, Uint8Array>> | undefined
  /** The store. Default: `files` in memory, which can be overwritten. */
  readonly store?: Store.Store | undefined
}

/** Starts a server on any port of the host for servers; it stops without drain when the test ends. */
export const serve = Effect.fnUntraced(function* ({ files: given = {}, store, ...options }: Options = {}) {
  const host = (yield* Hosts).server
  const files = new Map(Object.entries(given))
  const retransmission = options.timeout === undefined ? yield* DefaultRetransmission : undefined
  const server = yield* TftpServer.make({ host: host.address, port: 0, drain: 0, retransmission, ...options }).pipe(
    Effect.provideService(FileStore.FileStore, store ?? MemoryStore.make({ files, write: "overwrite" })),
    Effect.provideService(Network.Network, host.network)
  )
  return { server, files, endpoint: { address: host.address, port: server.address.port } }
})

/** Waits until the server has counted the outcomes of all transfers. */
export const untilIdle = Effect.fnUntraced(function* ({ stats }: Pick<TftpServer.Server, "stats">) {
  const { turn } = yield* Hosts
  while ((yield* stats).active > 0) yield* turn
}, Effect.timeout("30 seconds"))

/** Runs a client's effect on the host for clients, with these host names. */
export const client = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  names: Readonly<Record<string, ReadonlyArray<string>>> = {}
): Effect.Effect<A, E, Exclude<R, TftpClient.Services> | Hosts> =>
  Effect.flatMap(Hosts, (hosts) => {
    const dns = Dns.make({
      lookup: (name) => Effect.succeed((names[name] ?? []).map(NetAddress.ipFromStringUnsafe)),
      reverse: () => Effect.succeed([])
    })
    return effect.pipe(
      Effect.provide(
        Layer.mergeAll(
          Layer.succeedContext(Context.make(Network.Network, hosts.client.network)),
          Layer.succeed(Dns.Dns, dns),
          ServiceNames.layerBuiltIn
        )
      )
    )
  }) as Effect.Effect<A, E, Exclude<R, TftpClient.Services> | Hosts>

const anyClient = { address: "0.0.0.0", port: 0 }

/** Opens a file of a store for writing. */
const writable = (store: Store.Store, filename: string, size?: number) =>
  store.write({ filename, mode: "octet", client: anyClient, options: [], size })

/** Reads a file into a map, in place of a disk. */
export const get = (
  endpoint: Endpoint.Endpoint,
  path: string,
  options: TftpClient.Options & { readonly mode?: "octet" | "netascii" } = {},
  into: Map<string, Uint8Array> = new Map()
) =>
  client(
    Effect.gen(function* () {
      const store = MemoryStore.make({ files: into, write: "overwrite" })
      const file = yield* Effect.orDie(writable(store, path))
      const target = { host: endpoint.address, port: endpoint.port, path, mode: options.mode ?? "octet" } as const
      yield* TftpClient.download(target, file, options)
      return into.get(path)!
    }).pipe(Effect.scoped)
  )

/** Writes a file to a server. */
export const put = (
  endpoint: Endpoint.Endpoint,
  path: string,
  bytes: Uint8Array,
  options: TftpClient.Options & { readonly mode?: "octet" | "netascii" } = {}
) =>
  client(
    TftpClient.put(
      { host: endpoint.address, port: endpoint.port, path, mode: options.mode ?? "octet" },
      MemoryStore.fromBytes(bytes),
      options
    )
  )

/** Returns the outcome of a transfer: `done`, or the failure as by `labelOf`. */
export const outcome = <A, R>(effect: Effect.Effect<A, TftpError.TftpError, R>) =>
  Effect.match(effect, { onSuccess: () => "done", onFailure: labelOf })

/** Returns the tag of a failure, with its error code or ` last` if only the last ACK is missing. */
export const labelOf = ({ reason }: TftpError.TftpError): string => {
  switch (reason._tag) {
    case "Refused":
    case "ProtocolViolation":
      return `${reason._tag} ${reason.code}`
    case "Timeout":
      return reason.lastAckMissing ? "Timeout last" : "Timeout"
    default:
      return reason._tag
  }
}
