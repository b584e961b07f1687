/** The dissector of TFTP packets, for captures and fault plans. Pure. */
import * as Result from "effect/Result"
import * as FieldDissector from "../../network/dissect/FieldDissector.ts"
import type * as NetworkPacket from "../../network/Packet.ts"
import * as NameText from "./NameText.ts"
import * as Packet from "./Packet.ts"

/** The length of a summary: file names and messages of a peer may be long. */
const maxSummaryChars = 200

/** Quotes a text that contains white space or quotes, or is empty. */
const word = (text: string) => (/[\s"]/.test(text) || text === "" ? NameText.quote(text) : text)

const words = (options: ReadonlyArray<Packet.Option>) => options.map(([name, value]) => ` ${word(name)}=${word(value)}`)

const bytesOf = (length: number) => (length === 1 ? "1 byte" : `${length} bytes`)

const textOf = (packet: Packet.Packet): string => {
  switch (packet._tag) {
    case "DATA":
      return `DATA block ${packet.block}, ${bytesOf(packet.bytes.length)}`
    case "ACK":
      return `ACK block ${packet.block}`
    case "ERROR":
      return `ERROR ${packet.code}${packet.message === "" ? "" : `: ${packet.message}`}`
    case "OACK":
      return `OACK${words(packet.options).join("")}`
    default:
      return `${packet._tag} ${word(packet.filename)} ${packet.mode}${words(packet.options).join("")}`
  }
}

/**
 * Returns true if a packet that can be decoded is probably TFTP. Ports give no hint, because both ends choose theirs. A
 * block has at most 65,464 bytes (RFC 2348), and the message of an ERROR is text.
 */
const isLikely = (packet: Packet.Packet): boolean =>
  packet._tag === "DATA"
    ? packet.bytes.length <= 65_464
    : packet._tag !== "ERROR" || !/[^\P{Cc}\t\r\n]/u.test(packet.message)

const clip = (text: string) =>
  text.length > maxSummaryChars ? `${text.slice(0, maxSummaryChars).toWellFormed()}...` : text

/**
 * The dissector of TFTP, on any UDP port. Kinds are `RRQ`, `WRQ`, `DATA`, `ACK`, `ERROR` and `OACK`; summaries, such as
 * `RRQ boot/x octet blksize=1428` and `DATA block 3, 512 bytes`, are safe to print. A payload of another protocol with
 * the form of a TFTP packet is dissected too.
 *
 * @category constants
 * @since 0.1.0
 */
export const dissector: NetworkPacket.Dissector = {
  name: "tftp",
  dissect: ({ bytes, transport }) => {
    if (transport !== "udp") return undefined
    const packet = Result.getOrUndefined(Packet.decode(bytes))
    if (packet === undefined || !isLikely(packet)) return undefined
    return { kind: packet._tag, summary: clip(NameText.escape(textOf(packet))) }
  }
}

const optionFields = (options: ReadonlyArray<Packet.Option>) =>
  options.flatMap(([name, value]) => [["tftp.option.name", name] as const, ["tftp.option.value", value] as const])

const fieldsOf = (packet: Packet.Packet): ReadonlyArray<FieldDissector.Field> => {
  const opcode = ["tftp.opcode", Packet.Opcode[packet._tag]] as const
  switch (packet._tag) {
    case "DATA":
    case "ACK":
      return [opcode, ["tftp.block", packet.block]]
    case "ERROR":
      return [opcode, ["tftp.error.code", packet.code], ["tftp.error.message", packet.message]]
    case "OACK":
      return [opcode, ...optionFields(packet.options)]
    default: {
      const name = packet._tag === "RRQ" ? "tftp.source_file" : "tftp.destination_file"
      return [opcode, [name, packet.filename], ["tftp.type", packet.mode], ...optionFields(packet.options)]
    }
  }
}

/**
 * The dissector of TFTP with fields for display filters. The packets of a transfer have the name of its file as
 * `tftp.destination_file`, as in Wireshark.
 *
 * @category constants
 * @since 0.1.0
 */
export const fieldDissector: FieldDissector.FieldDissector = {
  ...dissector,
  ...FieldDissector.make({
    name: dissector.name,
    ports: { udp: [69] },
    fields: {
      "tftp.opcode": ["number", "RRQ 1, WRQ 2, DATA 3, ACK 4, ERROR 5, OACK 6"],
      "tftp.block": ["number", "Block of a DATA or an ACK"],
      "tftp.source_file": ["text", "File of an RRQ"],
      "tftp.destination_file": ["text", "File of a WRQ, and of all packets after a request"],
      "tftp.type": ["text", "Mode of a request: `octet` or `netascii`"],
      "tftp.option.name": ["text", "Name of an option"],
      "tftp.option.value": ["text", "Value of an option"],
      "tftp.error.code": ["number", "Code of an ERROR"],
      "tftp.error.message": ["text", "Message of an ERROR"]
    },
    decode: (datagram) => {
      const found = dissector.dissect(datagram)
      const packet = found === undefined ? undefined : Result.getOrUndefined(Packet.decode(datagram.bytes))
      if (found === undefined || packet === undefined) return undefined
      const fields = fieldsOf(packet)
      if (packet._tag !== "RRQ" && packet._tag !== "WRQ") return { ...found, fields }
      return { ...found, fields, expectsOtherPort: { fields: [["tftp.destination_file", packet.filename]] } }
    },
    recognizes: ({ bytes, transport }) => {
      // Most datagrams of other protocols fail here, without an error object for each.
      if (transport !== "udp" || bytes[0] !== 0 || bytes[1] === undefined || bytes[1] > Packet.Opcode.OACK) return false
      const packet = Result.getOrUndefined(Packet.decode(bytes))
      return packet !== undefined && isLikely(packet)
    }
  })
}
