/** Send statistics and failure log per destination, and the refresh loop that all transports share. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Network from "../../network/Network.ts"
import type * as Transport from "./Transport.ts"

/** Requested size of the kernel's receive buffer. */
export const defaultReceiveBufferBytes = 1_048_576

/** Time between two looks at the interfaces. */
const defaultRefresh = "1 second"

/** Send statistics and failure log of a transport. Destinations have names for people. */
export interface DestinationLog {
  /** Sends once; returns true if the network accepted the datagram. */
  readonly trySend: (name: string, send: Effect.Effect<void, Network.NetworkError>) => Effect.Effect<boolean>
  /** Logs, once each, that a destination starts to fail and that it works again. */
  readonly report: (name: string, failure: string | undefined) => Effect.Effect<void>
  readonly isFailing: (name: string) => boolean
  /** Forgets all destinations but these. */
  readonly retain: (names: Iterable<string>) => void
  readonly stats: (sockets: ReadonlyArray<Network.UdpSocket>) => Effect.Effect<Transport.Stats>
}

/** Makes an empty log. */
export const make = (): DestinationLog => {
  const failing = new Set<string>()
  let [sent, failed] = [0, 0]
  const report: DestinationLog["report"] = (name, failure) =>
    Effect.suspend(() => {
      if (failing.has(name) === (failure !== undefined)) return Effect.void
      if (failure === undefined) {
        failing.delete(name)
        return Effect.logInfo(`${name} works again`)
      }
      failing.add(name)
      return Effect.logWarning(`${name} failed, retrying: ${failure}`)
    })
  return {
    trySend: (name, send) =>
      Effect.matchEffect(send, {
        onSuccess: () => {
          sent++
          return Effect.as(report(name, undefined), true)
        },
        onFailure: ({ message, reason }) => {
          failed++
          // Only this program closes its socket, so that is not a failure.
          return reason === "Closed" ? Effect.succeed(false) : Effect.as(report(name, message), false)
        }
      }),
    report,
    isFailing: (name) => failing.has(name),
    retain: (names) => {
      if (failing.size === 0) return
      const kept = new Set(names)
      for (const name of failing) if (!kept.has(name)) failing.delete(name)
    },
    stats: (sockets) =>
      Effect.map(
        Effect.forEach(sockets, ({ dropped }) => dropped),
        (counts) => ({
          sent,
          failed,
          dropped: counts.reduce<number | undefined>(
            (sum, one) => (one === undefined ? sum : (sum ?? 0) + one),
            undefined
          )
        })
      )
  }
}

/** Runs `refresh` at once, and then once per period until the scope closes. */
export const refreshEvery = <R>(period: Duration.Input | undefined, refresh: Effect.Effect<void, never, R>) =>
  Effect.andThen(refresh, Effect.forkScoped(Effect.forever(Effect.delay(refresh, period ?? defaultRefresh))))
