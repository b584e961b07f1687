import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { CapturedPacket } from "../../../src/capture/CaptureReader.ts"
import * as Checksum from "../../../src/capture/format/Checksum.ts"
import * as Ip from "../../../src/capture/Ip.ts"
import * as Files from "./CaptureBytes.ts"

const { concat, hex } = Files

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const read = (linkType: number, ...frames: ReadonlyArray<Uint8Array>): ReadonlyArray<CapturedPacket> =>
  Files.readSync(
    Files.pcap(
      frames.map((bytes) => ({ bytes, micros: 0 })),
      { littleEndian: true, linkType }
    )
  ).packets

const readOne = (linkType: number, bytes: Uint8Array): CapturedPacket => read(linkType, bytes)[0]!

const ip = Files.udp()
const addresses = "020000000001 020000000002"

/** Heads of frames before an IPv4 packet, by link type, with the layers that they are. */
const heads: ReadonlyArray<readonly [name: string, linkType: number, head: string, layers: string]> = [
  ["BSD loopback", 0, "02000000", "null"],
  ["BSD loopback, big-endian", 0, "00000002", "null"],
  ["BSD loopback with an EtherType", 0, "0f000800", "null"],
  ["Ethernet", 1, `${addresses} 0800`, "eth"],
  ["Ethernet with a VLAN tag", 1, `${addresses} 8100 0007 0800`, "eth vlan"],
  ["Ethernet with two VLAN tags", 1, `${addresses} 8100 0005 8100 0006 0800`, "eth vlan vlan"],
  ["Ethernet with a provider tag", 1, `${addresses} 88a8 0005 8100 0006 0800`, "eth ieee8021ad vlan"],
  ["Ethernet with an old provider tag", 1, `${addresses} 9100 0005 8100 0006 0800`, "eth ieee8021ad vlan"],
  ["802.3 with SNAP", 1, `${addresses} 0029 aaaa03 000000 0800`, "eth llc"],
  ["802.3 with LLC", 1, `${addresses} 0024 060603`, "eth llc"],
  ["MPLS", 1, `${addresses} 8847 0001 00ff 0001 01ff`, "eth mpls mpls"],
  ["PPPoE", 1, `${addresses} 8864 1100 0001 0023 0021`, "eth pppoes ppp"],
  ["PPP", 9, "0021", "ppp"],
  ["PPP with address and control", 9, "ff03 0021", "ppp"],
  ["PPP with a compressed protocol", 9, "21", "ppp"],
  ["PPP in HDLC", 50, "ff03 0021", "ppp"],
  ["Cisco HDLC", 50, "0f00 0800", "chdlc"],
  ["PPPoE without Ethernet", 51, "1100 0001 0023 0021", "pppoes ppp"],
  ["Cisco HDLC of its own type", 104, "0f00 0800", "chdlc"],
  ...[12, 14, 101].map((type) => ["raw", type, "", "raw"] as const),
  ["IPv4", 228, "", ""],
  ["loop", 108, "00000002", "null"],
  ["Linux cooked", 113, "0000 0001 0006 020000000001 0000 0800", "sll"],
  ["Linux cooked 2", 276, "0800 0000 00000001 0001 00 06 020000000001 0000", "sll"],
  ["token ring", 6, `1040 ${addresses} aaaa03 000000 0800`, "tr llc"],
  ["FDDI", 10, `57 ${addresses} aaaa03 000000 0800`, "fddi llc"],
  ["802.11", 105, `0801 0000 ${addresses} 020000000003 1000 aaaa03 000000 0800`, "wlan llc"],
  ["802.11 with QoS", 105, `8801 0000 ${addresses} 020000000003 1000 0000 aaaa03 000000 0800`, "wlan llc"],
  [
    "radiotap",
    127,
    `0000 0800 00000000 0801 0000 ${addresses} 020000000003 1000 aaaa03 000000 0800`,
    "radiotap wlan llc"
  ],
  ["NFLOG", 239, "0200 0000 0800 0100 08000300 0500 0a00 00000000 2500 0900", "nflog"],
  ["NFLOG, big-endian", 239, "0200 0000 0008 0001 08000300 0025 0009", "nflog"],
  ["PKTAP", 258, `6c000000 01000000 0c000000 ${"00".repeat(96)}`, "pktap raw"],
  ["Frame Relay", 107, "1841 03 cc", "fr"],
  ["Frame Relay of Cisco", 107, "1841 0800", "fr"],
  ["IP in IP", 101, "4500 0035 0001 0000 4004 66c2 0a000001 0a000002", "raw ip"],
  ["GRE with a key", 101, "4500 003d 0001 0000 402f 668f 0a000001 0a000002 2000 0800 00000007", "raw ip gre"],
  [
    "GRE with Ethernet",
    101,
    `4500 0047 0001 0000 402f 6685 0a000001 0a000002 0000 6558 ${addresses} 0800`,
    "raw ip gre eth"
  ],
  [
    "ERSPAN 2",
    101,
    `4500 0053 0001 0000 402f 6679 0a000001 0a000002 1000 88be 00000001 ${"00".repeat(8)} ${addresses} 0800`,
    "raw ip gre erspan eth"
  ],
  ["FabricPath", 1, `${addresses} 8903 0001 ${addresses} 0800`, "eth cfp eth"],
  ["6in4 the other way round", 101, `6000 0000 0021 0440 ${"00".repeat(15)}01 ${"00".repeat(15)}02`, "raw ipv6"]
]

/** A UDP datagram without a checksum from port 5000, with the given content. */
const tunnel = (port: string, content: Uint8Array) => {
  const length = (8 + content.length).toString(16).padStart(4, "0")
  const datagram = concat(hex(`1388 ${port} ${length} 0000`), content)
  const header = hex(
    `4500 ${(20 + datagram.length).toString(16).padStart(4, "0")} 0001 0000 4011 0000 0a000009 0a00000a`
  )
  const checksum = Checksum.complement(Checksum.sumWords(header, 0, 20))
  header.set([checksum >> 8, checksum & 0xff], 10)
  return concat(header, datagram)
}

describe("frames", () => {
  it("of Ethernet have its addresses and the identifiers of VLAN tags", () => {
    const packet = readOne(1, concat(hex(`${addresses} 8100 e005 8100 0006 0800`), ip))
    assert.deepStrictEqual(packet.hardwareAddresses, hex(addresses))
    assert.deepStrictEqual(packet.vlanIds, [5, 6])
    assert.isUndefined(readOne(101, ip).hardwareAddresses)
  })

  for (const [name, linkType, head, layers] of heads) {
    it(`of ${name} (${linkType}) give the IP packet`, () => {
      const start = hex(head)
      const packet = readOne(linkType, concat(start, ip))
      assert.strictEqual(packet.layers.join(" "), `${layers} ip udp`.trim())
      assert.deepInclude(packet, { protocol: "UDP", payload: Files.encode("hello"), problems: [] })
      assert.deepStrictEqual(packet.from, { address: "10.0.0.1", port: 4_000 })
      assert.strictEqual(packet.headerLength, start.length + 28)
    })

    it.effect.prop(
      `of ${name} (${linkType}) never throw, whatever follows`,
      [Arbitrary.array(between(0, 255), { maxLength: 60 }), between(0, 60)],
      ([noise, keep]) =>
        Effect.sync(() => {
          const bytes = concat(concat(hex(head), ip).subarray(0, keep), noise)
          const packet = readOne(linkType, bytes)
          assert.isAtMost(packet.payload.length, bytes.length)
          assert.strictEqual(packet.capturedLength, bytes.length)
        })
    )
  }

  it("of a VXLAN or Geneve tunnel give the inner packet", () => {
    const inner = concat(hex(`${addresses} 0800`), ip)
    const vxlan = readOne(101, tunnel("12b5", concat(hex("08000000 00000700"), inner)))
    assert.strictEqual(vxlan.layers.join(" "), "raw ip udp vxlan eth ip udp")
    assert.deepStrictEqual(vxlan.payload, Files.encode("hello"))
    const geneve = readOne(101, tunnel("17c1", concat(hex("0000 6558 00000700"), inner)))
    assert.strictEqual(geneve.layers.join(" "), "raw ip udp geneve eth ip udp")
    // What does not begin with such a header is the content of a datagram.
    assert.strictEqual(readOne(101, tunnel("12b5", ip)).layers.join(" "), "raw ip udp")
  })

  it("of other protocols have their name and are not a defect", () => {
    const ethernet = (type: string, rest: string) => readOne(1, hex(`${addresses} ${type} ${rest}`))
    const arp = ethernet("0806", "0001 0800 0604 0001 020000000001 0a000001 000000000000 0a000002")
    assert.deepInclude(arp, { protocol: "ARP", problems: [], layers: ["eth", "arp"] })
    assert.strictEqual(arp.payload.length, 28)
    assert.deepInclude(ethernet("88cc", "0000"), { protocol: "LLDP", problems: [] })
    assert.deepInclude(ethernet("1234", "0000"), { protocol: "EtherType 0x1234", problems: [] })
    assert.deepInclude(ethernet("0007", "424203 00000000"), { protocol: "STP", problems: [] })
    assert.deepInclude(readOne(9, hex("ff03 c021 0101 0004")), { protocol: "PPP LCP", problems: [] })
  })

  it("of an unknown link type are kept, with a note that names the type", () => {
    const bytes = Files.encode("whatever")
    const usb = readOne(189, bytes)
    assert.deepInclude(usb, { protocol: "unknown", payload: bytes, problems: [], layers: [] })
    assert.deepStrictEqual(usb.notes, ["link type 189 (USB_LINUX) is not decoded"])
    assert.deepStrictEqual(readOne(9_999, bytes).notes, ["link type 9999 is not decoded"])
  })

  it("of encrypted 802.11 data are kept with a note", () => {
    const packet = readOne(105, hex(`0841 0000 ${addresses} 020000000003 1000 11223344`))
    assert.deepInclude(packet, { protocol: "802.11 data", problems: [], notes: ["encrypted"] })
  })

  it("end at a limit of layers", () => {
    const tags = "8100 0001 ".repeat(60)
    assert.deepStrictEqual(readOne(1, hex(`${addresses} ${tags} 0800`)).problems, ["more than 48 layers"])
  })
})

describe("IP packets", () => {
  it("with options, without a length, and with padding of Ethernet are decoded", () => {
    const options = concat(hex("4600 0025 0001 0000 4011 0000 0a000001 0a000002 01010100"), ip.subarray(20))
    const checksum = Checksum.complement(Checksum.sumWords(options, 0, 24))
    options.set([checksum >> 8, checksum & 0xff], 10)
    assert.deepInclude(readOne(101, options), { problems: [], payload: Files.encode("hello"), headerLength: 32 })
    const padded = readOne(1, concat(hex(`${addresses} 0800`), ip, new Uint8Array(13)))
    assert.deepInclude(padded, { problems: [], payload: Files.encode("hello") })
    const offloaded = ip.slice()
    offloaded.set([0, 0], 2)
    offloaded.set([0, 0], 10)
    assert.deepInclude(readOne(101, offloaded), {
      problems: [],
      notes: ["IP length not filled in (segmentation offload)", "IP checksum not filled in (offload)"],
      payload: Files.encode("hello")
    })
  })

  it("with a checksum that the network card fills in have a note", () => {
    for (const size of [4, 16] as const) {
      const bytes = Files.udp("hello", size)
      const at = size === 4 ? 20 : 40
      const sum = Checksum.sumWords(bytes, at - 2 * size, at, 17 + bytes.length - at)
      const pseudoSum = ~Checksum.complement(sum) & 0xffff
      bytes.set([pseudoSum >> 8, pseudoSum & 0xff], at + 6)
      const packet = readOne(101, bytes)
      assert.deepInclude(packet, { problems: [], notes: ["UDP checksum not filled in (offload)"] })
      bytes[at + 6]! ^= 1
      assert.deepStrictEqual(readOne(101, bytes).problems, ["bad UDP checksum"])
    }
  })

  it("that are shorter than they state are a defect, unless the capture cut them", () => {
    const cut = ip.subarray(0, 30)
    assert.deepInclude(readOne(101, cut), { problems: ["truncated: 30 of 33 bytes"], missingBytes: 3 })
    const [snapped] = Files.readSync(
      Files.pcap([{ bytes: cut, micros: 0, originalLength: 33 }], { littleEndian: true })
    ).packets
    assert.deepInclude(snapped, { problems: [], missingBytes: 3 })
  })

  it("whose transport header the capture cut have what there is of it", () => {
    const segment = Ip.encode({
      from: { address: Uint8Array.of(10, 0, 0, 1), port: 4_000 },
      to: { address: Uint8Array.of(10, 0, 0, 2), port: 80 },
      payload: Files.encode("hello"),
      tcp: { seq: 1, ack: 2, flags: 2, window: 3, options: Ip.synOptions(4) },
      id: 1
    })
    for (const size of [20, 22, 24, 39, 40, 44, 47, 48, 50]) {
      const frame = { bytes: segment.subarray(0, size), micros: 0, originalLength: segment.length }
      const [packet] = Files.readSync(Files.pcap([frame], { littleEndian: true })).packets
      assert.deepStrictEqual(packet?.problems, [], `${size} bytes`)
      assert.strictEqual(packet?.from?.port, size < 24 ? 0 : 4_000)
      assert.strictEqual(packet?.tcp?.options.length, size < 40 ? undefined : Math.min(8, size - 40))
      if (size >= 40) assert.strictEqual((packet?.payload.length ?? 0) + (packet?.missingBytes ?? 0), 5)
    }
  })

  it("of IPv6 with extension headers are decoded", () => {
    const packet = Files.udp("hello", 16)
    const with6 = (first: number, extensions: string) => {
      const extra = hex(extensions)
      const bytes = concat(packet.subarray(0, 40), extra, packet.subarray(40))
      bytes[6] = first
      new DataView(bytes.buffer).setUint16(4, packet.length - 40 + extra.length)
      return readOne(101, bytes)
    }
    const all = with6(
      0,
      "3c00 010400000000 2b00 010400000000 3300 0000 00000000 1104 0000 00000001 00000002 000000000000000000000000"
    )
    assert.strictEqual(all.layers.join(" "), "raw ipv6 ipv6.hopopts ipv6.dstopts ipv6.routing ah udp")
    assert.deepInclude(all, { problems: [], payload: Files.encode("hello") })
    assert.strictEqual(with6(44, "1100 0000 00000001").layers.join(" "), "raw ipv6 ipv6.fraghdr udp")
    assert.deepInclude(with6(60, "1100 010400000000"), { protocol: "UDP", problems: [] })
    assert.include(
      with6(60, `${"3c00010400000000".repeat(32)}1100010400000000`).problems,
      "more than 32 extension headers"
    )
  })

  it("of IPv6 on a route with stops left have the checksum of the final destination", () => {
    const packet = Files.udp("hello", 16)
    for (const type of [0, 4]) {
      const routing = concat([17, 2, type, 1, 0, 0, 0, 0], packet.subarray(24, 40))
      const bytes = concat(packet.subarray(0, 40), routing, packet.subarray(40))
      bytes[5]! += routing.length
      bytes[6] = 43
      bytes[39] = 9
      assert.deepInclude(readOne(101, bytes), { problems: [], to: { address: "fd00::9", port: 7 } })
      bytes[63]! ^= 1
      assert.deepStrictEqual(readOne(101, bytes).problems, ["bad UDP checksum"])
    }
  })

  it("of ICMP have the message as payload and their checksum is checked", () => {
    const header = hex("4500 001c 0001 0000 4001 66de 0a000001 0a000002")
    const ping = hex("0800 f7fd 0001 0001")
    assert.deepInclude(readOne(101, concat(header, ping)), { protocol: "ICMP", payload: ping, problems: [] })
    assert.deepStrictEqual(readOne(101, concat(header, hex("0801 f7fd 0001 0001"))).problems, ["bad ICMP checksum"])
  })
})
