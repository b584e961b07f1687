/** Lines and JSON of packets: lengths on the wire, the protocol of messages, flags and numbers of segments. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as TcpAnalysis from "../../../../src/capture/analysis/TcpAnalysis.ts"
import * as CaptureReader from "../../../../src/capture/CaptureReader.ts"
import * as CaptureWriter from "../../../../src/capture/CaptureWriter.ts"
import * as Ip from "../../../../src/capture/Ip.ts"
import * as PcapngDecoder from "../../../../src/capture/PcapngDecoder.ts"
import * as packetText from "../../../../src/cli/run/capture/read/packetText.ts"
import { packetDissector } from "../../../../src/cli/run/common/dissectors.ts"
import type { ObservedPacket } from "../../../../src/network/Packet.ts"

const client = { address: "10.0.0.1", port: 40_000 }
const server = { address: "10.0.0.2", port: 80 }

/** Reads observed packets as a capture has them. */
const captured = (all: ReadonlyArray<Partial<ObservedPacket>>): ReadonlyArray<CaptureReader.CapturedPacket> => {
  const writer = CaptureWriter.make()
  const packet = { transport: "tcp", from: client, to: server, bytes: new Uint8Array(0), host: "a" } as const
  for (const one of all) writer.tap({ ...packet, kind: "data", at: 0n, ...one })
  const read = CaptureReader.make()
  return Result.getOrThrow(PcapngDecoder.decode(Buffer.concat(writer.finish()))).flatMap((block) => read(block) ?? [])
}

/** Cuts the payload of a packet as a snap length does. */
const cut = (packet: CaptureReader.CapturedPacket, length: number) => ({
  ...packet,
  payload: packet.payload.subarray(0, length),
  missingBytes: packet.payload.length - length
})

const analysed = (packets: ReadonlyArray<CaptureReader.CapturedPacket>): ReadonlyArray<packetText.Analysed> => {
  const analysis = TcpAnalysis.make()
  const dissect = packetDissector()
  return packets.map((packet) => ({ packet, analysis: analysis.add(packet), details: dissect(packet) }))
}

/** Returns the columns after the addresses. */
const columns = (one: packetText.Analysed) => packetText.line(one, 0n).split(/ > \S+ {2}/)[1]

const json = (one: packetText.Analysed) => JSON.parse(packetText.json(one, 0n)) as Record<string, unknown>

const tftpData = (length: number) => Uint8Array.from([0, 3, 0, 1, ...new Uint8Array(length)])

describe("packetText", () => {
  it("states the lengths on the wire if the capture holds a part of a payload", () => {
    const datagram = {
      transport: "udp",
      kind: "datagram",
      bytes: tftpData(1_428),
      to: { ...server, port: 69 }
    } as const
    const [data, segment] = captured([datagram, { bytes: new Uint8Array(3_000).fill(1) }])
    const [block, piece] = analysed([cut(data!, 18), cut(segment!, 62)])
    assert.strictEqual(columns(block!), "TFTP    1432  DATA block 1, 1428 bytes, 14 of them captured")
    assert.strictEqual(columns(piece!), "TCP     3000  3000 bytes  seq 1 ack 1 win 65535")
    assert.deepInclude(json(block!), { length: 1_432, missing: 1_414 })
    assert.deepInclude(json(piece!), { length: 3_000, missing: 2_938 })
    assert.strictEqual(packetText.shortSummaryOf(piece!), "3000 bytes")
  })

  it("quotes the text at the start of a payload with its length on the wire", () => {
    const [segment] = captured([{ bytes: Buffer.from("hello, world") }])
    const [piece] = analysed([cut(segment!, 5)])
    assert.strictEqual(packetText.shortSummaryOf(piece!), '"hello"... 12 bytes')
    assert.strictEqual(packetText.shortSummaryOf(analysed([cut(segment!, 0)])[0]!), "12 bytes")
  })

  it("names the protocol of a message, and that of the transport for other packets", () => {
    const bytes = Buffer.from("GET / HTTP/1.1\r\n\r\n")
    const [, request] = analysed(captured([{ kind: "syn" }, { bytes }]))
    assert.match(columns(request!)!, /^HTTP {6}18 {2}GET \//)
    assert.deepInclude(json(request!), { protocol: "TCP", application: "http" })
    const [unknown] = analysed(captured([{ bytes: Uint8Array.of(1, 2) }]))
    assert.match(columns(unknown!)!, /^TCP {8}2 {2}/)
    assert.notProperty(json(unknown!), "application")
  })

  it("shows all flags of a segment without a message, with relative numbers", () => {
    const [syn] = captured([{ kind: "syn" }])
    const seq = syn!.tcp!.seq
    const packets = [Ip.flag.fin | Ip.flag.ack, Ip.flag.rst | Ip.flag.ack, Ip.flag.rst].map((flags, at) => ({
      ...syn!,
      number: at + 2,
      tcp: { ...syn!.tcp!, flags, seq: (seq + 5) >>> 0, ack: 1_000, window: 512 }
    }))
    const all = analysed([{ ...syn!, tcp: { ...syn!.tcp!, window: 100 } }, ...packets])
    assert.deepStrictEqual(all.map(packetText.summaryOf), [
      "SYN  seq 0 win 100",
      "FIN, ACK  seq 5 ack 1 win 512",
      "RST, ACK  seq 5 ack 1 win 512",
      "RST  seq 5 win 512"
    ])
    assert.strictEqual(packetText.shortSummaryOf(all[1]!), "FIN, ACK")
  })

  it("escapes in JSON what a terminal would obey, and keeps the values", () => {
    const hostile = "a\u202eb\u001b[2J\u2028\u009b"
    const [packet] = captured([{ kind: "syn" }])
    const [one] = analysed([{ ...packet!, comments: [hostile], host: hostile, problems: [hostile] }])
    assert.notMatch(packetText.json(one!, 0n), /[^ -~]/)
    assert.deepInclude(json(one!), { comments: [hostile], host: hostile, problems: [hostile] })
  })

  it("shows the first ones of thousands of messages", () => {
    const requests = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n".repeat(3_300))
    const [packet] = analysed(captured([{ bytes: requests }]))
    const expected = `${"GET /; ".repeat(10)}and 3,290 more messages`
    assert.strictEqual(columns(packet!), `HTTP   59400  ${expected}`)
    assert.strictEqual(json(packet!).summary, expected)
  })

  it("leaves out of lines that a checksum was left to the network card, and keeps it in JSON", () => {
    const note = "TCP checksum not filled in (offload)"
    const [packet] = captured([{ kind: "syn" }])
    const [one] = analysed([{ ...packet!, notes: [note] }])
    assert.notInclude(packetText.line(one!, 0n), "checksum")
    assert.deepStrictEqual(json(one!).notes, [note])
    assert.isTrue(packetText.hasOffload(one!))
    assert.isFalse(packetText.hasOffload(analysed([packet!])[0]!))
  })
})
