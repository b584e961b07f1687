/** What all transports do when they send: count, tell what changes at a destination, and follow the host's changes. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Network from "../../network/Network.ts"
import type * as Transport from "./Transport.ts"

/** Bytes the kernel is asked to hold, unless something else is said. */
export const defaultReceiveBufferBytes = 1_048_576

/** How often the interfaces are looked at, unless something else is said. */
const defaultRefresh = "1 second"

/** The record of a transport. Destinations are known by names for people. */
export interface DestinationLog {
  /** Makes one try to send; gives whether the network took it. */
  readonly trySend: (name: string, send: Effect.Effect<void, Network.NetworkError>) => Effect.Effect<boolean>
  /** Tells, once, that a destination fails, or that it works again. */
  readonly report: (name: string, failure: string | undefined) => Effect.Effect<void>
  readonly isFailing: (name: string) => boolean
  /** Forgets all that are no destinations any more. */
  readonly retain: (names: Iterable<string>) => void
  readonly stats: (sockets: ReadonlyArray<Network.UdpSocket>) => Effect.Effect<Transport.Stats>
}

/** A record with nothing in it. */
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
      return Effect.logWarning(`${name} fails, and is tried again each time: ${failure}`)
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
          // A socket is closed by us, and that is no news.
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

/** Looks at once, and then once in every period until the scope closes. */
export const refreshEvery = <R>(period: Duration.Input | undefined, refresh: Effect.Effect<void, never, R>) =>
  Effect.andThen(refresh, Effect.forkScoped(Effect.forever(Effect.delay(refresh, period ?? defaultRefresh))))
