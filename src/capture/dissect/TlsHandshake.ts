/**
 * Collector of the records and handshake messages of a TLS connection (RFC 8446, RFC 5246). It is a state record and a
 * pure step for the bytes of both directions. Encrypted records are counted but not kept.
 *
 * ```
 *   record                                handshake message, which may span records
 *   +------+---------+--------+--- ~ ---+  +------+----------+--- ~ ---+
 *   | type | version | length | bytes   |  | type | length   | bytes   |
 *   +------+---------+--------+--- ~ ---+  +------+----------+--- ~ ---+
 *      1        2        2                    1        3
 * ```
 */
import type { StreamBytes } from "../../network/dissect/FieldDissector.ts"
import * as ByteReader from "./ByteReader.ts"

const { u16, u24 } = ByteReader

/** A handshake message: its type, and of a hello what it offers or chooses. */
export interface Handshake {
  readonly type: number
  readonly version?: number | undefined
  readonly serverName?: string | undefined
  readonly protocols: ReadonlyArray<string>
  /** Versions of the extension `supported_versions`. */
  readonly supportedVersions: ReadonlyArray<number>
  readonly cipherSuites: ReadonlyArray<number>
  readonly extensions: ReadonlyArray<number>
}

/** A complete record. */
export interface TlsRecord {
  readonly type: number
  readonly version: number
  readonly length: number
  /** The record is a handshake whose messages are encrypted. */
  readonly isEncrypted: boolean
  /** Handshake messages that the record completes. */
  readonly handshakes: ReadonlyArray<Handshake>
  /** Level and description of an alert that is not encrypted. */
  readonly alert?: readonly [level: number, description: number] | undefined
}

/** State of one direction. */
interface Direction {
  /** Bytes of a record that is not complete, at most 16 KiB and its header. */
  readonly record: Uint8Array
  /** Bytes of a handshake message that is not complete. */
  readonly handshake: Uint8Array
  readonly isEncrypted: boolean
  /** Bytes that are not TLS have been seen. */
  readonly isOpaque: boolean
}

/** State of a connection. */
export interface State {
  readonly client: Direction
  readonly server: Direction
}

/** Content types of records. */
export const contentTypes = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  heartbeat: 24
} as const

/** Types of handshake messages. */
export const handshakeTypes = { clientHello: 1, serverHello: 2 } as const

const headerBytes = 5
const maxRecordBytes = 0x4000 + 2_048
const maxHandshakeBytes = 0x1_0000

const none: Uint8Array = new Uint8Array(0)
const fresh: Direction = { record: none, handshake: none, isEncrypted: false, isOpaque: false }

/** State at the start of a connection. */
export const initial: State = { client: fresh, server: fresh }

const concat = (one: Uint8Array, other: Uint8Array) => {
  if (one.length === 0) return other
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}

/** Tests whether bytes begin with the header of a record. */
export const isRecordStart = (bytes: Uint8Array): boolean =>
  bytes.length >= headerBytes &&
  bytes[0]! >= contentTypes.changeCipherSpec &&
  bytes[0]! <= contentTypes.heartbeat &&
  bytes[1] === 3 &&
  bytes[2]! <= 4 &&
  u16(bytes, 3) <= maxRecordBytes

const serverNameOf = (data: Uint8Array): string | undefined => {
  const length = u16(data, 3)
  return data[2] === 0 && 5 + length <= data.length ? ByteReader.latin1(data.subarray(5, 5 + length)) : undefined
}

const protocolsOf = (data: Uint8Array): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (let at = 2; at < data.length; at += 1 + data[at]!) {
    if (at + 1 + data[at]! > data.length) break
    found.push(ByteReader.latin1(data.subarray(at + 1, at + 1 + data[at]!)))
  }
  return found
}

const numbersOf = (data: Uint8Array): ReadonlyArray<number> =>
  Array.from({ length: data.length >> 1 }, (_, at) => u16(data, 2 * at))

/** Decodes the extensions of a hello. */
const extensionsAt = (bytes: Uint8Array, start: number, isClient: boolean) => {
  const extensions: Array<number> = []
  let serverName: string | undefined
  let protocols: ReadonlyArray<string> = []
  let supportedVersions: ReadonlyArray<number> = []
  const end = Math.min(bytes.length, start + 2 + (u16(bytes, start) || 0))
  for (let at = start + 2; at + 4 <= end; at += 4 + u16(bytes, at + 2)) {
    const type = u16(bytes, at)
    const data = bytes.subarray(at + 4, Math.min(end, at + 4 + u16(bytes, at + 2)))
    extensions.push(type)
    if (type === 0) serverName = serverNameOf(data)
    if (type === 16) protocols = protocolsOf(data)
    if (type === 43) supportedVersions = numbersOf(isClient ? data.subarray(1) : data)
  }
  return { extensions, serverName, protocols, supportedVersions }
}

/** Decodes a ClientHello or ServerHello after its header of four bytes. */
const decodeHello = (type: number, body: Uint8Array): Handshake | undefined => {
  const isClient = type === handshakeTypes.clientHello
  const sessionLength = body[34]
  if (sessionLength === undefined) return undefined
  const suitesAt = 35 + sessionLength
  const suitesLength = isClient ? u16(body, suitesAt) : 2
  const suitesStart = isClient ? suitesAt + 2 : suitesAt
  const compressionAt = suitesStart + suitesLength
  if (Number.isNaN(suitesLength) || compressionAt > body.length) return undefined
  const extensionsStart = compressionAt + 1 + (isClient ? (body[compressionAt] ?? 0) : 0)
  const cipherSuites = numbersOf(body.subarray(suitesStart, compressionAt))
  return { type, version: u16(body, 0), cipherSuites, ...extensionsAt(body, extensionsStart, isClient) }
}

const decodeHandshake = (type: number, body: Uint8Array): Handshake => {
  const isHello = type === handshakeTypes.clientHello || type === handshakeTypes.serverHello
  const hello = isHello ? decodeHello(type, body) : undefined
  return hello ?? { type, protocols: [], supportedVersions: [], cipherSuites: [], extensions: [] }
}

/** Splits bytes into handshake messages; `rest` is what is not complete. */
const splitHandshakes = (bytes: Uint8Array) => {
  const handshakes: Array<Handshake> = []
  let at = 0
  while (at + 4 <= bytes.length) {
    const length = u24(bytes, at + 1)
    if (length > maxHandshakeBytes) return { handshakes, rest: none }
    if (at + 4 + length > bytes.length) break
    handshakes.push(decodeHandshake(bytes[at]!, bytes.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
  return { handshakes, rest: bytes.slice(at) }
}

const readRecord = (direction: Direction, bytes: Uint8Array): readonly [Direction, TlsRecord] => {
  const [type, length] = [bytes[0]!, bytes.length - headerBytes]
  const base = { type, version: u16(bytes, 1), length, isEncrypted: direction.isEncrypted, handshakes: [] }
  if (type === contentTypes.changeCipherSpec) return [{ ...direction, isEncrypted: true }, base]
  if (direction.isEncrypted) return [direction, base]
  const content = bytes.subarray(headerBytes)
  if (type === contentTypes.alert) {
    return [direction, length === 2 ? { ...base, alert: [content[0]!, content[1]!] } : base]
  }
  if (type !== contentTypes.handshake) return [direction, base]
  const { handshakes, rest } = splitHandshakes(concat(direction.handshake, content))
  return [
    { ...direction, handshake: rest },
    { ...base, handshakes }
  ]
}

/** Result of a step: the records that are complete, and whether another one begins. */
export interface Found {
  readonly records: ReadonlyArray<TlsRecord>
  readonly beginsRecord: boolean
}

const nothing: Found = { records: [], beginsRecord: false }

/** Takes the next bytes of a direction, and returns the records that they complete. */
export const step = (
  state: State,
  { afterGap, bytes, fromClient }: Pick<StreamBytes, "afterGap" | "bytes" | "fromClient">
): readonly [State, Found] => {
  const before = fromClient ? state.client : state.server
  let direction = afterGap ? { ...fresh, isEncrypted: before.isEncrypted } : before
  if (direction.isOpaque || bytes.length === 0) return [state, nothing]
  const all = concat(direction.record, bytes)
  const records: Array<TlsRecord> = []
  let at = 0
  while (at + headerBytes <= all.length) {
    const rest = all.subarray(at)
    if (!isRecordStart(rest)) {
      direction = { ...direction, isOpaque: true }
      at = all.length
      break
    }
    const length = headerBytes + u16(rest, 3)
    if (length > rest.length) break
    const [next, record] = readRecord(direction, rest.subarray(0, length))
    direction = next
    records.push(record)
    at += length
  }
  const after = { ...direction, record: all.slice(at) }
  const beginsRecord = after.record.length > 0 && after.record.length <= bytes.length
  return [fromClient ? { ...state, client: after } : { ...state, server: after }, { records, beginsRecord }]
}
