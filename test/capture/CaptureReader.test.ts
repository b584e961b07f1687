import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as CaptureReader from "../../src/capture/CaptureReader.ts"
import * as CaptureWriter from "../../src/capture/CaptureWriter.ts"
import * as Ip from "../../src/capture/Ip.ts"
import type * as Pcapng from "../../src/capture/Pcapng.ts"
import * as PcapngDecoder from "../../src/capture/PcapngDecoder.ts"
import type { Kind, ObservedPacket } from "../../src/network/Packet.ts"
import * as Cli from "../support/Cli.ts"

const encode = (text: string) => new TextEncoder().encode(text)

const ip = Ip.encode({
  from: { address: Uint8Array.of(10, 0, 0, 1), port: 5 },
  to: { address: Uint8Array.of(10, 0, 0, 2), port: 6 },
  payload: encode("hello"),
  id: 1
})

/** Link-layer headers that precede the IP packet, by link type. */
const frames: ReadonlyArray<readonly [name: string, linkType: number, head: ReadonlyArray<number>]> = [
  ["BSD loopback", 0, [2, 0, 0, 0]],
  ["Ethernet", 1, [...Array(12).fill(0), 8, 0]],
  ["Ethernet with a VLAN tag", 1, [...Array(12).fill(0), 0x81, 0, 0, 7, 8, 0]],
  ["raw", 101, []],
  ["Linux cooked", 113, [...Array(14).fill(0), 8, 0]],
  ["Linux cooked 2", 276, [8, 0, ...Array(18).fill(0)]]
]

describe("CaptureReader", () => {
  for (const [name, linkType, head] of frames) {
    it(`finds IP in a frame: ${name}`, () => {
      const read = CaptureReader.make()
      read({ _tag: "Interface", linkType, snapLength: 0, name: "eth0", timestampResolution: 9 })
      const bytes = Uint8Array.from([...head, ...ip])
      const packet: Pcapng.Packet = {
        _tag: "Packet",
        interface: 0,
        at: 1n,
        bytes,
        originalLength: bytes.length,
        comments: []
      }
      const found = read(packet)!
      assert.deepInclude(found, { protocol: "UDP", problems: [], host: "eth0", payload: encode("hello") })
      for (let length = 0; length < head.length; length++) {
        const cut = read({ ...packet, bytes: bytes.subarray(0, length) })!
        assert.isUndefined(cut.from)
      }
    })
  }

  it("returns the packets that the tap received", () => {
    const writer = CaptureWriter.make()
    const [from, to] = [
      { address: "::1", port: 1 },
      { address: "::2", port: 2 }
    ]
    const see = (kind: Kind, back: boolean, text = "", more: Partial<ObservedPacket> = {}): ObservedPacket => ({
      transport: kind === "datagram" ? "udp" : "tcp",
      kind,
      from: back ? to : from,
      to: back ? from : to,
      bytes: encode(text),
      at: 7n,
      host: back ? "b" : "a",
      lost: false,
      fault: undefined,
      ...more
    })
    const all = [
      see("syn", false),
      see("synack", true),
      see("ack", false),
      see("data", true, "hello"),
      see("fin", true),
      see("rst", false),
      see("datagram", false, "x", { fault: "corrupt" }),
      see("datagram", false, "y", { fault: "drop", lost: true })
    ]
    for (const packet of all) writer.tap(packet)
    const read = CaptureReader.make()
    const back = decode(writer).flatMap((block) => {
      const captured = read(block)
      const packet = captured && CaptureReader.toObservedPacket(captured)
      return packet === undefined ? [] : [packet]
    })
    // The writer has added two of the acknowledgements.
    const acks = back.filter(({ kind }) => kind === "ack")
    assert.strictEqual(acks.length, 3)
    const rest = back.filter((packet) => packet.kind !== "ack" || packet === acks[0])
    assert.deepStrictEqual(rest, all)
  })
})

const decode = (writer: CaptureWriter.CaptureWriter): ReadonlyArray<Pcapng.DecodedBlock> =>
  Result.getOrThrow(PcapngDecoder.decode(new Uint8Array(Buffer.concat(writer.finish()))))

/** A file of three datagrams: text, a dropped one, and one with a changed bit. */
const file = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))),
    (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
  )
  const writer = CaptureWriter.make()
  const [from, to] = [
    { address: "10.0.0.1", port: 4_000 },
    { address: "10.0.0.2", port: 69 }
  ]
  const packet = { transport: "udp", kind: "datagram", from, to, host: "a" } as const
  writer.tap({ ...packet, bytes: encode("Hello\u202e"), at: 1_000_000_001n })
  writer.tap({ ...packet, bytes: Uint8Array.of(0x1b, 1), at: 1_020_000_001n, fault: "drop", lost: true })
  writer.tap({ ...packet, bytes: encode("wrong"), at: 1_030_000_001n })
  const bytes = Buffer.concat(writer.finish())
  bytes[bytes.lastIndexOf("wrong")]! ^= 1
  const path = Path.join(directory, "out.pcapng")
  Fs.writeFileSync(path, bytes)
  return { path, bytes, short: Path.join(directory, "short.pcapng") }
})

describe("capture read", () => {
  it.live("prints packets as lines, JSON and diagrams", () =>
    Effect.gen(function* () {
      const { path } = yield* file
      const run = (...args: ReadonlyArray<string>) =>
        Effect.map(Cli.runInProcess(["capture", "read", path, ...args]), ({ code, stderr, stdout }) => {
          assert.strictEqual(stderr, "")
          assert.strictEqual(code, 0)
          return stdout.trimEnd().split("\n")
        })
      assert.deepStrictEqual(yield* run(), [
        '  0.000000000  10.0.0.1:4000 > 10.0.0.2:69  UDP        8  "Hello\\u202e"',
        "  0.020000000  10.0.0.1:4000 > 10.0.0.2:69  UDP        2  2 bytes [drop] [lost]",
        '  0.030000000  10.0.0.1:4000 > 10.0.0.2:69  UDP        5  "vrong" [bad UDP checksum]'
      ])
      const json = (yield* run("--json")).map((line) => JSON.parse(line) as Record<string, unknown>)
      assert.deepInclude(json[1], { at: "1020000001", protocol: "UDP", length: 2, comments: ["drop", "lost"] })
      assert.deepStrictEqual(json[2]?.problems, ["bad UDP checksum"])
      const text = yield* run("--diagram", "text")
      assert.strictEqual(text.length, 4)
      assert.match(text[2]!, /\|-+x +\| +2 bytes \[drop, lost\]/)
      const mermaid = yield* run("--diagram", "mermaid")
      assert.strictEqual(mermaid[0], "sequenceDiagram")
    }).pipe(Effect.scoped)
  )

  it.live("prints the packets of a truncated file, then the error, and exits with 1", () =>
    Effect.gen(function* () {
      const { bytes, short } = yield* file
      Fs.writeFileSync(short, bytes.subarray(0, -10))
      for (const args of [[], ["--diagram", "text"]]) {
        const { code, stderr, stdout } = yield* Cli.runInProcess(["capture", "read", short, ...args])
        assert.strictEqual(code, 1)
        assert.include(stdout, "Hello")
        assert.match(
          stderr,
          /^effect-inet: .*short\.pcapng: at byte \d+: expected a block of \d+ bytes, found the end of the file after \d+\n$/
        )
      }
    }).pipe(Effect.scoped)
  )

  const bad: ReadonlyArray<readonly [args: string, code: number, line: string]> = [
    ["/nosuch", 1, "/nosuch: no such file or directory"],
    ["/", 1, "/: illegal operation on a directory"],
    ["/dev/null", 1, "/dev/null: at byte 0: expected a pcap or pcapng file, found an empty file"],
    ["/dev/null --json --diagram text", 2, "--json and --diagram exclude each other: give one of them"]
  ]
  it.live.each(bad)("%s", ([args, code, line]) =>
    Effect.gen(function* () {
      const ended = yield* Cli.runInProcess(["capture", "read", ...args.split(" ")])
      assert.strictEqual(ended.stderr, `effect-inet: ${line}\n`)
      assert.strictEqual(ended.code, code)
    })
  )
})
