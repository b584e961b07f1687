/**
 * The packets of the services of a process, for browsers that watch one. Without a browser nothing is done.
 *
 * It needs no privileges: it is a tap around the network of the process, as `Capture` is. Packets of child processes
 * and of threads with a network of their own are not seen.
 *
 * **Example** (The packets of a rot13 server)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import { Capture } from "effect-inet/capture"
 * import { Network, NodeNetwork } from "effect-inet/network"
 * import { Dissector, Rot13Client, Rot13Server } from "effect-inet/rot13"
 * import { PacketWatch } from "effect-inet/web"
 *
 * const program = Effect.gen(function* () {
 *   const plain = yield* Network.Network
 *   const watch = yield* PacketWatch.make({ dissectors: [Dissector.dissector] })
 *   const network = yield* Capture.wrap(plain, watch.tap)
 *   const server = yield* Effect.provideService(Rot13Server.make({ port: 0 }), Network.Network, network)
 *   if (server.address._tag === "UnixPathAddress") return
 *   yield* watch.serve("rot13", { protocol: "tcp", port: server.address.port })
 *   const arrows = Stream.flatMap(watch.watch("rot13"), ({ arrows }) => Stream.fromIterable(arrows))
 *   const request = Effect.gen(function* () {
 *     const connection = yield* plain.connect(server.address)
 *     yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
 *   })
 *   yield* Effect.forkScoped(Effect.delay(request, "10 millis"))
 *   const [, , , sent, received] = yield* Stream.runCollect(Stream.take(arrows, 5))
 *   sent?.label // => 'request "Hello"'
 *   received?.label // => 'reply "Uryyb"'
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer)))
 * ```
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { FieldDissector } from "../../network/dissect/FieldDissector.ts"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"
import * as Signal from "../../network/Signal.ts"
import type { Arrow } from "../Arrow.ts"
import { type Packets, PageError } from "../PageRpc.ts"
import * as ShownText from "../ShownText.ts"
import * as PacketBatch from "./PacketBatch.ts"
import * as PacketOwners from "./PacketOwners.ts"
import * as PacketText from "./PacketText.ts"

/** Address of a service. @category models @since 0.1.0 */
export interface ServiceAddress extends Omit<PacketOwners.ServicePort, "service"> {
  /** Name of the dissector of its packets, such as `tftp`. Default: the first word of the service's name. */
  readonly dissector?: string | undefined
  /**
   * Returns the clients that are being answered from other ports than that of the service, such as those of running
   * transfers. A browser that begins to watch then sees their packets, too. Default: none.
   */
  readonly clients?: Effect.Effect<ReadonlyArray<Endpoint.Endpoint>> | undefined
}

/** The packets of the services of a process. @category models @since 0.1.0 */
export interface PacketWatch {
  /** Observes the network of the process, by `Capture.wrap`. It is active while a browser watches. */
  readonly tap: Packet.Tap & { readonly isActive: () => boolean }
  /**
   * Emits an empty batch when the watch begins, and then the packets of a service in batches, at most four a second. A
   * browser that reads slowly gets the first packets since its last batch, and the number of the others. Fails with
   * `PageError` for a service without packets.
   */
  readonly watch: (service: string) => Stream.Stream<Packets, PageError>
  /** Adds a service until the scope closes. A browser that watches one that starts again sees its new packets. */
  readonly serve: (service: string, address: ServiceAddress) => Effect.Effect<void, never, Scope.Scope>
}

/** Options of a watch. @category models @since 0.1.0 */
export interface Options {
  /** Dissectors of the protocols of the services, in the order in which they are tried. */
  readonly dissectors: ReadonlyArray<FieldDissector>
  /** Browsers that watch packets at the same time. Default 64. */
  readonly maxWatchers?: number | undefined
}

const defaultMaxWatchers = 64

/** Time between two batches of a browser. */
const batchInterval = "250 millis"

/** Port of a service that runs. */
type Port = PacketOwners.ServicePort & ServiceAddress

/** A browser that watches. */
interface Watcher {
  readonly batch: PacketBatch.PacketBatch
  readonly arrived: Signal.Signal
}

/** A service that is watched. */
interface Channel {
  readonly watchers: Set<Watcher>
  readonly texts: Map<Port, PacketText.State>
  /** The service answers from other ports: requests are read also if they are not shown. */
  hasOtherPorts: boolean
}

/** State of a watch. */
interface State extends Pick<Options, "dissectors"> {
  readonly maxWatchers: number
  readonly owners: PacketOwners.PacketOwners<Port>
  /** The services that are watched. */
  readonly channels: Map<string, Channel>
  watchers: number
}

const textsOf = ({ dissectors }: State, { texts }: Channel, port: Port) => {
  const known = texts.get(port)
  if (known !== undefined) return known
  const { dissector = port.service.split(" ")[0]!, ...service } = port
  const made = PacketText.make(dissectors, { ...service, name: dissector })
  texts.set(port, made)
  return made
}

const arrowOf = (packet: Packet.ObservedPacket, { kind, label }: PacketText.PacketText): Omit<Arrow, "number"> => {
  const { at, bytes, fault, from, lost = false, to, transport } = packet
  return {
    ...{ from: ShownText.line(Endpoint.format(from)), to: ShownText.line(Endpoint.format(to)) },
    // Microseconds are as many digits as a time since 1970 has in a double.
    sentMillis: Number(at / 1_000n) / 1_000,
    ...{ lost, transport, kind, label, bytes: bytes.length },
    ...(fault === undefined ? {} : { fault: ShownText.line(fault) })
  }
}

/** Takes a packet of the network. It is called for each packet of the process: most end after the first line. */
const receive = (state: State, packet: Packet.ObservedPacket): void => {
  if (state.channels.size === 0) return
  const owner = PacketOwners.ownerOf(state.owners, packet)
  if (owner === undefined) return
  const { fromClient, port } = owner
  const channel = state.channels.get(port.service)
  if (channel === undefined) return
  const text = textsOf(state, channel, port)
  const watchers = [...channel.watchers]
  const isWanted = watchers.some(({ batch }) => !PacketBatch.isFull(batch))
  if (isWanted || (channel.hasOtherPorts && packet.to.port === port.port)) {
    const found = PacketText.read(text, { ...packet, fromClient })
    if (found.expectsOtherPort) {
      channel.hasOtherPorts = true
      PacketOwners.expect(state.owners, packet.from, port)
    }
    const arrow = arrowOf(packet, found)
    for (const { batch } of watchers) PacketBatch.add(batch, arrow)
  } else {
    PacketText.skip(text)
    for (const { batch } of watchers) PacketBatch.skip(batch)
  }
  for (const { arrived } of watchers) arrived.notify()
}

const error = (reason: PageError["reason"], message: string) => Effect.fail(new PageError({ reason, message }))

/** Adds a browser that watches a service, until the scope closes. */
const subscribe = Effect.fnUntraced(function* (state: State, service: string) {
  const { channels, maxWatchers, owners } = state
  const ports = PacketOwners.portsOf(owners, service)
  if (ports.length === 0) {
    return yield* error("NotFound", `no packets of ${ShownText.line(service)}: no such service runs`)
  }
  if (state.watchers >= maxWatchers) {
    return yield* error("Busy", `too many browsers watch packets (limit ${maxWatchers}): close one of them`)
  }
  const watcher: Watcher = { batch: PacketBatch.make(), arrived: Signal.make() }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const channel = channels.get(service) ?? { watchers: new Set(), texts: new Map(), hasOtherPorts: false }
      channels.set(service, channel)
      channel.watchers.add(watcher)
      state.watchers++
      return channel
    }),
    (channel) =>
      Effect.sync(() => {
        channel.watchers.delete(watcher)
        state.watchers--
        if (channel.watchers.size === 0) channels.delete(service)
        if (channels.size === 0) PacketOwners.forgetClients(owners)
      })
  )
  yield* Effect.forEach(ports, (port) => expectClients(state, port), { discard: true })
  return watcher
})

/** Adds the clients that a service is answering from other ports. */
const expectClients = (state: State, port: Port) =>
  Effect.map(port.clients ?? Effect.succeed([]), (clients) => {
    for (const client of clients) PacketOwners.expect(state.owners, client, port)
    const channel = state.channels.get(port.service)
    if (channel !== undefined && clients.length > 0) channel.hasOtherPorts = true
  })

/** Says that the watch has begun: the first packet may be long in coming. */
const begun: Packets = { arrows: [], omitted: 0 }

/** Returns the batches of a browser: the first packet at once, and the others at most four times a second. */
const batchesOf = ({ arrived, batch }: Watcher): Stream.Stream<Packets> => {
  let isFirst = true
  const next = Effect.map(arrived.wait, () => {
    const packets = PacketBatch.take(batch)
    // Packets that were omitted after the arrows are reported even if no other packet follows.
    if (!PacketBatch.isEmpty(batch)) arrived.notify()
    return packets
  })
  const batches = Stream.fromEffectRepeat(
    Effect.suspend(() => {
      if (!isFirst) return Effect.delay(next, batchInterval)
      isFirst = false
      return next
    })
  )
  return Stream.concat(Stream.succeed(begun), batches)
}

/** Makes the watch of a process. @category constructors @since 0.1.0 */
export const make = (options: Options): Effect.Effect<PacketWatch> =>
  Effect.sync(() => {
    const { dissectors, maxWatchers = defaultMaxWatchers } = options
    const state: State = { dissectors, maxWatchers, owners: PacketOwners.make(), channels: new Map(), watchers: 0 }
    return {
      tap: Object.assign((packet: Packet.ObservedPacket) => receive(state, packet), {
        isActive: () => state.channels.size > 0
      }),
      watch: (service) => Stream.unwrap(Effect.map(subscribe(state, service), batchesOf)),
      serve: (service, address) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.sync(() => {
              const port: Port = { ...address, service }
              const remove = PacketOwners.add(state.owners, port)
              return () => {
                remove()
                state.channels.get(service)?.texts.delete(port)
              }
            }),
            (remove) => Effect.sync(remove)
          )
        )
    }
  })
