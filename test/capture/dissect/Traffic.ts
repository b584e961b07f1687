/** A capture with messages of all protocols that have dissectors, as Ethernet frames made byte by byte. */
import * as NetAddress from "effect/net/NetAddress"
import * as CaptureFile from "../../../src/capture/CaptureFile.ts"
import type { CapturedPacket } from "../../../src/capture/CaptureReader.ts"
import * as Ip from "../../../src/capture/Ip.ts"
import * as Tftp from "../../../src/tftp/protocol/Packet.ts"
import * as CaptureBytes from "../format/CaptureBytes.ts"

const { concat, encode, hex } = CaptureBytes

const octets = (literal: string) => {
  const ip = NetAddress.ipFromStringUnsafe(literal)
  return Uint8Array.from(NetAddress.isIpv4Address(ip) ? NetAddress.ipv4ToOctets(ip) : NetAddress.ipv6ToOctets(ip))
}

const macs = { client: hex("02 00 00 00 00 01"), server: hex("02 00 00 00 00 02"), all: hex("ff ff ff ff ff ff") }

const frame = (type: number, content: Uint8Array, to = macs.server, tag: ReadonlyArray<number> = []) =>
  concat(to, macs.client, tag, [type >> 8, type & 0xff], content)

const ipFrame = (packet: Uint8Array, tag?: ReadonlyArray<number>) =>
  frame(packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd, packet, macs.server, tag)

/** End of a flow: address and port, `10.0.0.1 4000`. */
const end = (text: string) => {
  const [address, port] = text.split(" ")
  return { address: octets(address!), port: Number(port) }
}

let nextId = 1

/** Returns a UDP packet. */
export const udp = (from: string, to: string, payload: string | Uint8Array): Uint8Array =>
  Ip.encode({
    from: end(from),
    to: end(to),
    payload: typeof payload === "string" ? encode(payload) : payload,
    id: nextId++ & 0xffff
  })

const flagBits: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32 }

/** A TCP connection that sends segments with the right numbers. */
export const connection = (client: string, server: string, seqs: readonly [number, number] = [1_000, 5_000]) => {
  const next = { client: seqs[0], server: seqs[1] }
  const send = (
    sender: "client" | "server",
    flags: string,
    payload: string | Uint8Array = "",
    { seq, window = 512 }: { readonly seq?: number; readonly window?: number } = {}
  ) => {
    const bytes = typeof payload === "string" ? Uint8Array.from(Buffer.from(payload, "latin1")) : payload
    const other = sender === "client" ? "server" : "client"
    const [from, to] = sender === "client" ? [client, server] : [server, client]
    const bits = [...flags].reduce((all, flag) => all | flagBits[flag]!, 0)
    const isAck = (bits & Ip.flag.ack) !== 0
    const tcp = {
      seq: (seq ?? next[sender]) >>> 0,
      ack: isAck ? next[other] >>> 0 : 0,
      flags: bits,
      window,
      options: (bits & Ip.flag.syn) === 0 ? new Uint8Array(0) : Ip.synOptions(4)
    }
    if (seq === undefined) next[sender] += bytes.length + ((bits & 3) === 0 ? 0 : 1)
    return Ip.encode({ from: end(from), to: end(to), payload: bytes, id: nextId++ & 0xffff, tcp })
  }
  const open = () => [send("client", "S"), send("server", "SA"), send("client", "A")]
  const close = () => [send("client", "FA"), send("server", "FA"), send("client", "A")]
  return { send, open, close }
}

const checksum = (bytes: Uint8Array, at: number, pseudoSum = 0) => {
  let sum = pseudoSum
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i]! << 8 : bytes[i]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  bytes[at] = (~sum >> 8) & 0xff
  bytes[at + 1] = ~sum & 0xff
}

const ipv4 = (protocol: number, from: string, to: string, payload: Uint8Array, ttl = 64) => {
  const head = concat([
    0x45,
    0,
    (20 + payload.length) >> 8,
    (20 + payload.length) & 0xff,
    0,
    1,
    0,
    0,
    ttl,
    protocol,
    0,
    0
  ])
  const all = concat(head, octets(from), octets(to))
  checksum(all, 10)
  return concat(all, payload)
}

/** Returns an ICMP message in IPv4. */
const icmp = (from: string, to: string, head: ReadonlyArray<number>, rest: Uint8Array, ttl = 64) => {
  const message = concat(head.slice(0, 2), [0, 0], head.slice(2), rest)
  checksum(message, 2)
  return ipv4(1, from, to, message, ttl)
}

const icmpv6 = (from: string, to: string, head: ReadonlyArray<number>, rest: Uint8Array) => {
  const message = concat(head.slice(0, 2), [0, 0], head.slice(2), rest)
  const addresses = concat(octets(from), octets(to))
  let sum = 58 + message.length
  for (let i = 0; i < addresses.length; i += 2) sum += (addresses[i]! << 8) | addresses[i + 1]!
  checksum(message, 2, sum)
  return concat([0x60, 0, 0, 0, message.length >> 8, message.length & 0xff, 58, 255], addresses, message)
}

const dnsName = (name: string) =>
  name === "" ? Uint8Array.of(0) : concat(...name.split(".").map((label) => [label.length, ...encode(label)]), [0])

const u16 = (value: number) => [value >> 8, value & 0xff]

const dnsRecord = (name: ArrayLike<number>, type: number, data: ArrayLike<number>) =>
  concat(name, u16(type), u16(1), [0, 0, 0, 60], u16(data.length), data)

/** A pointer to the name of the first question. */
const pointer = [0xc0, 12]

/** Returns a DNS message with one question. */
export const dns = (
  id: number,
  flags: number,
  name: string,
  type: number,
  answers: ReadonlyArray<Uint8Array> = [],
  additional: ReadonlyArray<Uint8Array> = []
): Uint8Array =>
  concat(
    [...u16(id), ...u16(flags), 0, 1, ...u16(answers.length), 0, 0, ...u16(additional.length)],
    dnsName(name),
    u16(type),
    u16(1),
    ...answers,
    ...additional
  )

const edns = concat([0], u16(41), u16(1_232), [0, 0, 0, 0, 0, 0])

/** Returns a DHCP message. */
export const dhcp = (op: number, fields: Readonly<Record<number, ArrayLike<number>>>, yours = "0.0.0.0", file = "") => {
  const message = new Uint8Array(236)
  message.set([op, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 4, 0x80])
  message.set(octets(yours), 16)
  if (op === 2) message.set(octets("10.0.0.2"), 20)
  message.set(macs.client, 28)
  message.set(encode(file), 108)
  const options = Object.entries(fields).map(([code, value]) => concat([Number(code), value.length], value))
  return concat(message, [0x63, 0x82, 0x53, 0x63], ...options, [255])
}

const pxe = encode("PXEClient:Arch:00007:UNDI:003016")
const uuid = concat([0], new Uint8Array(16).fill(7))

/** The ClientHello of RFC 8448, section 3, as a record. */
export const clientHello: Uint8Array = hex(`
  16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b
  0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099381de560e4
  bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e040305030603020308040805080604010501060102
  010402050206020202002d00020101001c00024001`)

/** The ServerHello of RFC 8448, section 3, as a record. */
export const serverHello: Uint8Array = hex(`
  160303005a020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c98288
  76112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304`)

const changeCipherSpec = hex("14 0303 0001 01")
const applicationData = (length: number) => concat([23, 3, 3, ...u16(length)], new Uint8Array(length).fill(0xa5))

const httpPackets = () => {
  const { close, open, send } = connection("10.0.0.1 40000", "10.0.0.2 80")
  const body = "x".repeat(300)
  return [
    ...open(),
    send("client", "PA", "GET /index.html HTTP/1.1\r\nHost: www.exa"),
    send("server", "A"),
    send("client", "PA", "mple.com\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n\r\n"),
    send("server", "A"),
    send("server", "A", `HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 600\r\n\r\n${body.slice(100)}`),
    send("server", "A", body),
    send("server", "PA", body.slice(200)),
    send("client", "A"),
    send("client", "PA", "HEAD /a HTTP/1.1\r\nHost: b\r\n\r\n"),
    send("server", "PA", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nServer: s\r\n\r\n"),
    send("client", "PA", "POST /form HTTP/1.1\r\nHost: b\r\nContent-Length: 4\r\n\r\nab"),
    send("client", "PA", "cd"),
    send("server", "PA", "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    send("server", "PA", "0\r\n\r\n"),
    send("client", "PA", "GET /1 HTTP/1.1\r\nHost: b\r\n\r\nDELETE /2 HTTP/1.1\r\nHost: c\r\n\r\n"),
    send(
      "server",
      "PA",
      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    ),
    ...close()
  ]
}

const httpUntilEnd = () => {
  const { open, send } = connection("10.0.0.1 40001", "10.0.0.2 80")
  return [
    ...open(),
    send("client", "PA", "GET /old HTTP/1.0\r\n\r\n"),
    send("server", "PA", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"),
    send("client", "A"),
    send("server", "PA", " world"),
    send("server", "FA"),
    send("client", "FA"),
    send("server", "A")
  ]
}

const httpElsewhere = () => {
  const { open, send } = connection("2001:db8::1 40002", "2001:db8::2 9999")
  return [
    ...open(),
    send("client", "PA", "PUT /thing HTTP/1.1\r\nHost: six\r\nContent-Length: 2\r\n\r\nhi"),
    send("server", "PA", "HTTP/1.1 500 Oh No\r\nContent-Length: 0\r\n\r\n"),
    send("server", "R")
  ]
}

const tlsPackets = (port: number) => {
  const { close, open, send } = connection("10.0.0.1 41000", `10.0.0.3 ${port}`, [77, 99])
  return [
    ...open(),
    send("client", "A", clientHello.subarray(0, 120)),
    send("client", "PA", clientHello.subarray(120)),
    send("server", "A"),
    send("server", "PA", concat(serverHello, changeCipherSpec, applicationData(40))),
    send("client", "PA", concat(changeCipherSpec, applicationData(53))),
    send("client", "PA", applicationData(20)),
    send("server", "PA", concat([21, 3, 3, 0, 2, 1, 0])),
    ...close()
  ]
}

const dnsPackets = () => {
  const [client, server] = ["10.0.0.1 50000", "10.0.0.53 53"]
  const a = dnsRecord(pointer, 1, [192, 0, 2, 1])
  const aaaa = dnsRecord(pointer, 28, octets("2001:db8::7"))
  const cname = dnsRecord(pointer, 5, dnsName("alias.example.org"))
  const overTcp = connection("10.0.0.1 42000", "10.0.0.53 53", [1, 2])
  const long = dns(9, 0x8180, "big.example.com", 16, [dnsRecord(pointer, 16, [3, ...encode("abc")])])
  return [
    udp(client, server, dns(3, 0x0100, "www.example.com", 1)),
    udp(server, client, dns(3, 0x8180, "www.example.com", 1, [cname, a])),
    udp(client, server, dns(0x1234, 0x0100, "www.example.com", 28, [], [edns])),
    udp(server, client, dns(0x1234, 0x8580, "www.example.com", 28, [aaaa])),
    udp(client, server, dns(5, 0x0100, "nope.example.net", 1)),
    udp(server, client, dns(5, 0x8183, "nope.example.net", 1)),
    udp("10.0.0.1 5353", "224.0.0.251 5353", dns(0, 0, "_http._tcp.local", 12)),
    ...overTcp.open(),
    overTcp.send("client", "PA", concat(u16(33), dns(9, 0x0100, "big.example.com", 16))),
    overTcp.send("server", "PA", concat(u16(long.length), long.subarray(0, 20))),
    overTcp.send("server", "PA", long.subarray(20)),
    ...overTcp.close()
  ]
}

const tftpPackets = () => {
  const request = (_tag: "RRQ" | "WRQ", filename: string) =>
    Tftp.encode({ _tag, filename, mode: "octet", options: [["blksize", "1428"]] })
  const data = (block: number, length: number) =>
    Tftp.encode({ _tag: "DATA", block, bytes: new Uint8Array(length).fill(block) })
  const [client, server, other] = ["10.0.0.1 3000", "10.0.0.2 45000", "10.0.0.2 45001"]
  return [
    udp(client, "10.0.0.2 69", request("RRQ", "boot/x64.efi")),
    udp(server, client, Tftp.encode({ _tag: "OACK", options: [["blksize", "1428"]] })),
    udp(client, server, Tftp.ack(0)),
    udp(server, client, data(1, 1_428)),
    udp(client, server, Tftp.ack(1)),
    udp(server, client, data(2, 12)),
    udp(client, server, Tftp.ack(2)),
    udp("10.0.0.1 3001", "10.0.0.2 69", request("WRQ", "upload.bin")),
    udp(other, "10.0.0.1 3001", Tftp.ack(0)),
    udp("10.0.0.1 3001", other, data(1, 100)),
    udp(other, "10.0.0.1 3001", Tftp.ack(1)),
    udp("10.0.0.1 3002", "10.0.0.2 69", request("RRQ", "missing")),
    udp("10.0.0.2 45002", "10.0.0.1 3002", Tftp.encode({ _tag: "ERROR", code: 1, message: "File not found" }))
  ]
}

const dhcpPackets = () => {
  const client = { 60: pxe, 93: [0, 7], 94: [1, 3, 16], 97: uuid, 55: [1, 3, 66, 67] }
  const server = { 54: [10, 0, 0, 2], 51: [0, 0, 14, 16], 1: [255, 255, 255, 0], 3: [10, 0, 0, 254] }
  const boot = { 66: encode("10.0.0.2"), 67: encode("boot/x64.efi") }
  const broadcast = ["0.0.0.0 68", "255.255.255.255 67"] as const
  return [
    udp(...broadcast, dhcp(1, { 53: [1], ...client })),
    udp("10.0.0.2 67", "255.255.255.255 68", dhcp(2, { 53: [2], ...server, ...boot }, "10.0.0.77")),
    udp(...broadcast, dhcp(1, { 53: [3], 50: [10, 0, 0, 77], 12: encode("node7"), ...client })),
    udp("10.0.0.2 67", "255.255.255.255 68", dhcp(2, { 53: [5], ...server, ...boot }, "10.0.0.77", "boot/x64.efi")),
    udp(...broadcast, dhcp(1, { 53: [7] }))
  ]
}

const controlPackets = () => {
  const inner = udp("10.0.0.1 33000", "198.51.100.9 33434", "probe")
  const segment = connection("10.0.0.1 47000", "198.51.100.9 443").send("client", "S")
  const innerV6 = udp("2001:db8::1 33000", "2001:db8::9 33434", "probe")
  return [
    icmp("10.0.0.1", "10.0.0.2", [8, 0, 0, 9, 0, 1], encode("abcdefgh")),
    icmp("10.0.0.2", "10.0.0.1", [0, 0, 0, 9, 0, 1], encode("abcdefgh"), 63),
    icmp("198.51.100.9", "10.0.0.1", [3, 3, 0, 0, 0, 0], inner, 50),
    icmp("10.0.0.254", "10.0.0.1", [11, 0, 0, 0, 0, 0], segment.subarray(0, 28), 254),
    icmpv6("2001:db8::1", "2001:db8::2", [128, 0, 0, 3, 0, 4], encode("abcdefgh")),
    icmpv6("2001:db8::2", "2001:db8::1", [129, 0, 0, 3, 0, 4], encode("abcdefgh")),
    icmpv6("2001:db8::9", "2001:db8::1", [1, 4, 0, 0, 0, 0], innerV6)
  ]
}

const arp = (opcode: number, target: string) =>
  concat(
    [0, 1, 8, 0, 6, 4, ...u16(opcode)],
    ...[macs.client, octets("10.0.0.1"), opcode === 1 ? new Uint8Array(6) : macs.server, octets(target)]
  )

const oddPackets = () => {
  const { send } = connection("10.0.0.1 48000", "10.0.0.2 8050", [0xffff_fff0, 10])
  const guess = connection("10.0.0.1 49000", "10.0.0.2 1500")
  const text = connection("10.0.0.1 49001", "10.0.0.2 1067")
  return [
    send("client", "PA", "a stream without its start"),
    send("server", "A", "", { window: 0 }),
    send("client", "PA", "repeated", { seq: 0xffff_fff0 }),
    send("client", "RA"),
    ...guess.open(),
    guess.send("client", "PA", "500\n"),
    guess.send("server", "PA", "too big\n"),
    guess.send("client", "PUA", "250\n"),
    guess.send("server", "PA", "correct!\n"),
    ...text.open(),
    text.send("client", "PA", "Hello"),
    text.send("server", "PA", "Uryyb"),
    udp("10.0.0.1 123", "10.0.0.4 123", concat([0x23, 0, 6, 0xec], new Uint8Array(44))),
    udp(
      "10.0.0.4 123",
      "10.0.0.1 123",
      concat([0x24, 2, 6, 0xec, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9], new Uint8Array(32))
    ),
    udp("10.0.0.1 1067", "10.0.0.2 1067", "ping"),
    udp("fe80::1 7777", "ff02::1 7777", "a datagram to many")
  ]
}

/** The frames of the capture, in its order. */
export const frames = (): ReadonlyArray<Uint8Array> => {
  nextId = 1
  return [
    frame(0x0806, arp(1, "10.0.0.2"), macs.all),
    frame(0x0806, arp(2, "10.0.0.1")),
    ...dhcpPackets().map((packet) => ipFrame(packet)),
    ...[...dnsPackets(), ...tftpPackets(), ...httpPackets(), ...httpUntilEnd()].map((packet) => ipFrame(packet)),
    ...[...httpElsewhere(), ...tlsPackets(443), ...tlsPackets(4_433)].map((packet) => ipFrame(packet)),
    ...[...controlPackets(), ...oddPackets()].map((packet) => ipFrame(packet)),
    ipFrame(udp("10.0.0.1 6000", "10.0.0.2 6001", "in a VLAN"), [0x81, 0, 0, 7]),
    frame(0x88b5, encode("a frame of a local experiment"))
  ]
}

/** Time between two packets of the capture. */
export const spacingMicros = 250_000

/** The capture as a file. */
export const file = (): Uint8Array =>
  CaptureBytes.pcap(
    frames().map((bytes, at) => ({ bytes, micros: 1_700_000_000_000_000 + spacingMicros * at })),
    { littleEndian: true, linkType: 1 }
  )

/** Reads the packets of a file. */
export const read = (bytes: Uint8Array): ReadonlyArray<CapturedPacket> => {
  const reader = CaptureFile.make()
  reader.feed(bytes)
  const packets: Array<CapturedPacket> = []
  for (let found = reader.take(); found !== undefined; found = reader.take()) {
    if (found instanceof CaptureFile.CaptureFileError) throw found
    packets.push(found)
  }
  return packets
}
