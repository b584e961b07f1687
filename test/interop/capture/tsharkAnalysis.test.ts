/**
 * Captures read by `capture read` and by tshark: notes on segments, round-trip times, streams and conversations are the
 * same, packet by packet.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TcpNote from "../../../src/capture/analysis/TcpNote.ts"
import * as Capture from "../../../src/capture/Capture.ts"
import * as CaptureWriter from "../../../src/capture/CaptureWriter.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import * as Rot13Client from "../../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../../src/rot13/Rot13Server.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import * as Simulation from "../../../src/simulation/Simulation.ts"
import * as Cli from "../../support/Cli.ts"
import { onWire } from "../../support/capture/OnWire.ts"
import * as TcpTraffic from "../../support/capture/TcpTraffic.ts"
import { directory } from "../../support/Directory.ts"
import { pseudoRandomBytes, readAll } from "../../support/Hosts.ts"

const isMissing = (command: string, ...args: ReadonlyArray<string>) =>
  ChildProcess.spawnSync(command, args).error !== undefined
const missing = isMissing("tshark", "--version") ? ["tshark"] : []

const tshark = (...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = ChildProcess.spawnSync("tshark", args, { encoding: "utf8", maxBuffer: 2 ** 28 })
  assert.strictEqual(status, 0, stderr)
  return stdout
}

/** Returns fields of all packets, one row for each. */
const rows = (file: string, fields: ReadonlyArray<string>) =>
  tshark("-r", file, "-n", "-T", "fields", "-E", "occurrence=f", ...fields.flatMap((name) => ["-e", name]))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"))

/**
 * Kinds of notes that are compared. An ACK of a segment that was not captured is not one: where ACKs of data that was
 * never sent follow duplicate ACKs, tshark 4.0 leaves out some of its notes.
 */
const kinds: ReadonlyArray<TcpNote.Kind> = TcpNote.all.filter((kind) => kind !== "reset" && kind !== "ackLostSegment")

const fields = [
  "frame.number",
  "tcp.stream",
  "tcp.analysis.duplicate_ack_num",
  "tcp.analysis.duplicate_ack_frame",
  "tcp.analysis.acks_frame",
  "tcp.analysis.ack_rtt",
  ...kinds.map((kind) => TcpNote.kinds[kind].filter)
]

/** A packet in the output of `capture read --json`. */
interface Shown {
  readonly number: number
  readonly protocol: string
  readonly stream?: number
  readonly analysis?: ReadonlyArray<TcpNote.Kind>
  readonly acknowledges?: number
  readonly rtt?: string
  readonly notes: ReadonlyArray<string>
}

const readJson = (file: string, ...args: ReadonlyArray<string>) =>
  Effect.map(Cli.runInProcess(["capture", "read", "--json", file, ...args]), ({ code, stderr, stdout }) => {
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown)
  })

/** Returns what tshark says about each packet, in the form of `ours`. */
const theirs = (file: string) =>
  rows(file, fields).map(([number, stream, duplicate, duplicateOf, acknowledges, rtt, ...flags]) => ({
    number: Number(number),
    stream,
    duplicate: duplicate === "" ? "" : `${duplicate} of packet ${duplicateOf}`,
    acknowledges,
    // Of equal times, tshark states none.
    rtt: rtt === "0.000000000" ? "" : rtt,
    kinds: kinds.filter((_, at) => flags[at] !== "")
  }))

/** Returns what `capture read` says about each packet. */
const ours = (packets: ReadonlyArray<Shown>) =>
  packets.map(({ acknowledges = "", analysis = [], notes, number, rtt = "", stream }) => {
    const duplicate = notes.map((note) => /^duplicate ACK (.*)$/.exec(note)?.[1]).find((text) => text !== undefined)
    // As in Wireshark, the fast and the spurious ones are retransmissions, too.
    const isRetransmission = analysis.some((kind) => TcpNote.isRetransmission({ kind }))
    return {
      number,
      stream: `${stream ?? ""}`,
      duplicate: duplicate ?? "",
      acknowledges: `${acknowledges}`,
      rtt: rtt === "0.000000000" ? "" : rtt,
      kinds: kinds.filter((kind) => analysis.includes(kind) || (kind === "retransmission" && isRetransmission))
    }
  })

/** Compares the notes of both on a capture; returns the number of packets with each kind of note. */
const compareNotes = Effect.fnUntraced(function* (file: string) {
  const packets = ours((yield* readJson(file)) as ReadonlyArray<Shown>)
  const expected = theirs(file)
  for (const [at, one] of expected.entries()) assert.deepStrictEqual(packets[at], one)
  assert.strictEqual(packets.length, expected.length)
  return (kind: TcpNote.Kind) => packets.filter((packet) => packet.kinds.includes(kind)).length
})

interface Direction {
  readonly packets: number
  readonly bytes: number
}

interface Statistics {
  readonly conversations: ReadonlyArray<{
    readonly stream: number
    readonly from: { readonly address: string; readonly port: number }
    readonly to: { readonly address: string; readonly port: number }
    readonly sent: Direction
    readonly received: Direction
    readonly start: string
    readonly duration: string
  }>
}

/** Line of the table of tshark: ends, packets and bytes from the second end, from the first one, both, and times. */
const conversationLine =
  /^(\S+):(\d+) +<-> (\S+):(\d+) +(\d+) (\d+) bytes +(\d+) (\d+) bytes +\d+ \d+ bytes +([\d.]+) +([\d.]+)$/

/** Compares the table of conversations; returns their number. */
const compareConversations = Effect.fnUntraced(function* (file: string) {
  const [statistics] = (yield* readJson(file, "--statistics")) as [Statistics]
  // The table of tshark states bytes from 10,000 on in kB: those of the packets are exact.
  const expected = new Map<string, [Direction, Direction]>()
  for (const [stream, from, length, protocol] of rows(file, ["tcp.stream", "ip.src", "frame.len", "tcp.srcport"])) {
    const [sent, received] = expected.get(stream!) ?? [
      { packets: 0, bytes: 0 },
      { packets: 0, bytes: 0 }
    ]
    const one = statistics.conversations.find((found) => `${found.stream}` === stream)!
    const isSent = one.from.address === from && `${one.from.port}` === protocol
    const add = ({ bytes, packets }: Direction) => ({ packets: packets + 1, bytes: bytes + Number(length) })
    expected.set(stream!, isSent ? [add(sent), received] : [sent, add(received)])
  }
  for (const { received, sent, stream } of statistics.conversations)
    assert.deepStrictEqual([sent, received], expected.get(`${stream}`))
  const table = tshark("-r", file, "-n", "-q", "-z", "conv,tcp").split("\n")
  const lines = table.filter((line) => line.includes("<->"))
  assert.strictEqual(statistics.conversations.length, lines.length)
  const ends = ({ from, to }: Statistics["conversations"][number]) =>
    `${from.address}:${from.port} ${to.address}:${to.port}`
  let compared = 0
  for (const line of lines) {
    const found = conversationLine.exec(line)
    if (found === null) continue
    const [, a, aPort, b, bPort, fromB, bytesFromB, fromA, bytesFromA, start, duration] = found
    const same = statistics.conversations.filter((one) =>
      [`${a}:${aPort} ${b}:${bPort}`, `${b}:${bPort} ${a}:${aPort}`].includes(ends(one))
    )
    const isMatch = (one: Statistics["conversations"][number]) => {
      const [sent, received] =
        one.from.address === a && `${one.from.port}` === aPort ? [one.sent, one.received] : [one.received, one.sent]
      return (
        `${sent.packets} ${sent.bytes} ${received.packets} ${received.bytes}` ===
          `${fromA} ${bytesFromA} ${fromB} ${bytesFromB}` &&
        Number(one.start).toFixed(6) === Number(start).toFixed(6) &&
        Math.abs(Number(one.duration) - Number(duration)) < 0.0001
      )
    }
    assert.isTrue(same.some(isMatch), `${line}\n${JSON.stringify(same)}`)
    compared++
  }
  return { conversations: lines.length, compared }
})

/** A piece in the output of `--follow --json`. */
interface Piece {
  readonly side: "client" | "server"
  readonly length?: number
  readonly missing?: number
}

/** The text that tshark 4.0 has among the bytes where some are missing. */
const gap = /\[\d+ bytes missing in capture file\]\0?/g

/** Returns the bytes of both directions of a stream as tshark follows it. */
const followedBytes = (file: string, stream: number) => {
  const lines = tshark("-r", file, "-n", "-q", "-z", `follow,tcp,raw,${stream}`).split("\n")
  const bytes = (pattern: RegExp) => {
    const all = Buffer.from(lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).join(""), "hex")
    return Buffer.from(all.toString("latin1").replaceAll(gap, ""), "latin1")
  }
  return [bytes(/^([0-9a-f]+)$/), bytes(/^\t([0-9a-f]+)$/)] as const
}

/** Compares the content of a stream, both directions. */
const compareContent = Effect.fnUntraced(function* (file: string, stream: number) {
  const [one, other] = followedBytes(file, stream)
  const raw = Effect.fnUntraced(function* (side: "client" | "server") {
    const { code, stderr, stdout } = yield* Cli.run([
      "capture",
      "read",
      file,
      "--follow",
      `${stream}`,
      "--follow-raw",
      side
    ])
    assert.strictEqual(code, 0, stderr)
    return stdout
  })
  const [client, server] = [yield* raw("client"), yield* raw("server")]
  // Without the SYN, the first end of tshark is the server.
  assert.isTrue(
    (client.equals(one) && server.equals(other)) || (client.equals(other) && server.equals(one)),
    `stream ${stream}: ${client.length} and ${server.length} bytes, of tshark ${one.length} and ${other.length}`
  )
  return { client, server }
})

const temporaryFile = Effect.map(directory(), ({ inRoot }) => inRoot("out.pcapng"))

/** Sends bytes to a rot13 server over each of several connections, of which two are open at a time. */
const exchange = (connections: number, bytes: number) =>
  Effect.gen(function* () {
    const server = yield* Rot13Server.make({ host: "127.0.0.1", port: 0 })
    const network = yield* Network.Network
    const once = Effect.scoped(
      Effect.gen(function* () {
        const connection = yield* network.connect(server.address)
        yield* Rot13Client.request(connection, pseudoRandomBytes(bytes))
        yield* connection.end
        yield* readAll(connection)
      })
    )
    yield* Effect.forEach(Array.from({ length: connections }), () => once, { concurrency: 2, discard: true })
  })

/** A network namespace whose loopback interface is slow and has a short queue, so that the kernel loses segments. */
const slowLoopback = "ip link set lo up mtu 1500 && tc qdisc add dev lo root tbf rate 30mbit burst 8k limit 12k"

/** A server that sends a megabyte to each of three clients, one after the other. */
const transfer = `
const net = require("node:net")
const server = net.createServer((socket) => socket.end(Buffer.alloc(1e6, "x")))
const next = (left) => {
  if (left === 0) return server.close()
  net.connect(server.address().port, "127.0.0.1").on("close", () => next(left - 1)).resume()
}
server.listen(0, "127.0.0.1", () => next(3))
`

const inNamespace = (script: string, ...args: ReadonlyArray<string>) =>
  ChildProcess.spawnSync("unshare", ["-n", "sh", "-ec", script, "sh", ...args], { encoding: "utf8" })

const canShape = missing.length === 0 && inNamespace(slowLoopback).status === 0 && !isMissing("tcpdump", "--version")

const title = missing.length === 0 ? "analysis beside tshark" : "analysis beside tshark (skipped: tshark not installed)"

describe.skipIf(missing.length > 0)(title, () => {
  for (const seed of [1, 2, 3]) {
    it.live(`notes, round trips, streams and conversations of 150 connections on a bad network, seed ${seed}`, () =>
      Effect.gen(function* () {
        const file = yield* temporaryFile
        Fs.writeFileSync(file, TcpTraffic.make({ seed, connections: 150, events: 60 }))
        const count = yield* compareNotes(file)
        for (const kind of kinds) assert.isAbove(count(kind), 0, kind)
        const { compared, conversations } = yield* compareConversations(file)
        assert.isAbove(conversations, 140)
        assert.isAbove(compared, 100)
      }).pipe(Effect.scoped)
    )
  }

  const shaped = "notes, round trips and content of connections whose segments the kernel loses"
  it.live.skipIf(!canShape)(canShape ? shaped : `${shaped} (skipped: no network namespace, tc or tcpdump)`, () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory()
      const file = inRoot("kernel.pcap")
      const script = `${slowLoopback}
        cd "$1"
        mkfifo started
        tcpdump -i lo -U --immediate-mode -Z root -w "$2" tcp 2> started & pid=$!
        exec 3< started
        read line <&3
        "$3" -e "$4"
        kill -INT $pid
        wait $pid`
      const { status, stderr } = inNamespace(script, root, file, process.execPath, transfer)
      assert.strictEqual(status, 0, stderr)
      const count = yield* compareNotes(file)
      assert.isAbove(count("retransmission"), 0)
      assert.isAbove(count("duplicateAck"), 0)
      const { conversations } = yield* compareConversations(file)
      assert.strictEqual(conversations, 3)
      const { server } = yield* compareContent(file, 2)
      // A segment that tcpdump did not see is a gap for both.
      const pieces = (yield* readJson(file, "--follow", "2")) as ReadonlyArray<Piece>
      const sum = (key: "length" | "missing") =>
        pieces.reduce((total, piece) => total + (piece.side === "server" ? (piece[key] ?? 0) : 0), 0)
      assert.strictEqual(sum("length"), server.length)
      assert.strictEqual(sum("length") + sum("missing"), 1e6)
    }).pipe(Effect.scoped)
  )

  it.live("notes and content of a simulated run with loss, duplicates and reordering", () =>
    Effect.gen(function* () {
      const writer = CaptureWriter.make()
      const program = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
        const one = yield* simulation.host("server")
        const other = yield* simulation.host("client")
        const server = yield* Effect.provide(Rot13Server.make({ host: one.address, port: 0 }), one.layer)
        yield* Effect.gen(function* () {
          const connection = yield* (yield* Network.Network).connect(server.address)
          yield* Rot13Client.request(connection, pseudoRandomBytes(50_000))
          yield* connection.end
          yield* readAll(connection)
        }).pipe(Effect.provide(other.layer))
      })
      const link = { latency: ["1 millis", "9 millis"], loss: 0.05 } as const
      const report = yield* Simulation.run(program, { seed: 3, link, tap: writer.tap })
      assert.isTrue(Exit.isSuccess(report.exit))
      const file = yield* temporaryFile
      Fs.writeFileSync(file, onWire(Buffer.concat(writer.finish())))
      yield* compareNotes(file)
      const { client } = yield* compareContent(file, 0)
      assert.isTrue(client.equals(pseudoRandomBytes(50_000)))
    }).pipe(Effect.scoped)
  )

  it.live("500 real connections over an impaired network are counted, followed and drawn", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      const plan = yield* Effect.fromResult(FaultPlanSyntax.parse("delay=20% 1ms..5ms, chunk=10%:700"))
      const capture = Capture.layer(file).pipe(Layer.provide([NodeNetwork.layer, NodeFileSystem.layer]))
      const layer = Impairment.layer(plan).pipe(Layer.provide(capture))
      yield* Effect.scoped(exchange(500, 5_000)).pipe(Effect.provide(layer, { local: true }))
      Fs.writeFileSync(file, onWire(Fs.readFileSync(file)))
      yield* compareNotes(file)
      const { conversations } = yield* compareConversations(file)
      assert.strictEqual(conversations, 500)
      const { client } = yield* compareContent(file, 499)
      assert.strictEqual(client.length, 5_000)
      const drawn = yield* Cli.runInProcess(["capture", "read", file, "--diagram", "text", "--width", "120"])
      const lines = drawn.stdout.trimEnd().split("\n")
      assert.isTrue(lines.every((line) => Array.from(line).length <= 120))
      assert.match(lines.at(-1)!, /^left out: 127\.0\.0\.1:\d+ /)
    }).pipe(Effect.scoped)
  )
})
