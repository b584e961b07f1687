/** Dissector of NTP (RFC 5905). Pure. */
import * as FieldDissector from "../../network/dissect/FieldDissector.ts"
import * as ByteReader from "./ByteReader.ts"

const modes = [
  "reserved",
  "symmetric active",
  "symmetric passive",
  "client",
  "server",
  "broadcast",
  "control",
  "private"
]

const headerBytes = 48

/** The dissector of NTP on port 123. Kinds are `CLIENT`, `SERVER`, `BROADCAST`, `SYMMETRIC` and `OTHER`. */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "ntp",
  ports: { udp: [123] },
  fields: {
    "ntp.flags.li": ["number", "Leap indicator"],
    "ntp.flags.vn": ["number", "Version"],
    "ntp.flags.mode": ["number", "Mode: client 3, server 4"],
    "ntp.stratum": ["number", "Distance from the reference clock"],
    "ntp.ppoll": ["number", "Interval of polls: 2 to this power, in seconds"]
  },
  decode: ({ bytes, transport }) => {
    const first = bytes[0]
    if (transport !== "udp" || first === undefined) return undefined
    const [version, mode] = [(first >> 3) & 7, first & 7]
    const isControl = mode === 6 || mode === 7
    if (version === 0 || version > 4 || bytes.length < (isControl ? 4 : headerBytes)) return undefined
    const flags: ReadonlyArray<FieldDissector.Field> = [
      ["ntp.flags.li", first >> 6],
      ["ntp.flags.vn", version],
      ["ntp.flags.mode", mode]
    ]
    const kind = ["OTHER", "SYMMETRIC", "SYMMETRIC", "CLIENT", "SERVER", "BROADCAST", "OTHER", "OTHER"][mode]!
    if (isControl) return { kind, summary: `version ${version} ${modes[mode]}`, fields: flags }
    const stratum = bytes[1]!
    // The reference of a server of stratum 1 is a name, that of others an address.
    const reference = bytes.subarray(12, 16)
    const name = ByteReader.untilNul(reference).replace(/[^!-~]/g, "?")
    const source = mode !== 4 || stratum === 0 ? "" : `, from ${stratum === 1 ? name : ByteReader.formatIp(reference)}`
    return {
      kind,
      summary: `version ${version} ${modes[mode]}${mode === 4 ? `, stratum ${stratum}` : ""}${source}`,
      fields: [...flags, ["ntp.stratum", stratum], ["ntp.ppoll", bytes[2]!]]
    }
  }
})
