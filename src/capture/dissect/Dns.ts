/** Dissector of DNS (RFC 1035) over UDP and TCP, and of multicast DNS (RFC 6762). Pure. */
import * as FieldDissector from "../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../network/Packet.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as ByteReader from "./ByteReader.ts"
import * as DnsMessage from "./DnsMessage.ts"

const mdnsPort = 5353

const responseCodes: Readonly<Record<number, string>> = {
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED"
}

const maxSummaryValues = 3

const fieldsOf = (message: DnsMessage.DnsMessage): ReadonlyArray<FieldDissector.Field> => {
  const { answers, additionals, authorities, counts, flags, id, questions } = message
  const isResponse = (flags & 0x8000) !== 0
  const records = [...answers, ...authorities, ...additionals]
  const { types } = DnsMessage
  const ofType = (type: number, name: string) =>
    records
      .filter((record) => record.type === type && record.value !== undefined)
      .map((record): FieldDissector.Field => [name, record.value!])
  return [
    ["dns.id", id],
    ["dns.flags", flags],
    ["dns.flags.response", isResponse],
    ["dns.flags.opcode", (flags >> 11) & 15],
    ["dns.flags.truncated", (flags & 0x200) !== 0],
    ["dns.flags.recdesired", (flags & 0x100) !== 0],
    ...(isResponse
      ? ([
          ["dns.flags.authoritative", (flags & 0x400) !== 0],
          ["dns.flags.rcode", flags & 15]
        ] as const)
      : []),
    ["dns.count.queries", counts[0]],
    ["dns.count.answers", counts[1]],
    ...questions.flatMap(
      ({ name, type }): ReadonlyArray<FieldDissector.Field> => [
        ["dns.qry.name", name],
        ["dns.qry.type", type]
      ]
    ),
    ...records.flatMap(
      ({ name, type }): ReadonlyArray<FieldDissector.Field> => [
        ["dns.resp.name", name],
        ["dns.resp.type", type]
      ]
    ),
    ...ofType(types.A, "dns.a"),
    ...ofType(types.AAAA, "dns.aaaa"),
    ...ofType(types.CNAME, "dns.cname"),
    ...ofType(types.PTR, "dns.ptr.domain_name")
  ]
}

const summaryOf = ({ answers, flags, isTruncated, questions }: DnsMessage.DnsMessage): string => {
  const isResponse = (flags & 0x8000) !== 0
  const asked = questions.map(({ name, type }) => `${DnsMessage.typeName(type)} ${name}`).slice(0, maxSummaryValues)
  const code = isResponse ? flags & 15 : 0
  const found = answers
    .map(({ name, type, value }) => `${DnsMessage.typeName(type)} ${value ?? name}`)
    .slice(0, maxSummaryValues)
  const hidden = answers.length - found.length
  const parts = [
    ...asked,
    ...(code === 0 ? [] : [responseCodes[code] ?? `rcode ${code}`]),
    ...found,
    ...(hidden > 0 ? [`${hidden} more`] : []),
    ...(isTruncated ? ["[cut short]"] : [])
  ]
  return TerminalText.truncate(TerminalText.escape(`${isResponse ? "response" : "query"} ${parts.join(", ")}`), 200)
}

const dissectMessage = (bytes: Uint8Array, isMulticast: boolean): FieldDissector.FieldDissection | undefined => {
  const message = DnsMessage.decode(bytes)
  if (message === undefined) return undefined
  const kind = (message.flags & 0x8000) === 0 ? "QUERY" : "RESPONSE"
  const summary = summaryOf(message)
  return { kind, summary, fields: fieldsOf(message), protocol: isMulticast ? "mdns" : undefined }
}

/** Bytes of both directions that wait for the rest of a message, whose length has 16 bits. */
interface Waiting {
  readonly fromClient: Uint8Array
  readonly fromServer: Uint8Array
}

const none: Uint8Array = new Uint8Array(0)

const joined = (one: Uint8Array, other: Uint8Array) => {
  if (one.length === 0) return other
  const bytes = new Uint8Array(one.length + other.length)
  bytes.set(one)
  bytes.set(other, one.length)
  return bytes
}

/** Splits the bytes of a direction into messages, each of which its length of two bytes precedes (RFC 1035, 4.2.2). */
const splitMessages = (bytes: Uint8Array): readonly [rest: Uint8Array, messages: ReadonlyArray<Uint8Array>] => {
  const messages: Array<Uint8Array> = []
  let at = 0
  while (at + 2 <= bytes.length && at + 2 + ByteReader.u16(bytes, at) <= bytes.length) {
    const end = at + 2 + ByteReader.u16(bytes, at)
    messages.push(bytes.subarray(at + 2, end))
    at = end
  }
  return [bytes.slice(at), messages]
}

const isDissection = <A>(value: A | undefined): value is A => value !== undefined

const collector = FieldDissector.collector<Waiting>(
  { fromClient: none, fromServer: none },
  (state, { afterGap, bytes, fromClient }) => {
    const key = fromClient ? "fromClient" : "fromServer"
    const [rest, messages] = splitMessages(joined(afterGap ? none : state[key], bytes))
    return [{ ...state, [key]: rest }, messages.map((message) => dissectMessage(message, false)).filter(isDissection)]
  }
)

/** The dissector of DNS on port 53, and of mDNS on port 5353. Kinds are `QUERY` and `RESPONSE`. */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "dns",
  aliases: ["mdns"],
  ports: { udp: [53, mdnsPort], tcp: [53] },
  fields: {
    "dns.id": ["number", "Number of the query"],
    "dns.flags": ["number", "All flags"],
    "dns.flags.response": ["boolean", "The message is a response"],
    "dns.flags.opcode": ["number", "Kind of query: 0 is a standard query"],
    "dns.flags.authoritative": ["boolean", "The server has authority for the name"],
    "dns.flags.truncated": ["boolean", "The response did not fit"],
    "dns.flags.recdesired": ["boolean", "The client asks for recursion"],
    "dns.flags.rcode": ["number", "Code of a response: 0 is success, 3 an unknown name"],
    "dns.count.queries": ["number", "Number of questions"],
    "dns.count.answers": ["number", "Number of answers"],
    "dns.qry.name": ["text", "Name in a question"],
    "dns.qry.type": ["number", "Type in a question: A is 1, AAAA 28"],
    "dns.resp.name": ["text", "Name of a record"],
    "dns.resp.type": ["number", "Type of a record"],
    "dns.a": ["IPv4", "Address of an A record"],
    "dns.aaaa": ["IPv6", "Address of an AAAA record"],
    "dns.cname": ["text", "Name of a CNAME record"],
    "dns.ptr.domain_name": ["text", "Name of a PTR record"]
  },
  decode: ({ bytes, from, to, transport }: Packet.Packet) => {
    const isMulticast = transport === "udp" && (to.port === mdnsPort || from.port === mdnsPort)
    return dissectMessage(transport === "tcp" ? bytes.subarray(2) : bytes, isMulticast)
  },
  collector
})
