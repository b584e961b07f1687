/** A filter keeps the same packets while a capture is made as when the file is read. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as CaptureFile from "../../src/capture/CaptureFile.ts"
import type { CapturedPacket } from "../../src/capture/CaptureReader.ts"
import * as CaptureWriter from "../../src/capture/CaptureWriter.ts"
import * as NodeDecompressor from "../../src/capture/NodeDecompressor.ts"
import { compile } from "../../src/cli/run/common/captureFilter.ts"
import type { Kind, ObservedPacket } from "../../src/network/Packet.ts"

const client = { address: "10.0.0.1", port: 40_000 }
const other = { address: "fd00::1", port: 40_001 }
const web = { address: "10.0.0.2", port: 80 }
const tftp = { address: "fd00::2", port: 69 }

const bytes = (text: string) => new TextEncoder().encode(text)

const stream = (kind: Kind, isBack: boolean, text = ""): Omit<ObservedPacket, "at"> => ({
  ...{ transport: "tcp", kind, host: isBack ? "web" : "client", bytes: bytes(text) },
  ...(isBack ? { from: web, to: client } : { from: client, to: web })
})

/** A request to a web server, requests of TFTP, and a lost packet. */
const packets: ReadonlyArray<ObservedPacket> = [
  stream("syn", false),
  stream("synack", true),
  stream("ack", false),
  stream("data", false, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  { transport: "udp", kind: "datagram", host: "other", from: other, to: tftp, bytes: bytes("\0\x01f\0octet\0") },
  { ...stream("data", true, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), lost: true },
  stream("data", true, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
  stream("fin", false),
  stream("fin", true)
].map((packet, index): ObservedPacket => ({ ...(packet as ObservedPacket), at: BigInt(index) * 1_000_000n }))

const write = (filter?: (packet: CapturedPacket) => boolean) => {
  const writer = CaptureWriter.make({ filter })
  for (const packet of packets) writer.tap(packet)
  return writer.finish()
}

/** Returns the times and the ends of the packets of a file that a filter accepts. */
const read = (file: ReadonlyArray<Uint8Array>, filter: (packet: CapturedPacket) => boolean = () => true) =>
  CaptureFile.read(Stream.fromIterable(file)).pipe(
    Stream.filter(filter),
    Stream.map(({ at, from, payload }) => `${at} ${from?.address} ${payload.length}`),
    Stream.runCollect,
    Effect.provide(NodeDecompressor.layer)
  )

describe("captureFilter", () => {
  it.effect.each([
    "tcp",
    "udp.port == 69",
    "tcp.flags.syn == 1",
    "ip.src == 10.0.0.1",
    "ipv6",
    "raw",
    "tftp.opcode == 1",
    'http.request.method == "GET"',
    "tcp.stream == 0 and tcp.len > 0",
    "frame.number > 2 and frame.len < 100",
    "tcp.analysis.retransmission or tcp.analysis.fast_retransmission"
  ])("%s keeps the same packets as capture read", (text) =>
    Effect.gen(function* () {
      const condition = () => Result.getOrThrow(compile(text))
      const written = yield* read(write(condition()))
      assert.deepStrictEqual(written, yield* read(write(), condition()))
      assert.isAbove(written.length, 0)
    })
  )
})
