/**
 * Decoder of DNS messages (RFC 1035) with EDNS (RFC 6891), for dissectors: what a message says, not a codec for a
 * resolver. Names may be compressed; a pointer must point backwards, so that a name always ends. Pure.
 */
import * as ByteReader from "./ByteReader.ts"

const { u16, u32 } = ByteReader

/** Question of a message. */
interface Question {
  readonly name: string
  readonly type: number
  readonly class: number
}

/** Resource record of a message. */
interface ResourceRecord {
  readonly name: string
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly data: Uint8Array
  /** The data as text: an address, a name, or texts; undefined for other types. */
  readonly value?: string | undefined
}

/** A decoded message. */
export interface DnsMessage {
  readonly id: number
  readonly flags: number
  readonly questions: ReadonlyArray<Question>
  readonly answers: ReadonlyArray<ResourceRecord>
  readonly authorities: ReadonlyArray<ResourceRecord>
  readonly additionals: ReadonlyArray<ResourceRecord>
  /** Counts of the header: questions, answers, authorities, additional records. */
  readonly counts: readonly [number, number, number, number]
  /** The message ends before the last record. */
  readonly isTruncated: boolean
}

/** Length of the header of a message, in bytes. */
const headerBytes = 12

/** Records that are decoded of a section, and labels of a name. */
const maxRecords = 256
const maxNameChars = 1_024

const labelText = (bytes: Uint8Array) =>
  ByteReader.latin1(bytes).replace(/[^\x21-\x7e]|[.\\]/g, (each) =>
    each === "." || each === "\\" ? `\\${each}` : `\\${`${each.charCodeAt(0)}`.padStart(3, "0")}`
  )

/** Decodes the name at an offset; undefined if it does not end, or points forwards. */
const nameAt = (bytes: Uint8Array, start: number): readonly [name: string, end: number] | undefined => {
  let at = start
  let end: number | undefined
  let lowest = start
  let name = ""
  for (;;) {
    const length = bytes[at]
    if (length === undefined) return undefined
    if (length === 0) return [name === "" ? "<Root>" : name, end ?? at + 1]
    if (length >= 0xc0) {
      const target = u16(bytes, at) & 0x3fff
      if (at + 2 > bytes.length || target >= lowest) return undefined
      end ??= at + 2
      lowest = target
      at = target
      continue
    }
    if (length >= 0x40 || at + 1 + length > bytes.length) return undefined
    name += `${name === "" ? "" : "."}${labelText(bytes.subarray(at + 1, at + 1 + length))}`
    if (name.length > maxNameChars) return undefined
    at += 1 + length
  }
}

/** Codes of types whose data is decoded. */
export const types = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, OPT: 41 } as const

const typeNames: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(types).map(([name, code]) => [code, name])),
  13: "HINFO",
  35: "NAPTR",
  43: "DS",
  46: "RRSIG",
  47: "NSEC",
  48: "DNSKEY",
  50: "NSEC3",
  64: "SVCB",
  65: "HTTPS",
  251: "IXFR",
  252: "AXFR",
  255: "ANY",
  257: "CAA"
}

/** Returns the name of a type: `AAAA`, `TYPE1234`. */
export const typeName = (type: number): string => typeNames[type] ?? `TYPE${type}`

const texts = (data: Uint8Array) => {
  const found: Array<string> = []
  for (let at = 0; at < data.length; at += 1 + data[at]!) {
    found.push(ByteReader.utf8(data.subarray(at + 1, at + 1 + data[at]!)))
  }
  return found.join("")
}

const dataText = (bytes: Uint8Array, type: number, start: number, end: number): string | undefined => {
  const data = bytes.subarray(start, end)
  switch (type) {
    case types.A:
      return data.length === 4 ? ByteReader.formatIp(data) : undefined
    case types.AAAA:
      return data.length === 16 ? ByteReader.formatIp(data) : undefined
    case types.NS:
    case types.CNAME:
    case types.PTR:
    case types.SOA:
      return nameAt(bytes, start)?.[0]
    case types.MX:
      return nameAt(bytes, start + 2)?.[0]
    case types.SRV: {
      const target = nameAt(bytes, start + 6)?.[0]
      return target === undefined ? undefined : `${target}:${u16(bytes, start + 4)}`
    }
    case types.TXT:
      return texts(data)
    default:
      return undefined
  }
}

/** Decodes the records of a section from an offset; `end` is undefined if they do not all fit. */
const recordsAt = (bytes: Uint8Array, start: number, count: number) => {
  const records: Array<ResourceRecord> = []
  let at: number | undefined = start
  while (records.length < Math.min(count, maxRecords)) {
    const named: readonly [string, number] | undefined = nameAt(bytes, at)
    if (named === undefined || named[1] + 10 > bytes.length) return { records, end: undefined }
    const [name, end] = named
    const dataAt = end + 10
    const dataEnd = dataAt + u16(bytes, end + 8)
    if (dataEnd > bytes.length) return { records, end: undefined }
    const type = u16(bytes, end)
    const value = dataText(bytes, type, dataAt, dataEnd)
    const data = bytes.subarray(dataAt, dataEnd)
    records.push({ name, type, class: u16(bytes, end + 2), ttl: u32(bytes, end + 4), data, value })
    at = dataEnd
  }
  return { records, end: count > maxRecords ? undefined : at }
}

const questionsAt = (bytes: Uint8Array, count: number) => {
  const questions: Array<Question> = []
  let at = headerBytes
  while (questions.length < Math.min(count, maxRecords)) {
    const named = nameAt(bytes, at)
    if (named === undefined || named[1] + 4 > bytes.length) return { questions, end: undefined }
    questions.push({ name: named[0], type: u16(bytes, named[1]), class: u16(bytes, named[1] + 2) })
    at = named[1] + 4
  }
  return { questions, end: count > maxRecords ? undefined : at }
}

const nothing = { records: [], end: undefined }

/** Decodes a message; undefined for bytes without a header of DNS. Never throws. */
export const decode = (bytes: Uint8Array): DnsMessage | undefined => {
  if (bytes.length < headerBytes) return undefined
  const flags = u16(bytes, 2)
  const counts = [u16(bytes, 4), u16(bytes, 6), u16(bytes, 8), u16(bytes, 10)] as const
  const asked = questionsAt(bytes, counts[0])
  const sectionAt = (end: number | undefined, count: number) =>
    end === undefined ? nothing : recordsAt(bytes, end, count)
  const answers = sectionAt(asked.end, counts[1])
  const authorities = sectionAt(answers.end, counts[2])
  const additionals = sectionAt(authorities.end, counts[3])
  return {
    id: u16(bytes, 0),
    flags,
    questions: asked.questions,
    answers: answers.records,
    authorities: authorities.records,
    additionals: additionals.records,
    counts,
    isTruncated: additionals.end === undefined
  }
}
