/** Conversion between the errors of `Network` and of effect's sockets. The platform's error stays the `cause`. */
import type * as Dns from "effect/net/Dns"
import type * as NetAddress from "effect/net/NetAddress"
import * as DatagramSocket from "effect/socket/DatagramSocket"
import * as Socket from "effect/socket/Socket"
import { NetworkError, type Reason } from "../Network.ts"

/** Reason for each platform error code, the only detail in the cause of effect's stream errors. */
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

/** Returns the code of an error, or of the last attempt if several addresses were tried. */
const codeOf = (cause: unknown): string => {
  if (cause instanceof AggregateError) return codeOf(cause.errors.at(-1))
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""
}

const networkError = (reason: Reason, cause: unknown, address: NetAddress.SocketAddress | undefined) =>
  cause instanceof NetworkError ? cause : new NetworkError({ reason: codes[codeOf(cause)] ?? reason, cause, address })

/** Reason for each kind of effect's socket errors, for causes without a code. */
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

/** Tests for close code 1000, the peer's FIN. */
export const isFin = ({ reason }: Socket.SocketError) => reason._tag === "SocketCloseError" && reason.code === 1000

export const closeError = (code: number, closeReason?: string) =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code, closeReason }) })

export const openError = (cause: NetworkError | Dns.DnsError) => {
  const kind = cause._tag === "NetworkError" && cause.reason === "TimedOut" ? "Timeout" : "Unknown"
  return new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind, cause }) })
}

/** Converts a read error; effect's code for a connection that ended without a close event is 1006. */
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
