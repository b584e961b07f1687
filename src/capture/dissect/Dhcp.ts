/** Dissector of DHCP (RFC 2131, RFC 2132) with the options of PXE (RFC 4578). Pure. */
import * as FieldDissector from "../../network/dissect/FieldDissector.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as ByteReader from "./ByteReader.ts"

const { u16, u32 } = ByteReader

/** Fields of fixed length, and the magic cookie before the options (RFC 2131, section 3). */
const fixedBytes = 236
const magicCookie = 0x63825363

const maxOptions = 256

/** An option: its code and its value. */
type Option = readonly [code: number, value: Uint8Array]

/** Decodes options until their end; one that does not fit ends them, too. */
const decodeOptions = (bytes: Uint8Array): ReadonlyArray<Option> => {
  const options: Array<Option> = []
  let at = 0
  while (at < bytes.length && options.length < maxOptions) {
    const code = bytes[at]!
    if (code === 255) break
    if (code === 0) {
      at++
      continue
    }
    const length = bytes[at + 1]
    if (length === undefined || at + 2 + length > bytes.length) break
    options.push([code, bytes.subarray(at + 2, at + 2 + length)])
    at += 2 + length
  }
  return options
}

/** Returns the options of a message, with those in the fields of names if option 52 says so. */
const optionsOf = (bytes: Uint8Array): ReadonlyArray<Option> => {
  const options = decodeOptions(bytes.subarray(fixedBytes + 4))
  const overload = options.find(([code]) => code === 52)?.[1][0] ?? 0
  return [
    ...options,
    ...((overload & 1) !== 0 ? decodeOptions(bytes.subarray(108, 236)) : []),
    ...((overload & 2) !== 0 ? decodeOptions(bytes.subarray(44, 108)) : [])
  ]
}

const messageTypes = ["", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"]

/** Architectures of clients that boot from the network (option 93, RFC 4578 and its registry of IANA). */
const architectures: Readonly<Record<number, string>> = {
  0: "x86 BIOS",
  2: "Itanium",
  6: "x86 UEFI",
  7: "x64 UEFI",
  9: "EFI byte code",
  10: "ARM UEFI",
  11: "ARM64 UEFI",
  12: "PowerPC Open Firmware",
  14: "POWER OPAL",
  15: "x86 UEFI HTTP",
  16: "x64 UEFI HTTP",
  18: "ARM UEFI HTTP",
  19: "ARM64 UEFI HTTP",
  25: "RISC-V 32 UEFI",
  27: "RISC-V 64 UEFI"
}

/** Fields of options: name, type and description by code. */
const optionFields: Readonly<Record<number, readonly [name: string, type: FieldDissector.FieldType, about: string]>> = {
  1: ["dhcp.option.subnet_mask", "IPv4", "Option 1: subnet mask"],
  3: ["dhcp.option.router", "IPv4", "Option 3: router"],
  6: ["dhcp.option.domain_name_server", "IPv4", "Option 6: DNS server"],
  12: ["dhcp.option.hostname", "text", "Option 12: name of the client"],
  50: ["dhcp.option.requested_ip_address", "IPv4", "Option 50: address that the client asks for"],
  51: ["dhcp.option.ip_address_lease_time", "number", "Option 51: lease, in seconds"],
  53: ["dhcp.option.dhcp", "number", "Option 53, message type: DISCOVER 1, OFFER 2, REQUEST 3, ACK 5, NAK 6"],
  54: ["dhcp.option.dhcp_server_id", "IPv4", "Option 54: address of the server"],
  60: ["dhcp.option.vendor_class_id", "text", "Option 60: class of the client, such as `PXEClient:Arch:00007`"],
  66: ["dhcp.option.tftp_server_name", "text", "Option 66: name of the TFTP server"],
  67: ["dhcp.option.bootfile_name", "text", "Option 67: boot file"],
  93: ["dhcp.option.client_system_architecture", "number", "Option 93: architecture; x64 UEFI is 7"],
  97: ["dhcp.client_id.uuid", "bytes", "Option 97: identifier of the machine"]
}

const optionValues = (type: FieldDissector.FieldType, value: Uint8Array): ReadonlyArray<FieldDissector.FieldValue> => {
  if (type === "text") return [ByteReader.untilNul(value)]
  if (type === "IPv4")
    return Array.from({ length: Math.min(16, value.length >> 2) }, (_, at) => value.subarray(4 * at, 4 * at + 4))
  if (type === "bytes") return value[0] === 0 ? [value.subarray(1)] : [value]
  const number = value.length === 1 ? value[0]! : value.length === 2 ? u16(value, 0) : u32(value, 0)
  return Number.isNaN(number) ? [] : [number]
}

const fieldsOf = (bytes: Uint8Array, options: ReadonlyArray<Option>): ReadonlyArray<FieldDissector.Field> => {
  const hardwareLength = bytes[2]!
  return [
    ["dhcp.type", bytes[0]!],
    ["dhcp.id", u32(bytes, 4)],
    ["dhcp.secs", u16(bytes, 8)],
    ["dhcp.flags.bc", (bytes[10]! & 0x80) !== 0],
    ["dhcp.ip.client", bytes.subarray(12, 16)],
    ["dhcp.ip.your", bytes.subarray(16, 20)],
    ["dhcp.ip.server", bytes.subarray(20, 24)],
    ["dhcp.ip.relay", bytes.subarray(24, 28)],
    ...(hardwareLength === 6 ? ([["dhcp.hw.mac_addr", bytes.subarray(28, 34)]] as const) : []),
    ...nameField("dhcp.server", bytes.subarray(44, 108)),
    ...nameField("dhcp.file", bytes.subarray(108, 236)),
    ...options.map(([code]): FieldDissector.Field => ["dhcp.option.type", code]),
    ...options.flatMap(([code, value]) => {
      const row = optionFields[code]
      return row === undefined ? [] : optionValues(row[1], value).map((found): FieldDissector.Field => [row[0], found])
    })
  ]
}

const nameField = (name: string, bytes: Uint8Array): ReadonlyArray<FieldDissector.Field> =>
  bytes[0] === 0 ? [] : [[name, ByteReader.untilNul(bytes)]]

const text = (options: ReadonlyArray<Option>, code: number) => {
  const value = options.find(([each]) => each === code)?.[1]
  return value === undefined ? undefined : ByteReader.untilNul(value)
}

const pxeText = (options: ReadonlyArray<Option>): ReadonlyArray<string> => {
  if (text(options, 60)?.startsWith("PXEClient") !== true) return []
  const architecture = options.find(([code]) => code === 93)?.[1]
  if (architecture === undefined || architecture.length < 2) return ["PXE"]
  const number = u16(architecture, 0)
  return [`PXE ${architectures[number] ?? `architecture ${number}`}`]
}

/** Sub-options of option 43 for PXE: the boot item that a client has chosen (type and layer). */
const bootItemText = (options: ReadonlyArray<Option>): ReadonlyArray<string> => {
  const vendor = options.find(([code]) => code === 43)?.[1]
  const item = vendor === undefined ? undefined : decodeOptions(vendor).find(([code]) => code === 71)?.[1]
  return item === undefined || item.length < 2 ? [] : [`boot item ${u16(item, 0)}`]
}

const summaryOf = (kind: string, bytes: Uint8Array, options: ReadonlyArray<Option>): string => {
  const isRequest = bytes[0] === 1
  const client = ByteReader.formatMac(bytes.subarray(28, 28 + Math.min(16, bytes[2]!)))
  const yours = ByteReader.formatIp(bytes.subarray(16, 20))
  const nextServer = ByteReader.formatIp(bytes.subarray(20, 24))
  const file = text(options, 67) ?? ByteReader.untilNul(bytes.subarray(108, 236))
  const server = text(options, 66) ?? (nextServer === "0.0.0.0" ? "" : nextServer!)
  const parts = [
    `${kind} ${isRequest ? "from" : "to"} ${client}`,
    ...(yours === "0.0.0.0" ? [] : [`address ${yours}`]),
    ...pxeText(options),
    ...bootItemText(options),
    ...(isRequest || server === "" ? [] : [`server ${server}`]),
    ...(isRequest || file === "" ? [] : [`file ${file}`])
  ]
  return TerminalText.truncate(TerminalText.escape(parts.join(", ")), 200)
}

/**
 * The dissector of DHCP on ports 67, 68 and 4011 (PXE). Kinds are the message types, such as `DISCOVER`, or `BOOTP`
 * for a message without one.
 */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "dhcp",
  ports: { udp: [67, 68, 4011] },
  fields: {
    "dhcp.type": ["number", "1 from a client, 2 from a server"],
    "dhcp.id": ["number", "Number of the exchange"],
    "dhcp.secs": ["number", "Seconds since the client began"],
    "dhcp.flags.bc": ["boolean", "The client asks for a broadcast answer"],
    "dhcp.ip.client": ["IPv4", "Address that the client has"],
    "dhcp.ip.your": ["IPv4", "Address that the client gets"],
    "dhcp.ip.server": ["IPv4", "Next server of the boot"],
    "dhcp.ip.relay": ["IPv4", "Relay agent"],
    "dhcp.hw.mac_addr": ["ethernet", "Hardware address of the client"],
    "dhcp.server": ["text", "Name of the server"],
    "dhcp.file": ["text", "Boot file"],
    "dhcp.option.type": ["number", "Code of an option"],
    ...Object.fromEntries(Object.values(optionFields).map(([name, type, about]) => [name, [type, about] as const]))
  },
  decode: ({ bytes, transport }) => {
    if (transport !== "udp" || bytes.length < fixedBytes + 4 || (bytes[0] !== 1 && bytes[0] !== 2)) return undefined
    if (u32(bytes, fixedBytes) !== magicCookie) return undefined
    const options = optionsOf(bytes)
    const kind = messageTypes[options.find(([code]) => code === 53)?.[1][0] ?? 0] || "BOOTP"
    return { kind, summary: summaryOf(kind, bytes, options), fields: fieldsOf(bytes, options) }
  }
})
