import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { CapturedPacket } from "../../../src/capture/CaptureReader.ts"
import * as PacketDissector from "../../../src/capture/dissect/PacketDissector.ts"
import { captureDissectors, decodeAs, packetDissector } from "../../../src/cli/run/common/dissectors.ts"
import type * as Packet from "../../../src/network/Packet.ts"
import * as Tftp from "../../../src/tftp/protocol/Packet.ts"
import * as CaptureBytes from "../format/CaptureBytes.ts"
import * as Traffic from "./Traffic.ts"

const summaries = (packets: ReadonlyArray<CapturedPacket>, rules: ReadonlyArray<string> = []) => {
  const dissect = packetDissector(rules.map((rule) => Result.getOrThrow(decodeAs(rule))))
  return packets.map((packet) =>
    dissect(packet)
      .messages.map(({ protocol, summary }) => `${protocol}: ${summary}`)
      .join("; ")
  )
}

/** Reads IP packets as a capture of a raw interface. */
const readIp = (packets: ReadonlyArray<Uint8Array>) =>
  Traffic.read(
    CaptureBytes.pcap(
      packets.map((bytes, micros) => ({ bytes, micros })),
      { littleEndian: true, linkType: 101 }
    )
  )

const uint = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))
const anyBytes = Arbitrary.map(Arbitrary.array(uint(255), { maxLength: 300 }), (bytes) => Uint8Array.from(bytes))

const expectedSummaries: ReadonlyArray<string> = [
  "arp: who has 10.0.0.2? tell 10.0.0.1",
  "arp: 10.0.0.1 is at 02:00:00:00:00:01",
  "dhcp: DISCOVER from 02:00:00:00:00:01, PXE x64 UEFI",
  "dhcp: OFFER to 02:00:00:00:00:01, address 10.0.0.77, server 10.0.0.2, file boot/x64.efi",
  "dhcp: REQUEST from 02:00:00:00:00:01, PXE x64 UEFI",
  "dhcp: ACK to 02:00:00:00:00:01, address 10.0.0.77, server 10.0.0.2, file boot/x64.efi",
  "dhcp: RELEASE from 02:00:00:00:00:01",
  "dns: query A www.example.com",
  "dns: response A www.example.com, CNAME alias.example.org, A 192.0.2.1",
  "dns: query AAAA www.example.com",
  "dns: response AAAA www.example.com, AAAA 2001:db8::7",
  "dns: query A nope.example.net",
  "dns: response A nope.example.net, NXDOMAIN",
  "mdns: query PTR _http._tcp.local",
  "dns: query TXT big.example.com",
  "dns: response TXT big.example.com, TXT abc",
  "tftp: RRQ boot/x64.efi octet blksize=1428",
  "tftp: OACK blksize=1428",
  "tftp: ACK block 0",
  "tftp: DATA block 1, 1428 bytes",
  "tftp: ACK block 1",
  "tftp: DATA block 2, 12 bytes",
  "tftp: ACK block 2",
  "tftp: WRQ upload.bin octet blksize=1428",
  "tftp: ACK block 0",
  "tftp: DATA block 1, 100 bytes",
  "tftp: ACK block 1",
  "tftp: RRQ missing octet blksize=1428",
  "tftp: ERROR 1: File not found",
  "http: GET /index.html, www.example.com",
  "http: 200 OK, text/html",
  "http: HEAD /a, b",
  "http: 200 OK",
  "http: POST /form, b",
  "http: 404 Not Found",
  "http: GET /1, b; http: DELETE /2, c",
  "http: 204 No Content; http: 301 Moved",
  "http: GET /old",
  "http: 200 OK, text/plain",
  "http: PUT /thing, six",
  "http: 500 Oh No",
  "tls: start of a record",
  "tls: ClientHello server, TLS 1.3",
  "tls: ServerHello, TLS 1.3; tls: ChangeCipherSpec; tls: application data, 40 bytes",
  "tls: ChangeCipherSpec; tls: application data, 53 bytes",
  "tls: application data, 20 bytes",
  "tls: encrypted alert",
  "tls: start of a record",
  "tls: ClientHello server, TLS 1.3",
  "tls: ServerHello, TLS 1.3; tls: ChangeCipherSpec; tls: application data, 40 bytes",
  "tls: ChangeCipherSpec; tls: application data, 53 bytes",
  "tls: application data, 20 bytes",
  "tls: encrypted alert",
  "icmp: echo request, id 9, number 1, 8 bytes",
  "icmp: echo reply, id 9, number 1, 8 bytes",
  "icmp: unreachable (port): 10.0.0.1 port 33000 > 198.51.100.9 port 33434",
  "icmp: time exceeded (in transit): 10.0.0.1 port 47000 > 198.51.100.9 port 443",
  "icmpv6: echo request, id 3, number 4, 8 bytes",
  "icmpv6: echo reply, id 3, number 4, 8 bytes",
  "icmpv6: unreachable (port): 2001:db8::1 port 33000 > 2001:db8::9 port 33434",
  "guess: guess 500",
  "guess: too big",
  "guess: guess 250",
  "guess: correct!",
  'rot13: request "Hello"',
  'rot13: reply "Uryyb"',
  "ntp: version 4 client",
  "ntp: version 4 server, stratum 2, from 10.0.0.9",
  'rot13: text "ping"'
]

describe("PacketDissector", () => {
  it("summarizes the messages of all protocols", () => {
    assert.deepStrictEqual(
      summaries(Traffic.read(Traffic.file())).filter((summary) => summary !== ""),
      expectedSummaries
    )
  })

  it("numbers times and connections", () => {
    const dissect = PacketDissector.make()
    const details = Traffic.read(Traffic.file()).map(dissect)
    assert.deepStrictEqual(details[2]!.fields.get("frame.time_relative"), [500_000_000n])
    assert.deepStrictEqual(details[2]!.fields.get("frame.time_delta"), [250_000_000n])
    const streams = details.flatMap(({ fields }) => fields.get("tcp.stream") ?? [])
    assert.strictEqual(Math.max(...streams.map(Number)), 8)
  })

  it("follows a TFTP transfer from the port of the request to that of the server", () => {
    const request = Tftp.encode({ _tag: "RRQ", filename: "a", mode: "octet", options: [] })
    // The payload is that of a DNS query, too, and the server has port 53.
    const data = Tftp.encode({ _tag: "DATA", block: 256, bytes: new Uint8Array(20) })
    const packets = readIp([
      Traffic.udp("10.0.0.1 3000", "10.0.0.2 6969", request),
      Traffic.udp("10.0.0.2 53", "10.0.0.1 3000", data),
      Traffic.udp("10.0.0.2 53", "10.0.0.1 3001", data)
    ])
    const [first, second, third] = summaries(packets, ["6969=tftp"])
    assert.strictEqual(first, "tftp: RRQ a octet")
    assert.strictEqual(second, "tftp: DATA block 256, 20 bytes")
    assert.match(third!, /^dns: /)
  })

  it("decodes ports as other protocols", () => {
    const packets = () => {
      const guess = Traffic.connection("10.0.0.1 4000", "10.0.0.2 9001")
      return readIp([
        ...guess.open(),
        guess.send("client", "PA", "7\n"),
        guess.send("server", "PA", "too big\n"),
        Traffic.udp("10.0.0.1 4000", "10.0.0.2 9001", "Hello")
      ])
    }
    const of = (...rules: ReadonlyArray<string>) => summaries(packets(), rules).slice(3)
    assert.deepStrictEqual(of(), ["", "", ""])
    assert.deepStrictEqual(of("tcp/9001=guess"), ["guess: guess 7", "guess: too big", ""])
    assert.deepStrictEqual(of("9001=rot13"), ['rot13: request "7"', 'rot13: reply "too big"', 'rot13: text "Hello"'])
  })

  it.each([
    ["69=tftpd", /unknown protocol; one of dns, /],
    ["tftp=69", /write PORT=PROTOCOL/],
    ["0=tftp", /port 0 is not one/],
    ["65536=dns", /port 65536 is not one/],
    ["sctp/9=dns", /write PORT=PROTOCOL/]
  ] as const)("refuses the rule %s", (text, reason) => {
    assert.match(Result.getOrThrow(Result.flip(decodeAs(text))).message, reason)
  })

  it("formats rules", () => {
    for (const text of ["6969=tftp", "tcp/8081=http", "udp/1=dns"]) {
      assert.strictEqual(PacketDissector.formatRule(Result.getOrThrow(decodeAs(text))), text)
    }
  })

  it("finds a message of any segments, in any order, repeated", () => {
    const head = "GET /a HTTP/1.1\r\nHost: b\r\n\r\n"
    const { open, send } = Traffic.connection("10.0.0.1 4000", "10.0.0.2 80")
    const start = open()
    const segment = (from: number, to: number) => send("client", "PA", head.slice(from, to), { seq: 1_001 + from })
    const packets = readIp([...start, segment(0, 5), segment(9, 20), segment(9, 20), segment(20, 99), segment(3, 9)])
    assert.deepStrictEqual(summaries(packets).slice(3), ["", "", "", "", "http: GET /a, b"])
  })

  it("continues after bytes that the capture lacks", () => {
    const { open, send } = Traffic.connection("10.0.0.1 4000", "10.0.0.2 80")
    const request = (path: string) => `GET ${path} HTTP/1.1\r\n\r\n`
    const packets = readIp([
      ...open(),
      send("client", "PA", request("/1")),
      ...[send("client", "PA", request("/2"))].slice(1),
      send("client", "PA", request("/3")),
      send("server", "A")
    ])
    assert.deepStrictEqual(summaries(packets).slice(3), ["http: GET /1", "", "http: GET /3"])
  })

  it("knows who is the server by its port if the capture has no SYN", () => {
    const { send } = Traffic.connection("10.0.0.1 4000", "10.0.0.2 1500")
    const packets = readIp([send("server", "PA", "too small\n"), send("client", "PA", "9\n")])
    assert.deepStrictEqual(summaries(packets), ["guess: too small", "guess: guess 9"])
  })
})

const ports = [53, 67, 69, 80, 123, 443, 1066, 1067, 1069, 1070, 1500, 2066, 5353, 9999]

const assertSafe = ({ kind, summary }: Packet.Dissection) => {
  assert.isAtMost(summary.length, 600)
  assert.notMatch(`${kind}${summary}`, /\p{Cc}/u)
}

describe("every dissector", () => {
  const packets = Traffic.read(Traffic.file())

  it("takes payloads that end anywhere", () => {
    const observed = packets.filter(({ from, protocol }) => from !== undefined && /^(TCP|UDP)$/.test(protocol))
    for (const { from, payload, protocol, to } of observed) {
      for (const dissector of captureDissectors) {
        for (let length = 0; length < payload.length; length += 1 + (length >> 7)) {
          const transport = protocol === "TCP" ? "tcp" : "udp"
          const bytes = payload.subarray(0, length)
          const packet: Packet.Packet = { transport, kind: "datagram", from: from!, to: to!, bytes }
          const found = dissector.decode(packet, length % 2 === 0)
          if (found !== undefined) assertSafe(found)
          dissector.recognizes?.(packet)
        }
      }
    }
  })

  it.prop("takes any bytes, alone and in streams", [Arbitrary.array(anyBytes, { maxLength: 4 })], ([pieces]) => {
    for (const dissector of captureDissectors) {
      let { collector } = dissector
      for (const [at, bytes] of pieces.entries()) {
        const end = { address: "10.0.0.1", port: ports[bytes.length % ports.length]! }
        for (const transport of ["tcp", "udp"] as const) {
          const found = dissector.decode({ transport, kind: "datagram", from: end, to: end, bytes }, at % 2 === 0)
          if (found !== undefined) assertSafe(found)
        }
        if (collector === undefined) continue
        const fromClient = bytes[0] !== 7
        const [next, found] = collector.next({
          bytes,
          fromClient,
          ends: at === 3,
          afterGap: at === 2,
          from: end,
          to: end
        })
        collector = next
        found.forEach(assertSafe)
      }
    }
  })

  it.prop("takes packets of the capture with changed bytes", [uint(10_000), uint(255)], ([at, byte]) => {
    const file = Traffic.file()
    // The header of the file, and the length of a packet, stay.
    const changed = packets.map((packet) => {
      const payload = packet.payload.slice()
      if (payload.length > 0) payload[at % payload.length] = byte
      return { ...packet, payload }
    })
    assert.isAbove(file.length, 0)
    for (const summary of summaries(changed)) assert.notMatch(summary, /\p{Cc}/u)
  })

  it("has fields of its own names only", () => {
    const known = new Map(captureDissectors.map((dissector) => [dissector.name, dissector]))
    const dissect = packetDissector()
    for (const packet of packets) {
      const { fields, protocols } = dissect(packet)
      const dissector = known.get(protocols[0] ?? "")
      if (dissector === undefined) continue
      const own = [...fields.keys()].filter((name) => name.startsWith(`${dissector.name}.`))
      assert.deepStrictEqual(
        own.filter((name) => dissector.fields[name] === undefined),
        []
      )
    }
  })
})

describe("a dissector of many connections", () => {
  it("forgets those used longest ago", () => {
    const one = (port: number) => Traffic.connection(`10.0.0.1 ${port}`, "10.0.0.2 80").open()[0]!
    const dissect = PacketDissector.make({ maxConnections: 2 })
    const streams = readIp([1, 2, 3, 1, 3].map(one)).map((packet) => dissect(packet).fields.get("tcp.stream")?.[0])
    // The first connection is a new one when it comes again.
    assert.deepStrictEqual(streams, [0, 1, 2, 3, 2])
  })
})
