/**
 * Socket address structures of C in Linux's layout: `sockaddr_in`, `sockaddr_in6` and `sockaddr_un`.
 *
 * The family is in host order, the port and the flow label in network order, the scope identifier in host order.
 *
 * **Example** (The bytes of a sockaddr_in)
 *
 * ```ts
 * import * as NetAddress from "effect/net/NetAddress"
 * import * as Result from "effect/Result"
 * import { SockAddr } from "effect-inet/network"
 *
 * const address = NetAddress.inetAddressFromStringUnsafe("127.0.0.1:1067")
 * const bytes = Result.getOrThrow(SockAddr.encode({ address }))
 * Buffer.from(bytes).toString("hex") // => "0200042b7f0000010000000000000000"
 * Result.getOrThrow(SockAddr.decode(bytes)).address.toString() // => "127.0.0.1:1067"
 * ```
 */
import * as Data from "effect/Data"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { ByteOrder } from "./ByteOrder.ts"

/** Address families, numbered as on Linux. @category constants @since 0.1.0 */
export const AF_UNIX = 1
/** @category constants @since 0.1.0 */
export const AF_INET = 2
/** @category constants @since 0.1.0 */
export const AF_INET6 = 10

/** Sizes of `sockaddr_in`, of `sockaddr_in6`, and of the path in `sockaddr_un`. */
const sockaddrInBytes = 16
const sockaddrIn6Bytes = 28
const sunPathBytes = 108

/** Reason: the bytes end before the last field of the structure. @category errors @since 0.1.0 */
export class Truncated extends Data.TaggedClass("Truncated")<{ readonly needed: number; readonly got: number }> {
  get message(): string {
    return `truncated address: ${this.got} bytes, ${this.needed} needed`
  }
}

/** Reason: the family is not AF_UNIX, AF_INET or AF_INET6. @category errors @since 0.1.0 */
export class UnknownFamily extends Data.TaggedClass("UnknownFamily")<{ readonly family: number }> {
  get message(): string {
    return `unknown address family ${this.family}: must be ${AF_UNIX} (unix), ${AF_INET} (IPv4) or ${AF_INET6} (IPv6)`
  }
}

/** Reason: the path has more than 108 bytes. @category errors @since 0.1.0 */
export class PathTooLong extends Data.TaggedClass("PathTooLong")<{ readonly bytes: number }> {
  get message(): string {
    return `path too long for a unix socket address: ${this.bytes} bytes, at most ${sunPathBytes}`
  }
}

/**
 * Reason: the path is not UTF-8, or has a NUL elsewhere than at the start of an abstract name.
 *
 * @category errors
 * @since 0.1.0
 */
export class PathNotText extends Data.TaggedClass("PathNotText")<{}> {
  get message(): string {
    return "invalid path: must be UTF-8 without NUL, except at the start of an abstract name"
  }
}

/** Failure of encoding or decoding an address. @category errors @since 0.1.0 */
export class SockAddrError extends Data.TaggedError("SockAddrError")<{
  readonly reason: Truncated | UnknownFamily | PathTooLong | PathNotText
}> {
  override get message(): string {
    return this.reason.message
  }
}

const fail = (reason: SockAddrError["reason"]) => Result.fail(new SockAddrError({ reason }))

/** A socket address with the fields that the kernel passes. @category models @since 0.1.0 */
export interface SockAddr {
  /** Address; a unix path that starts with NUL is an abstract name, an empty one an unnamed socket. */
  readonly address: NetAddress.SocketAddress
  /** Traffic class and flow label, 32 bits; IPv6 only. Default 0. */
  readonly flowinfo?: number | undefined
}

/** Options of the host. @category models @since 0.1.0 */
export interface Options {
  /** Byte order of the host. Default `little`. */
  readonly order?: ByteOrder | undefined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const encodeUnix = (path: string, little: boolean): Result.Result<Uint8Array, SockAddrError> => {
  const name = encoder.encode(path)
  if (name.length > sunPathBytes) return fail(new PathTooLong({ bytes: name.length }))
  const abstract = path.startsWith("\0")
  if (!path.isWellFormed() || (!abstract && path.includes("\0"))) return fail(new PathNotText())
  // A path ends with a NUL unless it fills its field; an abstract or empty name ends where the structure does.
  const terminator = abstract || name.length === 0 || name.length === sunPathBytes ? 0 : 1
  const bytes = new Uint8Array(2 + name.length + terminator)
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, little)
  bytes.set(name, 2)
  return Result.succeed(bytes)
}

/**
 * Encodes an address as 16 bytes (IPv4), 28 bytes (IPv6) or 2 bytes and the path (unix). Fails with `PathTooLong` or
 * `PathNotText`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  { address, flowinfo = 0 }: SockAddr,
  { order = "little" }: Options = {}
): Result.Result<Uint8Array, SockAddrError> => {
  const little = order === "little"
  if (NetAddress.isUnixPathAddress(address)) return encodeUnix(address.path, little)
  const isV4 = NetAddress.isInetAddressV4(address)
  const bytes = new Uint8Array(isV4 ? sockaddrInBytes : sockaddrIn6Bytes)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, isV4 ? AF_INET : AF_INET6, little)
  view.setUint16(2, address.port)
  if (isV4) {
    bytes.set(NetAddress.ipv4ToOctets(address.address), 4)
  } else {
    view.setUint32(4, flowinfo)
    bytes.set(NetAddress.ipv6ToOctets(address.address), 8)
    view.setUint32(24, address.scopeId, little)
  }
  return Result.succeed(bytes)
}

const decodeUnix = (name: Uint8Array): Result.Result<SockAddr, SockAddrError> => {
  if (name.length > sunPathBytes) return fail(new PathTooLong({ bytes: name.length }))
  const end = name[0] === 0 ? -1 : name.indexOf(0)
  return Result.try({
    try: () => ({ address: NetAddress.unixPathAddress(decoder.decode(end === -1 ? name : name.subarray(0, end))) }),
    catch: () => new SockAddrError({ reason: new PathNotText() })
  })
}

/**
 * Decodes an address of any family. Bytes after an IPv4 or IPv6 address, as in a `sockaddr_storage`, are ignored; a
 * unix address ends where the bytes end. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  bytes: Uint8Array,
  { order = "little" }: Options = {}
): Result.Result<SockAddr, SockAddrError> => {
  if (bytes.length < 2) return fail(new Truncated({ needed: 2, got: bytes.length }))
  const little = order === "little"
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const family = view.getUint16(0, little)
  if (family === AF_UNIX) return decodeUnix(bytes.subarray(2))
  if (family !== AF_INET && family !== AF_INET6) return fail(new UnknownFamily({ family }))
  const needed = family === AF_INET ? sockaddrInBytes : sockaddrIn6Bytes
  if (bytes.length < needed) return fail(new Truncated({ needed, got: bytes.length }))
  const port = view.getUint16(2)
  return family === AF_INET
    ? Result.succeed({
        address: NetAddress.inetAddressUnsafe(NetAddress.ipv4FromBytesUnsafe(bytes.subarray(4, 8)), port)
      })
    : Result.succeed({
        address: Result.getOrThrow(
          NetAddress.inetAddressV6(NetAddress.ipv6FromBytesUnsafe(bytes.subarray(8, 24)), port, {
            scopeId: view.getUint32(24, little)
          })
        ),
        flowinfo: view.getUint32(4)
      })
}
