import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as ProxyProtocol from "../../src/network/ProxyProtocol.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Port = upTo(65_535)
const Rest = Schema.Array(upTo(255))

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"))

const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

/** Encodes a version 2 header: version and command, family and protocol, and the bytes after the length. */
const version2 = (command: number, family: number, body: ReadonlyArray<number>) =>
  Uint8Array.from([...signature, command, family, body.length >> 8, body.length & 255, ...body])

const portBytes = (port: number) => [port >> 8, port & 255]

/** Result as text: the length and both addresses, or the tag. */
const show = (parsed: ProxyProtocol.Parsed) => {
  if (parsed._tag !== "Header") return parsed._tag
  const { client, length } = parsed
  if (client === undefined) return `${length}: no client`
  return `${length}: ${[client.source, client.destination].map(NetAddress.formatSocketAddress).join(" to ")}`
}

const parseText = (text: string) => show(ProxyProtocol.parse(bytesOf(text)))

describe("ProxyProtocol.parse, version 1", () => {
  it.each([
    [
      "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
      "56: 255.255.255.255:65535 to 255.255.255.255:65535"
    ],
    [
      "PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".replaceAll(
        "ffff:f...f:ffff",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
      ),
      "104: [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 to [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
    ],
    ["PROXY UNKNOWN\r\n", "15: no client"],
    [
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
      "107: no client"
    ],
    ["PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n", "47: 192.168.0.1:56324 to 192.168.0.11:443"]
  ])("reads the example %j of the specification", (text, expected) => {
    assert.strictEqual(parseText(text), expected)
  })

  it.each([
    "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
    "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
    "PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n",
    "PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
    "PROXY TCP4 192.168.0.1  192.168.0.11 56324 443\r\n",
    "PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n",
    "PROXY TCP4 2001:db8::1 192.168.0.11 56324 443\r\n",
    "PROXY TCP6 192.168.0.1 2001:db8::1 56324 443\r\n",
    "PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
    "PROXY \r\n",
    "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\rx",
    `PROXY UNKNOWN ${"x".repeat(100)}`,
    "proxy UNKNOWN\r\n",
    "GET / HTTP/1.1\r\n",
    "\n"
  ])("refuses %j", (text) => {
    assert.strictEqual(parseText(text), "Invalid")
  })
})

describe("ProxyProtocol.parse, version 2", () => {
  const ipv4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x04, 0x2b]

  it("reads a client over TCP and IPv4, and skips fields that it does not know", () => {
    assert.strictEqual(
      show(ProxyProtocol.parse(version2(0x21, 0x11, ipv4))),
      "28: 192.0.2.7:56324 to 198.51.100.1:1067"
    )
    const fields = [...ipv4, 0x04, 0, 1, 7, 0xe0, 0, 0]
    assert.strictEqual(
      show(ProxyProtocol.parse(version2(0x21, 0x11, fields))),
      "35: 192.0.2.7:56324 to 198.51.100.1:1067"
    )
  })

  it("reads unix paths", () => {
    const path = (text: string) => [...Buffer.from(text.padEnd(108, "\0"))]
    const parsed = ProxyProtocol.parse(version2(0x21, 0x31, [...path("/run/a"), ...path("/run/b")]))
    assert.strictEqual(show(parsed), "232: /run/a to /run/b")
  })

  it.each([
    ["LOCAL with addresses", version2(0x20, 0x11, ipv4), 28],
    ["LOCAL without addresses", version2(0x20, 0, []), 16],
    ["LOCAL with a reserved family and protocol", version2(0x20, 0xff, [1, 2, 3]), 19],
    ["LOCAL with too few bytes for its family", version2(0x20, 0x21, ipv4), 28],
    ["LOCAL with a wrong checksum", version2(0x20, 0, [3, 0, 4, 1, 2, 3, 4]), 23],
    ["an unspecified family with any bytes", version2(0x21, 0, [1, 2, 3]), 19],
    ["an unspecified protocol with addresses", version2(0x21, 0x10, ipv4), 28],
    ["an unspecified family with its checksum", version2(0x21, 0, [3, 0, 4, 0x3e, 0xc9, 0x89, 0x4e]), 23]
  ])("keeps the addresses of the connection for %s", (_, bytes, length) => {
    assert.strictEqual(show(ProxyProtocol.parse(bytes)), `${length}: no client`)
  })

  it("accepts the checksum of a load balancer of AWS, among the fields of its endpoint", () => {
    const addresses = [172, 31, 7, 113, 172, 31, 10, 31, 0xc8, 0xf2, 0, 80]
    const endpoint = [0xea, 0, 23, 1, ...Buffer.from("vpce-08d2bf15fac5001c9")]
    const padding = [4, 0, 36, ...new Array<number>(36).fill(0)]
    const withChecksum = (checksum: ReadonlyArray<number>) =>
      ProxyProtocol.parse(version2(0x21, 0x11, [...addresses, 3, 0, 4, ...checksum, ...endpoint, ...padding]))
    assert.strictEqual(show(withChecksum([0xe8, 0xd6, 0x89, 0x2d])), "100: 172.31.7.113:51442 to 172.31.10.31:80")
    assert.deepStrictEqual(withChecksum([0x2d, 0x89, 0xd6, 0xe8]), {
      _tag: "Invalid",
      message: "invalid PROXY header: wrong checksum (0x2d89d6e8, expected 0xe8d6892d)"
    })
  })

  it("refuses each change of a bit of a header with a checksum, except those that make it LOCAL or remove the field", () => {
    const bytes = version2(0x21, 0x11, [...ipv4, 4, 0, 1, 7, 3, 0, 4, 0x83, 0x45, 0xe3, 0x88])
    assert.strictEqual(show(ProxyProtocol.parse(bytes)), "39: 192.0.2.7:56324 to 198.51.100.1:1067")
    const accepted: Array<string> = []
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      if (ProxyProtocol.parse(changed)._tag === "Header") accepted.push(`byte ${bit >> 3}, bit ${bit & 7}`)
    }
    // The command becomes LOCAL, the protocol unspecified, and the family so, too; or the type of the field is another.
    const otherTypes = Array.from({ length: 8 }, (_, bit) => `byte 32, bit ${bit}`)
    assert.deepStrictEqual(accepted, ["byte 12, bit 0", "byte 13, bit 0", "byte 13, bit 4", ...otherTypes])
  })

  it("does not change the bytes that it reads", () => {
    const bytes = Buffer.from(version2(0x21, 0x11, [...ipv4, 4, 0, 1, 7, 3, 0, 4, 0x83, 0x45, 0xe3, 0x88]))
    const before = Buffer.from(bytes)
    ProxyProtocol.parse(bytes)
    assert.deepStrictEqual(bytes, before)
  })

  it.each([
    ["version 1", version2(0x11, 0x11, ipv4)],
    ["an unknown command", version2(0x22, 0x11, ipv4)],
    ["an unknown family", version2(0x21, 0x41, ipv4)],
    ["an unknown protocol", version2(0x21, 0x13, ipv4)],
    ["too few bytes for its addresses", version2(0x21, 0x21, ipv4)],
    ["a field of one byte", version2(0x21, 0x11, [...ipv4, 4])],
    ["a field of two bytes", version2(0x21, 0x11, [...ipv4, 4, 0])],
    ["a field that ends after the header", version2(0x21, 0x11, [...ipv4, 4, 0, 2, 7])],
    ["a second field that ends after the header", version2(0x21, 0x11, [...ipv4, 4, 0, 0, 4, 0xff, 0xff])],
    ["a checksum of three bytes", version2(0x21, 0x11, [...ipv4, 3, 0, 3, 1, 2, 3])],
    ["a wrong checksum", version2(0x21, 0x11, [...ipv4, 3, 0, 4, 1, 2, 3, 4])],
    ["a wrong checksum for an unspecified family", version2(0x21, 0, [3, 0, 4, 0, 0, 0, 0])],
    ["two checksums", version2(0x21, 0x11, [...ipv4, 3, 0, 4, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0])],
    ["a reserved family", version2(0x21, 0xf1, ipv4)],
    ["more than 4,096 bytes", version2(0x21, 0x11, [...ipv4, ...new Array<number>(4_069).fill(0)])]
  ])("refuses a header with %s", (_, bytes) => {
    assert.strictEqual(show(ProxyProtocol.parse(bytes)), "Invalid")
  })

  it("refuses a header that is too long before its fields arrive", () => {
    const bytes = Uint8Array.from([...signature, 0x21, 0x11, 0xff, 0xff])
    assert.strictEqual(show(ProxyProtocol.parse(bytes)), "Invalid")
  })
})

/** Generated header: its bytes, and the expected client. */
const Generated = Schema.Struct({
  source: Schema.Array(upTo(255)).check(Schema.isBetweenLength(16, 16)),
  destination: Schema.Array(upTo(255)).check(Schema.isBetweenLength(16, 16)),
  sourcePort: Port,
  destinationPort: Port,
  family: Schema.Literals(["IPv4", "IPv6"]),
  version: Schema.Literals([1, 2]),
  valueBytes: Schema.UndefinedOr(upTo(300))
})

const encode = ({
  destination,
  destinationPort,
  family,
  source,
  sourcePort,
  valueBytes,
  version
}: typeof Generated.Type) => {
  const size = family === "IPv4" ? 4 : 16
  const ip = family === "IPv4" ? NetAddress.ipv4FromBytesUnsafe : NetAddress.ipv6FromBytesUnsafe
  const [from, to] = [source, destination].map((bytes) => ip(Uint8Array.from(bytes.slice(0, size))))
  const client = {
    source: NetAddress.inetAddressUnsafe(from!, sourcePort),
    destination: NetAddress.inetAddressUnsafe(to!, destinationPort)
  }
  const ports = [...portBytes(sourcePort), ...portBytes(destinationPort)]
  const bytes =
    version === 2
      ? version2(0x21, family === "IPv4" ? 0x11 : 0x21, [
          ...source.slice(0, size),
          ...destination.slice(0, size),
          ...ports,
          ...(valueBytes === undefined ? [] : [4, ...portBytes(valueBytes), ...new Array<number>(valueBytes).fill(1)])
        ])
      : bytesOf(
          `PROXY ${family === "IPv4" ? "TCP4" : "TCP6"} ${NetAddress.formatIp(from!)} ${NetAddress.formatIp(to!)} ${sourcePort} ${destinationPort}\r\n`
        )
  return { bytes, client }
}

describe("ProxyProtocol.parse", () => {
  it.prop(
    "returns the addresses and the exact length of a header, whatever follows, and is incomplete before its end",
    [Generated, Rest],
    ([generated, rest]) => {
      const { bytes, client } = encode(generated)
      const parsed = ProxyProtocol.parse(Uint8Array.from([...bytes, ...rest]))
      assert.strictEqual(parsed._tag, "Header")
      if (parsed._tag !== "Header") return
      assert.strictEqual(parsed.length, bytes.length)
      assert.deepStrictEqual(
        [parsed.client?.source, parsed.client?.destination].map(String),
        [client.source, client.destination].map(String)
      )
      for (let length = 0; length < bytes.length; length++) {
        assert.strictEqual(ProxyProtocol.parse(bytes.subarray(0, length))._tag, "Incomplete")
      }
    },
    { arbitrary: { runs: 200 } }
  )

  const Beginnings = Schema.Literals(["", "PROXY ", "PROXY TCP4 1.2.3.4 ", Buffer.from(signature).toString("latin1")])

  it.prop(
    "gives the same answer for each longer stream once it is not incomplete, within 4,096 bytes",
    [Beginnings, Schema.Array(Schema.Literals([13, 10, 32, 48, 49, 46, 0x21, 0x11, 0, 1, 255]))],
    ([beginning, more]) => {
      const bytes = Uint8Array.from([...bytesOf(beginning), ...more])
      let final: string | undefined
      for (let length = 0; length <= bytes.length; length++) {
        const shown = show(ProxyProtocol.parse(bytes.subarray(0, length)))
        if (final !== undefined) assert.strictEqual(shown, final)
        else if (shown !== "Incomplete") final = shown
      }
      const endless = Uint8Array.from([...bytes, ...new Array<number>(4_200).fill(120)])
      assert.notStrictEqual(show(ProxyProtocol.parse(endless)), "Incomplete")
    },
    { arbitrary: { runs: 500 } }
  )
})
