/** Capture files that other programs write: editcap, mergecap, text2pcap, tcpdump, gzip, zstd. tshark reads them. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { CapturedPacket } from "../../src/capture/CaptureReader.ts"
import * as Ip from "../../src/capture/Ip.ts"
import * as TcpStreams from "../../src/capture/reassembly/TcpStreams.ts"
import * as Files from "../capture/format/CaptureBytes.ts"

const { concat, hex } = Files

const isMissing = (command: string) => ChildProcess.spawnSync(command, ["--version"]).error !== undefined
const missing = ["tshark", "capinfos", "editcap", "mergecap", "text2pcap", "tcpdump"].filter(isMissing)
const title = missing.length === 0 ? "capture files" : `capture files (skipped: ${missing.join(" and ")} not installed)`

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
)

const run = (command: string, args: ReadonlyArray<string>, input?: string) => {
  const { status, stderr, stdout } = ChildProcess.spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    ...(input === undefined ? {} : { input })
  })
  assert.strictEqual(status, 0, `${command} ${args.join(" ")}: ${stderr}`)
  return stdout
}

const fields = [
  "frame.number",
  "frame.time_epoch",
  "frame.len",
  "frame.cap_len",
  "frame.protocols",
  "ip.src",
  "ip.dst",
  "ipv6.src",
  "ipv6.dst",
  "udp.srcport",
  "tcp.srcport",
  "udp.dstport",
  "tcp.dstport",
  "tcp.stream",
  "tcp.len"
] as const

type Row = Readonly<Record<(typeof fields)[number], string>>

/** Returns the packets as tshark reads them; of a tunnel, the innermost addresses come last. */
const tshark = (file: string): ReadonlyArray<Row> =>
  run("tshark", ["-r", file, "-n", "-T", "fields", ...fields.flatMap((name) => ["-e", name])])
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Object.fromEntries(line.split("\t").map((value, i) => [fields[i]!, value])) as Row)

const last = (values: string | undefined) => values?.split(",").at(-1) ?? ""

/** Layers of tshark that are not those of headers: what carries them, and the dissectors of payloads. */
const ignoredLayers = new Set(["ethertype", "data"])
const payloadLayers = new Set(["udp", "tcp", "icmp", "icmpv6", "arp"])

const layersOf = (protocols: string) => {
  const all = protocols.split(":").filter((name) => !ignoredLayers.has(name))
  const end = all.findLastIndex((name) => payloadLayers.has(name))
  return (end < 0 ? all : all.slice(0, end + 1)).join(":")
}

const seconds = (nanos: bigint) => {
  const text = `${nanos}`.padStart(10, "0")
  return `${text.slice(0, -9)}.${text.slice(-9)}`
}

/** Asserts that a packet is read as tshark reads it. */
const assertSame = (packet: CapturedPacket, row: Row, where: string) => {
  const { from, layers, to } = packet
  assert.strictEqual(`${packet.number}`, row["frame.number"], where)
  assert.strictEqual(seconds(packet.at), row["frame.time_epoch"].padEnd(seconds(packet.at).length, "0"), where)
  assert.strictEqual(`${packet.originalLength}`, row["frame.len"], where)
  assert.strictEqual(`${packet.capturedLength}`, row["frame.cap_len"], where)
  assert.strictEqual(layers.join(":"), layersOf(row["frame.protocols"]), where)
  const isV6 = layers.lastIndexOf("ipv6") > layers.lastIndexOf("ip")
  assert.strictEqual(from?.address ?? "", last(isV6 ? row["ipv6.src"] : row["ip.src"]), where)
  assert.strictEqual(to?.address ?? "", last(isV6 ? row["ipv6.dst"] : row["ip.dst"]), where)
  if (layers.at(-1) !== "udp" && layers.at(-1) !== "tcp") return
  assert.strictEqual(`${from?.port}`, last(row["udp.srcport"] || row["tcp.srcport"]), where)
  assert.strictEqual(`${to?.port}`, last(row["udp.dstport"] || row["tcp.dstport"]), where)
  if (packet.tcp === undefined) return
  assert.strictEqual(`${packet.payload.length + (packet.missingBytes ?? 0)}`, row["tcp.len"], where)
}

/** Asserts that a file without errors is read as tshark reads it, and returns its packets. */
const assertFile = Effect.fnUntraced(function* (file: string, name = Path.basename(file)) {
  const { error, packets } = yield* Files.read(Fs.readFileSync(file))
  assert.isUndefined(error, name)
  const rows = tshark(file)
  assert.strictEqual(packets.length, rows.length, name)
  const count = /Number of packets = (\d+)|Number of packets:\s+(\d+)/.exec(run("capinfos", ["-c", "-M", file]))
  assert.strictEqual(`${packets.length}`, count?.[1] ?? count?.[2], name)
  for (const [i, row] of rows.entries()) assertSame(packets[i]!, row, `${name}, packet ${i + 1}`)
  return packets
})

const ends = (size: 4 | 16) => {
  const address = (last: number) =>
    Uint8Array.from({ length: size }, (_, i) => (i === size - 1 ? last : i === 0 ? 10 : 0))
  return { from: { address: address(1), port: 40_000 }, to: { address: address(2), port: 9_999 } }
}

const tcp = (size: 4 | 16, seq: number, flags: number, text: string) =>
  Ip.encode({
    ...ends(size),
    payload: Files.encode(text),
    tcp: { seq, ack: 1, flags, window: 512, options: (flags & 2) === 0 ? new Uint8Array(0) : Ip.synOptions(size) },
    id: 7
  })

/** IP packets of several kinds and lengths. */
const packets: ReadonlyArray<Uint8Array> = [
  Ip.encode({ ...ends(4), payload: Files.encode("datagram"), id: 1 }),
  tcp(4, 100, 2, ""),
  tcp(4, 101, 16, "segment"),
  tcp(4, 200, 2, ""),
  Ip.encode({ ...ends(16), payload: new Uint8Array(0), id: 0 }),
  tcp(16, 100, 16, "segment over IPv6")
]
const v4 = packets.filter((packet) => packet[0]! >> 4 === 4)

const framesOf = (all: ReadonlyArray<Uint8Array>, head = ""): ReadonlyArray<Files.Frame> =>
  all.map((ip, i) => ({ bytes: concat(hex(head), ip), micros: 1_700_000_000_000_000 + 1_001 * i }))

const addresses = "020000000001 020000000002"
const stationAddresses = `${addresses} 020000000003`

/** Heads of frames with IPv4, by link type. */
const heads: ReadonlyArray<readonly [linkType: number, head: string]> = [
  [0, "02000000"],
  [1, `${addresses} 0800`],
  [1, `${addresses} 8100 0007 0800`],
  [1, `${addresses} 8100 0005 8100 0006 0800`],
  [1, `${addresses} 88a8 0005 8100 0006 0800`],
  [1, `${addresses} 8847 0001 01ff`],
  [9, "ff03 0021"],
  [9, "0021"],
  [12, ""],
  [50, "ff03 0021"],
  [101, ""],
  [104, "0f00 0800"],
  [105, `0801 0000 ${stationAddresses} 1000 aaaa03 000000 0800`],
  [105, `8801 0000 ${stationAddresses} 1000 0000 aaaa03 000000 0800`],
  [107, "1841 03 cc"],
  [108, "00000002"],
  [113, "0000 0001 0006 020000000001 0000 0800"],
  [228, ""],
  [276, "0800 0000 00000001 0001 00 06 020000000001 0000"]
]

const write = (directory: string, name: string, bytes: Uint8Array) => {
  const file = Path.join(directory, name)
  Fs.writeFileSync(file, bytes)
  return file
}

describe.skipIf(missing.length > 0)(title, () => {
  it.live("of every format are read as tshark reads them", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const frames = framesOf(packets)
      const files: Readonly<Record<string, Uint8Array>> = {
        "micros-be.pcap": Files.pcap(frames, { littleEndian: false }),
        "micros-le.pcap": Files.pcap(frames, { littleEndian: true }),
        "nanos-be.pcap": Files.pcap(frames, { littleEndian: false, resolution: 9 }),
        "nanos-le.pcap": Files.pcap(frames, { littleEndian: true, resolution: 9 }),
        "modified.pcap": Files.pcap(frames, { littleEndian: true, isModified: true }),
        "enhanced-be.pcapng": Files.pcapng(frames, false),
        "enhanced-le.pcapng": Files.pcapng(frames),
        "obsolete-be.pcapng": Files.pcapng(frames, false, true),
        "obsolete-le.pcapng": Files.pcapng(frames, true, true),
        "sections.pcapng": concat(Files.pcapng(frames, false), Files.pcapng(frames))
      }
      for (const [name, bytes] of Object.entries(files)) yield* assertFile(write(directory, name, bytes))
    }).pipe(Effect.scoped)
  )

  it.live("with interfaces of each link type are read as tshark reads them", () =>
    Effect.gen(function* () {
      const blocks = heads.flatMap(([, head], i) =>
        framesOf(v4, head).map((frame) => Files.packet(frame, true, false, i))
      )
      const interfaces = heads.map(([linkType]) => Files.networkInterface(linkType))
      const bytes = concat(Files.section(), ...interfaces, ...blocks)
      const read = yield* assertFile(write(yield* temporary, "types.pcapng", bytes))
      assert.strictEqual(read.length, heads.length * v4.length)
      for (const { problems } of read) assert.deepStrictEqual(problems, [])
    }).pipe(Effect.scoped)
  )

  it.live("that editcap, mergecap, tcpdump, gzip and zstd have written are read", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const at = (name: string) => Path.join(directory, name)
      const input = write(directory, "input.pcapng", Files.pcapng(framesOf(v4, `${addresses} 0800`), true, false, 1))
      const expected = yield* assertFile(input)
      for (const format of ["pcap", "nsecpcap", "modpcap", "pcapng"]) {
        run("editcap", ["-F", format, input, at(format)])
        const read = yield* assertFile(at(format))
        assert.deepStrictEqual(
          read.map(({ payload }) => payload),
          expected.map(({ payload }) => payload)
        )
      }
      run("editcap", ["-F", "pcap", "-s", "50", input, at("snapped.pcap")])
      yield* assertFile(at("snapped.pcap"))
      run("mergecap", ["-w", at("merged.pcapng"), input, at("pcap"), at("nsecpcap")])
      assert.strictEqual((yield* assertFile(at("merged.pcapng"))).length, 3 * v4.length)
      run("tcpdump", ["-r", at("pcap"), "-w", at("tcpdump.pcap"), "tcp"])
      assert.isTrue((yield* assertFile(at("tcpdump.pcap"))).every(({ protocol }) => protocol === "TCP"))
      run("gzip", ["-k", "-f", input])
      yield* assertFile(at("input.pcapng.gz"))
      if (isMissing("zstd")) return
      run("zstd", ["-q", "-f", input, "-o", at("input.zst")])
      const { error, packets } = yield* Files.read(Fs.readFileSync(at("input.zst")))
      assert.isUndefined(error)
      assert.deepStrictEqual(packets, expected)
    }).pipe(Effect.scoped)
  )

  it.live("that text2pcap has made of text are read", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const file = Path.join(directory, "text.pcapng")
      const input = Path.join(directory, "text")
      Fs.writeFileSync(input, "0000  68 65 6c 6c 6f\n0005\n0000  77 6f 72 6c 64\n0005\n")
      run("text2pcap", ["-q", "-u", "1000,2000", input, file])
      const read = yield* assertFile(file)
      assert.deepStrictEqual(
        read.map(({ payload }) => new TextDecoder().decode(payload)),
        ["hello", "world"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("with streams of TCP number them as tshark does, also when ports are used again", () =>
    Effect.gen(function* () {
      const file = write(yield* temporary, "streams.pcap", Files.pcap(framesOf(packets), { littleEndian: true }))
      const streams = TcpStreams.make()
      const numbers = (yield* assertFile(file)).map((packet) => {
        streams.add(packet)
        return `${streams.streamOf(packet) ?? ""}`
      })
      assert.deepStrictEqual(
        numbers,
        tshark(file).map((row) => row["tcp.stream"])
      )
    }).pipe(Effect.scoped)
  )
})
