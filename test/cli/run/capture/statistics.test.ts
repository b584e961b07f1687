/** Output of `capture read` that counts, or that finds nothing: protocols, the largest conversations, remarks. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CaptureWriter from "../../../../src/capture/CaptureWriter.ts"
import * as Checksum from "../../../../src/capture/format/Checksum.ts"
import * as Ip from "../../../../src/capture/Ip.ts"
import type { ObservedPacket } from "../../../../src/network/Packet.ts"
import * as CaptureBytes from "../../../capture/format/CaptureBytes.ts"
import * as Cli from "../../../support/Cli.ts"
import { onWire } from "../../../support/capture/OnWire.ts"
import { directory } from "../../../support/Directory.ts"

const client = { address: "10.0.0.1", port: 40_000 }
const server = { address: "10.0.0.2", port: 80 }

const write = (all: ReadonlyArray<Partial<ObservedPacket>>): Uint8Array => {
  const writer = CaptureWriter.make()
  const packet = { transport: "tcp", kind: "data", from: client, to: server, bytes: new Uint8Array(0) } as const
  for (const [at, one] of all.entries()) writer.tap({ ...packet, at: BigInt(at) * 1_000_000n, host: "a", ...one })
  return onWire(Buffer.concat(writer.finish()))
}

const file = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const { inRoot } = yield* directory()
  const path = inRoot("x.pcapng")
  Fs.writeFileSync(path, bytes)
  return path
})

const read = (path: string, ...args: ReadonlyArray<string>) => Cli.runInProcess(["capture", "read", path, ...args])

/** A request of HTTP with its handshake, and a datagram of TFTP. */
const mixed = write([
  { kind: "syn" },
  { kind: "synack", from: server, to: client },
  { kind: "ack" },
  { bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n") },
  { kind: "fin" },
  { transport: "udp", kind: "datagram", bytes: Uint8Array.of(0, 4, 0, 1) }
])

describe("capture read --statistics", () => {
  it.live("counts the protocols of messages below those of their transport", () =>
    Effect.gen(function* () {
      const path = yield* file(mixed)
      const { stdout } = yield* read(path, "--statistics", "--width", "120")
      const names = stdout.split("\n").flatMap((line) => /^( *[A-Z]+) +\d+ .* %$/.exec(line)?.[1] ?? [])
      assert.deepStrictEqual(names, ["TCP", "  HTTP", "UDP", "  TFTP"])
      assert.match(stdout, /^ *tcp 0 +10\.0\.0\.1:40000 +10\.0\.0\.2:80 +HTTP /m)
      const json = JSON.parse((yield* read(path, "--statistics", "--json")).stdout)
      const [tcp, udp] = json.protocols
      assert.strictEqual(tcp.packets + udp.packets, json.packets)
      assert.strictEqual(tcp.bytes + udp.bytes, json.bytes)
      assert.deepInclude(tcp.applications[0], { protocol: "http", packets: 1 })
      assert.deepStrictEqual(udp, { ...udp, applications: [{ protocol: "tftp", packets: 1, bytes: udp.bytes }] })
      assert.deepStrictEqual([json.conversations[0].application, json.conversations[1].application], ["http", "tftp"])
    }).pipe(Effect.scoped)
  )

  it.live("prints the conversations with the most bytes, and how many are left out", () =>
    Effect.gen(function* () {
      const datagram = (port: number) => ({
        transport: "udp" as const,
        kind: "datagram" as const,
        from: { ...client, port },
        bytes: new Uint8Array(port).fill(0xff)
      })
      const path = yield* file(write(Array.from({ length: 50 }, (_, at) => datagram(at + 100))))
      const portsOf = (text: string) => [...text.matchAll(/10\.0\.0\.1:(\d+) /g)].map(([, port]) => Number(port))
      const { stdout } = yield* read(path, "--statistics")
      assert.deepStrictEqual(
        portsOf(stdout),
        Array.from({ length: 20 }, (_, at) => 149 - at)
      )
      assert.include(stdout, "\n30 more conversations, 4.28 kB: --top N lists more\n")
      const two = yield* read(path, "--statistics", "--top", "2")
      assert.deepStrictEqual(portsOf(two.stdout), [149, 148])
      const all = yield* read(path, "--statistics", "--top", "50")
      // Without any to leave out, they are in the order of their first packets.
      assert.deepStrictEqual(
        portsOf(all.stdout),
        Array.from({ length: 50 }, (_, at) => 100 + at)
      )
      const json = JSON.parse((yield* read(path, "--statistics", "--json")).stdout)
      assert.lengthOf(json.conversations, 50)
    }).pipe(Effect.scoped)
  )

  it.live("keeps the duration and the round trip at 80 columns", () =>
    Effect.gen(function* () {
      const path = yield* file(mixed)
      const { stdout } = yield* read(path, "--statistics", "--width", "80")
      assert.match(stdout, /^stream .* bytes > .* duration +median$/m)
    }).pipe(Effect.scoped)
  )

  it.live("has the same duration in its first line and on the axis", () =>
    Effect.gen(function* () {
      const path = yield* file(write(Array.from({ length: 937 }, () => ({ bytes: Buffer.from("x") }))))
      const { stdout } = yield* read(path, "--statistics", "--width", "100")
      assert.match(stdout, / in 936 ms /)
      assert.match(stdout, /^ +0 s +468 ms +936 ms$/m)
    }).pipe(Effect.scoped)
  )

  it.live("--svg - and --html - write to standard output", () =>
    Effect.gen(function* () {
      const path = yield* file(mixed)
      assert.match((yield* read(path, "--svg", "-")).stdout, /^<svg [\s\S]*<\/svg>\n$/)
      const { stdout } = yield* read(path, "--html", "-")
      assert.match(stdout, /^<!doctype html>[\s\S]*<\/html>\n$/)
      assert.include(stdout, "\u00a0\u00a0HTTP")
      assert.isFalse(Fs.existsSync("-"))
    }).pipe(Effect.scoped)
  )
})

it.live("a diagram and a page have the lengths on the wire of a capture with a snap length", () =>
  Effect.gen(function* () {
    const frame = (payload: Uint8Array, snapLength: number) => {
      const bytes = CaptureBytes.udp(payload)
      return { bytes: bytes.subarray(0, snapLength), micros: 0, originalLength: bytes.length }
    }
    const data = Uint8Array.from([0, 3, 0, 1, ...new Uint8Array(1_428)])
    const segment = Ip.encode({
      from: { address: Uint8Array.of(10, 0, 0, 1), port: 40_000 },
      to: { address: Uint8Array.of(10, 0, 0, 2), port: 80 },
      id: 1,
      tcp: { seq: 1, ack: 1, flags: Ip.flag.ack, window: 512, options: new Uint8Array(0) },
      payload: new Uint8Array(3_000).fill(1)
    })
    // Of the segment the capture has the headers only.
    const headers = { bytes: segment.subarray(0, 40), micros: 1, originalLength: segment.length }
    const path = yield* file(CaptureBytes.pcapng([frame(data, 46), headers]))
    const diagram = yield* read(path, "--diagram", "text", "--width", "120")
    assert.match(diagram.stdout, / DATA block 1, 1428 bytes, 14 of them captured$/m)
    assert.match(diagram.stdout, / 3000 bytes$/m)
    const page = yield* read(path, "--html", "-")
    assert.include(page.stdout, ">DATA block 1, 1428 bytes, 14 of them captured<")
    assert.include(page.stdout, ">3000 bytes<")
  }).pipe(Effect.scoped)
)

describe("capture read says on standard error", () => {
  it.live("that no packet matches a filter", () =>
    Effect.gen(function* () {
      const path = yield* file(mixed)
      for (const args of [[], ["--json"], ["--statistics"], ["--diagram", "text"]]) {
        const { code, stderr } = yield* read(path, "--filter", "tcp.port == 9", ...args)
        assert.deepStrictEqual([code, stderr], [0, `effect-inet: ${path}: no packet matches the filter\n`])
      }
    }).pipe(Effect.scoped)
  )

  it.live("that segments have no notes", () =>
    Effect.gen(function* () {
      const path = yield* file(mixed)
      const { code, stderr, stdout } = yield* read(path, "--notes")
      assert.deepStrictEqual([code, stdout, stderr], [0, "", `effect-inet: ${path}: no notes on the packets\n`])
    }).pipe(Effect.scoped)
  )

  it.live("that a stream is not among the packets of a filter or a limit", () =>
    Effect.gen(function* () {
      const path = yield* file(mixed)
      const { code, stderr } = yield* read(path, "--follow", "udp:0", "--count", "2")
      const message = "no packet of udp.stream == 0 among the packets that --count selects: leave it out"
      assert.deepStrictEqual([code, stderr], [1, `effect-inet: ${path}: ${message}\n`])
    }).pipe(Effect.scoped)
  )

  it.live("once how many checksums were left to the network card", () =>
    Effect.gen(function* () {
      const bytes = CaptureBytes.udp("hello")
      const sum = ~Checksum.complement(Checksum.sumWords(bytes, 12, 20, 17 + bytes.length - 20)) & 0xffff
      bytes.set([sum >> 8, sum & 0xff], 26)
      const frame = { bytes, micros: 0 }
      const path = yield* file(CaptureBytes.pcapng([frame, frame, { bytes: CaptureBytes.udp("hello"), micros: 1 }]))
      const { stderr, stdout } = yield* read(path)
      const remark = "2 packets have checksums that the sender left to its network card"
      assert.strictEqual(stderr, `effect-inet: ${path}: ${remark}\n`)
      assert.notInclude(stdout, "checksum")
      const json = yield* read(path, "--json", "--filter", 'note contains "offload"')
      assert.strictEqual(json.stderr, "")
      assert.lengthOf(json.stdout.trim().split("\n"), 2)
    }).pipe(Effect.scoped)
  )
})

it.live("tcp.analysis.initial_rtt is a field of all packets from the end of the handshake on", () =>
  Effect.gen(function* () {
    const path = yield* file(mixed)
    const { stdout } = yield* read(path, "--json", "--filter", "tcp.analysis.initial_rtt == 0.002")
    const numbers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).number)
    assert.deepStrictEqual(numbers.slice(0, 2), [3, 4])
    assert.isAbove(numbers.length, 2)
  }).pipe(Effect.scoped)
)
