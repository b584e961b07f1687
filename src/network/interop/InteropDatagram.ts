/** Conversion to and from effect's `DatagramSocket`. */

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as DatagramSocket from "effect/socket/DatagramSocket"
import type * as Endpoint from "../Endpoint.ts"
import { Network, NetworkError, type UdpOptions, type UdpSocket } from "../Network.ts"
import * as Errors from "./InteropErrors.ts"

/**
 * Converts an error of effect's `DatagramSocket` to a `NetworkError`, for an `onError` that was passed to the socket
 * itself.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromDatagramError: (
  error: DatagramSocket.DatagramSocketError,
  address?: NetAddress.SocketAddress
) => NetworkError = Errors.fromDatagramError

/** Queue and error callback of the effect socket. @category models @since 0.1.0 */
export interface DatagramOptions {
  /** Receive queue of the reader, in packets. Default 1,024, dropping the newest. */
  readonly queue?: DatagramSocket.ReceiveBufferOptions | undefined
  /** Callback for asynchronous errors, such as a refusal on a connected socket. */
  readonly onError?: ((error: DatagramSocket.DatagramSocketError) => void) | undefined
}

const toEndpoint = (destination: DatagramSocket.BackingAddress | undefined): Endpoint.Endpoint | undefined =>
  destination === undefined ? undefined : { address: destination.host, port: destination.port }

const open = Effect.fnUntraced(function* (options: UdpOptions, events: DatagramSocket.BackingEvents) {
  const network = yield* Network
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const zones = (yield* network.interfaces).filter(({ scopeId }) => scopeId > 0)
  const scope = Scope.makeUnsafe()
  const socket = yield* network
    .udp(
      options,
      (bytes, from) => events.onPacket(bytes, from.address, from.port),
      (error) => events.onError(Errors.datagramReadError(error))
    )
    .pipe(Scope.provide(scope), Effect.mapError(Errors.datagramOpenError))
  let closing: Fiber.Fiber<void> | undefined
  const close = () => (closing ??= fork(Scope.close(scope, Exit.void)))
  // `close` is synchronous; the reader's scope waits for its end.
  yield* Effect.addFinalizer(() => Fiber.await(close()))

  const run = (effect: Effect.Effect<void, NetworkError>, done: (error: NetworkError | undefined) => void) => {
    const fiber = fork(Effect.match(effect, { onFailure: (error) => error, onSuccess: () => undefined }))
    fiber.addObserver((exit) => done(Exit.isSuccess(exit) ? exit.value : new NetworkError({ reason: "Closed" })))
  }
  const joinMulticast: DatagramSocket.BackingSocket["joinMulticast"] = ({ group, interface: ingress, source }) => {
    if (source !== undefined) return Effect.fail(Errors.datagramUnsupported("source-specific multicast"))
    const membership = Scope.makeUnsafe()
    const through =
      typeof ingress === "number" ? (ingress === 0 ? undefined : `${ingress}`) : ingress && NetAddress.formatIp(ingress)
    return socket.join(NetAddress.formatIp(group), through).pipe(
      Scope.provide(membership),
      Effect.mapBoth({
        onFailure: Errors.datagramOpenError,
        onSuccess: () => () => Scope.close(membership, Exit.void)
      })
    )
  }
  return {
    address: { host: NetAddress.formatHost(socket.local), port: socket.local.port },
    scopeIds: new Map(zones.map(({ name, scopeId }) => [name, scopeId])),
    peer: options.remote && { host: options.remote.address, port: options.remote.port },
    connected: options.remote !== undefined,
    send: (payload, destination, done) =>
      run(socket.send(payload, toEndpoint(destination)), (error) => done(error && Errors.datagramWriteError(error))),
    sendMany: (payloads, destinations, done) => {
      // The destinations are valid only during this call.
      const endpoints = destinations.map(toEndpoint)
      let index = 0
      const next = (payload: Uint8Array, at: number) => {
        index = at
        return socket.send(payload, endpoints[at])
      }
      run(Effect.forEach(payloads, next, { discard: true }), (error) =>
        error ? done(Errors.datagramWriteError(error), index) : done()
      )
    },
    joinMulticast,
    close
  } satisfies DatagramSocket.BackingSocket
})

/**
 * Creates an effect `DatagramSocket` that opens a socket of `Network` for each acquisition of its reader.
 *
 * `remote` connects it. Not supported: a default destination that does not filter senders, and source-specific
 * multicast. The reader's `dropped` counts its queue only, not the kernel's buffer.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toDatagramSocket = (
  options: UdpOptions = {},
  { onError, queue }: DatagramOptions = {}
): Effect.Effect<DatagramSocket.DatagramSocket, never, Network> =>
  DatagramSocket.makeFromBackingSocket((events) => open(options, events), { receiveBuffer: queue, onError })

/** Parses an interface as passed to `UdpSocket.join`: an IPv4 address of it, or its IPv6 zone or index. */
const interfaceOf = (name: string, zones: ReadonlyMap<string, number>): NetAddress.MulticastInterface | undefined => {
  const address = Result.getOrUndefined(NetAddress.ipv4FromString(name))
  const zone = name.replace(/^%/, "")
  return address ?? (/^\d+$/.test(zone) ? Number(zone) : zones.get(zone))
}

const invalidAddress = (cause: unknown) => new NetworkError({ reason: "InvalidAddress", cause })

/**
 * Opens an effect `DatagramSocket` as a `UdpSocket`: acquires its reader, which binds, and closes it with the scope.
 *
 * Datagrams arrive in the batches of the reader, not one by one. effect has no counterpart of `receiveBuffer`, which is
 * 0, or of the kernel's losses: `dropped` counts those of the reader's queue. `zones` maps names of IPv6 interfaces to
 * their indices, for addresses with a named zone.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromDatagramSocket = Effect.fnUntraced(function* (
  socket: DatagramSocket.DatagramSocket,
  onDatagram: (bytes: Uint8Array, from: Endpoint.Endpoint) => void,
  onError: (error: NetworkError) => void = constVoid,
  zones: ReadonlyMap<string, number> = new Map()
): Effect.fn.Return<UdpSocket, NetworkError, Scope.Scope> {
  const reader = yield* Effect.mapError(socket.reader, (error) => Errors.fromDatagramError(error))
  const writer = yield* socket.writer
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let closed = false
  yield* reader.pull.pipe(
    Effect.map((datagrams) => {
      for (const { address, payload } of datagrams) {
        onDatagram(payload, { address: NetAddress.formatNativeHost(address, zones), port: address.port })
      }
    }),
    Effect.forever({ disableYield: true }),
    Effect.catch((error) => Effect.sync(() => onError(Errors.fromDatagramError(error)))),
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
    })
  )
  // Most sockets send to one peer many times in a row.
  let lastDestination: { readonly to: Endpoint.Endpoint; readonly address: NetAddress.InetAddress } | undefined
  const addressOf = (to: Endpoint.Endpoint) => {
    if (lastDestination?.to === to) return Result.succeed(lastDestination.address)
    return Result.map(NetAddress.inetAddressFromHostString(to.address, to.port, zones), (address) => {
      lastDestination = { to, address }
      return address
    })
  }
  const write = (payload: Uint8Array, to: Endpoint.Endpoint | undefined, address: NetAddress.InetAddress | undefined) =>
    Effect.mapError(writer.write({ payload, address }), (error) => {
      const failure = Errors.fromDatagramError(error, address)
      // effect itself rejects a superfluous or missing destination; only errors of the platform have a code.
      const ours = error.reason._tag === "DatagramSocketWriteError" && failure.reason === "Unknown"
      const misplaced = ours && error.reason.cause instanceof Error && !("code" in error.reason.cause)
      return misplaced
        ? new NetworkError({ reason: to ? "IsConnected" : "NotConnected", cause: error, address })
        : failure
    })
  const send: UdpSocket["send"] = (bytes, to) =>
    Effect.suspend(() => {
      if (closed) return Effect.fail(new NetworkError({ reason: "Closed" }))
      if (to === undefined) return write(bytes, to, undefined)
      const address = addressOf(to)
      return Result.isSuccess(address)
        ? write(bytes, to, address.success)
        : Effect.fail(invalidAddress(address.failure))
    })
  const join: UdpSocket["join"] = (group, networkInterface) =>
    Effect.suspend(() => {
      const to = Result.getOrUndefined(NetAddress.ipFromString(group))
      const ingress = networkInterface === undefined ? undefined : interfaceOf(networkInterface, zones)
      if (to === undefined || !NetAddress.isMulticast(to)) {
        return Effect.fail(invalidAddress(new Error(`invalid multicast group: ${group}`)))
      }
      if (networkInterface !== undefined && ingress === undefined) {
        return Effect.fail(invalidAddress(new Error(`unknown interface: ${networkInterface}`)))
      }
      return Effect.mapError(reader.joinMulticast({ group: to, interface: ingress }), (error) =>
        Errors.fromDatagramError(error)
      )
    })
  return {
    local: reader.address,
    send,
    sendUnsafe: (bytes, to) => void fork(Effect.ignore(send(bytes, to))),
    join,
    receiveBuffer: 0,
    dropped: Effect.sync(() => (closed ? undefined : reader.dropped()))
  }
})
