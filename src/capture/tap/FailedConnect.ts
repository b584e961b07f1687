/** Attempts to connect that fail: their packets, as far as the error tells what was on the wire. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Endpoint from "../../network/Endpoint.ts"
import type { Connection, Interface, NetworkError, Reason } from "../../network/Network.ts"
import * as LocalAddress from "../../network/names/LocalAddress.ts"
import * as Units from "../view/Units.ts"
import type { Emit } from "./TappedStream.ts"

/** Answer to the SYN: a RST of the remote end, or none, for the reason in the comment. */
type Answer = { readonly _tag: "Rst" } | { readonly _tag: "None"; readonly why: string }

/** Answers by the reason of the failure. For other reasons, such as a lack of descriptors, no packet was sent. */
const answers: Partial<Record<Reason, Answer>> = {
  Refused: { _tag: "Rst" },
  Reset: { _tag: "Rst" },
  TimedOut: { _tag: "None", why: "no answer" },
  Unreachable: { _tag: "None", why: "no route to the host" }
}

const answerOf = (exit: Exit.Failure<unknown, NetworkError>): Answer | undefined => {
  const error = Cause.findError(exit.cause)
  if (Result.isSuccess(error)) return answers[error.success.reason]
  return Cause.hasInterruptsOnly(exit.cause) ? { _tag: "None", why: "interrupted" } : undefined
}

/**
 * Ports that stand for the local port, which the system does not tell of a connection that fails. They are above those
 * that Linux assigns by default, so that they are not the ports of other connections in the capture.
 */
const firstPort = 61_000
const lastPort = 65_535

const emptyPayload = new Uint8Array(0)

const wildcard = { IPv4: NetAddress.ipv4Unspecified, IPv6: NetAddress.ipv6Unspecified } as const

/**
 * Creates a wrapper of attempts to connect. A failed one is reported when it fails, since it is not known before that
 * its local port remains unknown: the comment of the SYN has the time that it took.
 */
export const make = (interfaces: ReadonlyArray<Interface>, now: () => bigint, emit: Emit) => {
  const localEndpointOf = LocalAddress.make(interfaces)
  let port = lastPort

  const nextLocal = (remote: Endpoint.Endpoint): Endpoint.Endpoint => {
    port = port === lastPort ? firstPort : port + 1
    const address = wildcard[Endpoint.familyOf(remote.address)]
    return localEndpointOf(NetAddress.inetAddressUnsafe(address, port))(remote)
  }

  return (
    remote: NetAddress.SocketAddress,
    connect: Effect.Effect<Connection, NetworkError, Scope.Scope>
  ): Effect.Effect<Connection, NetworkError, Scope.Scope> => {
    if (!NetAddress.isInetAddress(remote)) return connect
    return Effect.suspend(() => {
      const startNanos = now()
      return Effect.onExit(connect, (exit) =>
        Effect.sync(() => {
          if (exit._tag === "Success") return
          const answer = answerOf(exit)
          if (answer === undefined) return
          const to = Endpoint.fromInet(remote)
          const from = nextLocal(to)
          const why = answer._tag === "Rst" ? "" : `, ${answer.why} after ${Units.duration(Number(now() - startNanos))}`
          emit("tcp", "syn", from, to, emptyPayload, `local port unknown${why}`)
          if (answer._tag === "Rst") emit("tcp", "rst", to, from, emptyPayload)
        })
      )
    })
  }
}
