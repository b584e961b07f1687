/**
 * A listening socket that is bound before its server starts, so that the server itself starts without root.
 *
 * The `listen` of `NodeNetwork` returns it for the address for which it was reserved, whatever wraps that network, and
 * also for the servers of worker processes.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Network from "../Network.ts"
import * as ListenOptions from "../server/ListenOptions.ts"

type Listen = Network.Network["Service"]["listen"]

/** A bound socket that no server has yet. */
interface Reservation {
  readonly options: Network.ListenOptions
  readonly listener: Network.Listener
  /** Scope of the socket; undefined once a server has it. */
  scope: Scope.Closeable | undefined
}

/** The reserved socket of a program. Default: none. */
export class NodeReservedListener extends Context.Reference<Reservation | undefined>(
  "effect-inet/network/NodeReservedListener",
  { defaultValue: () => undefined }
) {}

/** Binds a socket for the server that listens on the same address. The scope closes it if no server does. */
export const reserve = Effect.fnUntraced(function* (options: Network.ListenOptions) {
  const network = yield* Network.Network
  const scope = yield* Scope.make()
  const listener = yield* Scope.provide(network.listen(ListenOptions.withBacklog(options)), scope).pipe(
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
  const reservation: Reservation = { options, listener, scope }
  yield* Effect.addFinalizer((exit) =>
    reservation.scope === undefined ? Effect.void : Scope.close(reservation.scope, exit)
  )
  return reservation
}, Effect.uninterruptible)

const addressOf = (options: Network.ListenOptions) =>
  "path" in options ? options.path : `${options.host ?? "127.0.0.1"} ${options.port}`

/** Returns the reserved listener, which closes with the caller's scope, if it has the address; else listens. */
export const orListen =
  (listen: Listen): Listen =>
  (options) =>
    Effect.flatMap(NodeReservedListener, (reservation) => {
      const scope = reservation?.scope
      if (reservation === undefined || scope === undefined || addressOf(options) !== addressOf(reservation.options)) {
        return listen(options)
      }
      reservation.scope = undefined
      return Effect.as(
        Effect.addFinalizer((exit) => Scope.close(scope, exit)),
        reservation.listener
      )
    })
