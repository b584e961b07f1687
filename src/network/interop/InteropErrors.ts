/**
 * The errors of `Network` and those of effect's sockets, in each other's terms. The platform's own error stays the
 * `cause`.
 */
import type * as NetAddress from "effect/net/NetAddress"
import * as DatagramSocket from "effect/socket/DatagramSocket"
import * as Socket from "effect/socket/Socket"
import { NetworkError, type Reason } from "../Network.ts"

/** What platforms call the reasons; effect's stream errors say no more than this, in their cause. */
const codes: Readonly<Record<string, Reason>> = {
  EADDRINUSE: "AddressInUse",
  EADDRNOTAVAIL: "AddressNotAvailable",
  EINVAL: "InvalidAddress",
  ERR_SOCKET_BAD_PORT: "InvalidAddress",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  ECONNREFUSED: "Refused",
  ECONNRESET: "Reset",
  ECONNABORTED: "Reset",
  EPIPE: "Reset",
  EHOSTUNREACH: "Unreachable",
  ENETUNREACH: "Unreachable",
  ETIMEDOUT: "TimedOut",
  EMFILE: "NoDescriptors",
  ENFILE: "NoDescriptors",
  ERR_STREAM_WRITE_AFTER_END: "Closed",
  ERR_STREAM_DESTROYED: "Closed"
}

/** The code of an error, or of the last attempt where several addresses were tried. */
const codeOf = (cause: unknown): string => {
  if (cause instanceof AggregateError) return codeOf(cause.errors.at(-1))
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""
}

const networkError = (reason: Reason, cause: unknown, address: NetAddress.SocketAddress | undefined) =>
  cause instanceof NetworkError ? cause : new NetworkError({ reason: codes[codeOf(cause)] ?? reason, cause, address })

/** The reason an error of effect's `Socket` gives where its cause has no code. */
const socketReasons: Readonly<Record<Socket.SocketErrorReason["_tag"], Reason>> = {
  SocketReadError: "Unknown",
  SocketWriteError: "Closed",
  SocketOpenError: "Unknown",
  SocketUpgradeError: "Unknown",
  SocketCloseError: "Closed"
}

export const fromSocketError = ({ reason }: Socket.SocketError, address?: NetAddress.SocketAddress): NetworkError =>
  reason._tag === "SocketOpenError" && reason.kind === "Timeout"
    ? new NetworkError({ reason: "TimedOut", cause: reason.cause, address })
    : networkError(socketReasons[reason._tag], "cause" in reason ? reason.cause : reason, address)

/** Code 1000 is the peer's FIN. */
export const isFin = ({ reason }: Socket.SocketError) => reason._tag === "SocketCloseError" && reason.code === 1000

export const closeError = (code: number, closeReason?: string) =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code, closeReason }) })

export const openError = (cause: NetworkError) => {
  const kind = cause.reason === "TimedOut" ? "Timeout" : "Unknown"
  return new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind, cause }) })
}

/** Effect calls a connection that went without a word 1006. */
export const readError = (cause: NetworkError) =>
  cause.reason === "Closed"
    ? closeError(1006)
    : new Socket.SocketError({ reason: new Socket.SocketReadError({ cause }) })

export const writeError = (cause: NetworkError) =>
  new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause }) })

const openKinds: Partial<Record<Reason, DatagramSocket.DatagramSocketOpenError["kind"]>> = {
  AddressInUse: "AddressInUse",
  AddressNotAvailable: "AddressNotAvailable",
  PermissionDenied: "PermissionDenied"
}

const ioKinds: Partial<Record<Reason, DatagramSocket.IoErrorKind>> = {
  MessageTooLarge: "MessageTooLarge",
  Unreachable: "Unreachable",
  Refused: "ConnectionRefused",
  PermissionDenied: "PermissionDenied"
}

const kindReasons: Readonly<
  Record<DatagramSocket.IoErrorKind | DatagramSocket.DatagramSocketOpenError["kind"], Reason>
> = {
  AddressInUse: "AddressInUse",
  AddressNotAvailable: "AddressNotAvailable",
  MessageTooLarge: "MessageTooLarge",
  Unreachable: "Unreachable",
  ConnectionRefused: "Refused",
  PermissionDenied: "PermissionDenied",
  Unknown: "Unknown"
}

const datagramError = (reason: DatagramSocket.DatagramSocketErrorReason) =>
  new DatagramSocket.DatagramSocketError({ reason })

export const datagramUnsupported = (capability: string) =>
  datagramError(new DatagramSocket.DatagramSocketUnsupportedError({ capability, runtime: "effect-inet" }))

const datagramClosed = () => datagramError(new DatagramSocket.DatagramSocketClosedError())

export const datagramOpenError = (cause: NetworkError) =>
  datagramError(new DatagramSocket.DatagramSocketOpenError({ kind: openKinds[cause.reason] ?? "Unknown", cause }))

export const datagramReadError = (cause: NetworkError) =>
  datagramError(new DatagramSocket.DatagramSocketReadError({ kind: ioKinds[cause.reason] ?? "Unknown", cause }))

export const datagramWriteError = (cause: NetworkError) =>
  cause.reason === "Closed"
    ? datagramClosed()
    : datagramError(new DatagramSocket.DatagramSocketWriteError({ kind: ioKinds[cause.reason] ?? "Unknown", cause }))

export const fromDatagramError = (
  { reason }: DatagramSocket.DatagramSocketError,
  address?: NetAddress.SocketAddress
): NetworkError => {
  if (reason._tag === "DatagramSocketClosedError") return new NetworkError({ reason: "Closed", address })
  if (reason._tag === "DatagramSocketUnsupportedError") {
    return new NetworkError({ reason: "Unknown", cause: reason, address })
  }
  return networkError(kindReasons[reason.kind], reason.cause, address)
}
