/** Captures read by tshark: sequence numbers, checksums, comments, times. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Capture from "../../src/capture/Capture.ts"
import * as CaptureWriter from "../../src/capture/CaptureWriter.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import type { Kind, ObservedPacket } from "../../src/network/Packet.ts"
import * as Rot13 from "../../src/rot13/Rot13.ts"
import * as Rot13Client from "../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../src/rot13/Rot13Server.ts"
import * as Rot13Udp from "../../src/rot13/Rot13Udp.ts"
import * as Simulation from "../../src/simulation/Simulation.ts"
import { assertNoLeaks } from "../support/Handles.ts"
import { outcome, pseudoRandomBytes, readAll } from "../support/Hosts.ts"

const missing = ["tshark", "capinfos"].filter(
  (command) => ChildProcess.spawnSync(command, ["--version"]).error !== undefined
)
const hasIpv6 = Object.values(Os.networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"))

const temporary = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true }))
)

const checksumOptions = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"].flatMap((name) => [
  "-o",
  `${name}:TRUE`
])

const run = (command: string, args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = ChildProcess.spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 28 })
  assert.strictEqual(status, 0, stderr)
  return stdout
}

/** Returns fields of the packets that match a display filter. */
const rows = (file: string, filter: string, fields: ReadonlyArray<string>, more: ReadonlyArray<string> = []) =>
  run("tshark", [
    "-r",
    file,
    "-n",
    ...more,
    ...checksumOptions,
    "-Y",
    filter,
    "-T",
    "fields",
    ...fields.flatMap((name) => ["-e", name])
  ])
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"))

/** Display filters of defects. The start and end of a connection are notes of Wireshark, not warnings. */
const problemFilters = [
  "tcp.analysis.flags",
  "_ws.malformed",
  "_ws.expert.severity >= 0x600000",
  "ip.checksum.status != 1",
  "tcp.checksum.status != 1",
  "udp.checksum.status != 1",
  "frame.time_delta < 0"
]

const problemFields = ["frame.number", "_ws.expert.message", "_ws.col.Info"]

/** Asserts that a capture has no defects, except packets that match `allowed`, and is in the order of time. */
const assertClean = (file: string, allowed?: string) => {
  const problems = problemFilters.join(" || ")
  const filter = allowed === undefined ? problems : `(${problems}) && !(${allowed})`
  assert.deepStrictEqual(rows(file, filter, problemFields), [])
}

/** As `assertClean`; returns the bytes of both directions of the first stream, as reassembled by tshark. */
const followClean = (file: string) => {
  const lines = rows(file, problemFilters.join(" || "), problemFields, ["-z", "follow,tcp,raw,0"])
  const end = lines.findIndex(([text]) => /^=+$/.test(text!))
  assert.deepStrictEqual(lines.slice(0, end), [])
  const join = (pieces: ReadonlyArray<string | undefined>) =>
    Buffer.from(pieces.filter((piece) => /^[0-9a-f]+$/.test(piece ?? "")).join(""), "hex")
  // What the second end sends is indented.
  return { sent: join(lines.map(([text]) => text)), received: join(lines.map(([, text]) => text)) }
}

/** Runs a program on a captured network and returns the path of the file. */
const capture = Effect.fnUntraced(function* (
  program: Effect.Effect<unknown, unknown, Network.Network | Scope.Scope>,
  network: Layer.Layer<Network.Network> = NodeNetwork.layer
) {
  const file = Path.join(yield* temporary, "out.pcapng")
  const layer = Capture.layer(file).pipe(Layer.provide([network, NodeFileSystem.layer]))
  yield* assertNoLeaks(
    Effect.scoped(program).pipe(
      Effect.provide(layer, { local: true }),
      Effect.provideService(References.MinimumLogLevel, "Warn")
    )
  )
  return file
})

/** Runs an effect on a network that is not captured. */
const uncaptured = <A, E>(server: Effect.Effect<A, E, Network.Network | Scope.Scope>) =>
  Effect.provide(server, NodeNetwork.layer)

const sizes = [1, 2 ** 20]
const sent = Buffer.concat(sizes.map((size) => pseudoRandomBytes(size)))

/** A client that sends two messages, half-closes and waits for the server's FIN; one end or both are captured. */
const exchange = (host: string, captured: string) =>
  Effect.gen(function* () {
    const server = Rot13Server.make({ host, port: 0 })
    const { address } = yield* captured === "client" ? uncaptured(server) : server
    const client = Effect.gen(function* () {
      const connection = yield* (yield* Network.Network).connect(address)
      for (const size of sizes) yield* Rot13Client.request(connection, pseudoRandomBytes(size))
      yield* connection.end
      assert.strictEqual((yield* readAll(connection)).length, 0)
    })
    yield* captured === "server" ? uncaptured(client) : client
  })

/** Sends one datagram and waits for the reply. */
const request = Effect.fnUntraced(function* (host: string, text: string) {
  const network = yield* Network.Network
  const server = yield* Rot13Udp.serve({ host })
  const answer = yield* Deferred.make<void>()
  const client = yield* network.udp({ host }, () => Deferred.doneUnsafe(answer, Exit.void))
  yield* client.send(new TextEncoder().encode(text), { address: host, port: server.local.port })
  yield* Deferred.await(answer)
})

const reset = Effect.gen(function* () {
  const network = yield* Network.Network
  const listener = yield* network.listen({ port: 0 })
  const near = yield* network.connect(listener.address)
  const far = yield* listener.accept
  yield* near.write("hello")
  yield* far.pull
  yield* far.abort
  assert.strictEqual(yield* outcome(near.pull), "Reset")
})

const a = { address: "10.0.0.1", port: 40_000 }
const b = { address: "10.0.0.2", port: 69 }
const none: Uint8Array = new Uint8Array(0)

/** Writes packets to a capture file. */
const writeCapture = Effect.fnUntraced(function* (
  packets: ReadonlyArray<ObservedPacket>,
  options?: CaptureWriter.Options
) {
  const file = Path.join(yield* temporary, "out.pcapng")
  const writer = CaptureWriter.make(options)
  for (const packet of packets) writer.tap(packet)
  Fs.writeFileSync(file, Buffer.concat(writer.finish()))
  return file
})

/** The same exchange between two simulated hosts, then 40 datagrams; the server replies to each that arrives. */
const simulated = Effect.fnUntraced(function* (simulation: Simulation.Simulation) {
  const one = yield* simulation.host("server")
  const other = yield* simulation.host("client")
  const server = yield* Effect.provide(Rot13Server.make({ host: one.address, port: 0 }), one.layer)
  const udp = yield* Effect.provide(Rot13Udp.serve({ host: one.address, port: 7 }), one.layer)
  yield* Effect.gen(function* () {
    const network = yield* Network.Network
    const connection = yield* network.connect(server.address)
    yield* Rot13Client.request(connection, pseudoRandomBytes(100_000))
    yield* connection.end
    assert.strictEqual((yield* readAll(connection)).length, 0)
    const socket = yield* network.udp({ host: other.address }, () => {})
    for (let i = 0; i < 40; i++) {
      yield* socket.send(Uint8Array.of(i), { address: one.address, port: udp.local.port })
      yield* Effect.sleep("20 millis")
    }
  }).pipe(Effect.provide(other.layer))
})

const suiteTitle = missing.length === 0 ? "tshark" : `tshark (skipped: ${missing.join(" and ")} not installed)`

describe.skipIf(missing.length > 0)(suiteTitle, () => {
  // The family changes the headers only, not what is known of a connection from one of its ends.
  const endsOf = { "127.0.0.1": ["both", "client", "server"], "::1": hasIpv6 ? ["both"] : [] } as const
  for (const [host, ends] of Object.entries(endsOf)) {
    for (const captured of ends) {
      it.live(`${host}, ${captured}: follows 1 byte and 1 MiB both ways and a half-close`, () =>
        Effect.gen(function* () {
          const file = yield* capture(exchange(host, captured))
          const { received, sent: seen } = followClean(file)
          const ends = "tcp.flags.syn == 1 || tcp.flags.fin == 1 || tcp.flags.reset == 1"
          // Of a complete connection: SYN, SYN/ACK, ACK, data and FIN.
          assert.deepStrictEqual(
            rows(file, ends, ["tcp.flags.str", "tcp.completeness"], ["-2"]),
            ["··········S·", "·······A··S·", "·······A···F", "·······A···F"].map((flags) => [flags, "31"])
          )
          assert.strictEqual(Buffer.compare(seen, sent), 0)
          assert.strictEqual(Buffer.compare(received, Rot13.rotate(Uint8Array.from(sent))), 0)
        }).pipe(Effect.scoped)
      )
    }

    it.live.skipIf(ends.length === 0)(`${host}: reads a datagram and its reply`, () =>
      Effect.gen(function* () {
        const file = yield* capture(request(host, "Hello"))
        assertClean(file)
        const data = rows(file, "udp", ["data.data"]).map(([hex]) => Buffer.from(hex!, "hex").toString())
        assert.deepStrictEqual(data, ["Hello", "Uryyb"])
      }).pipe(Effect.scoped)
    )
  }

  it.live("reads a reset", () =>
    Effect.gen(function* () {
      const file = yield* capture(reset)
      // Wireshark marks every reset with a warning.
      assertClean(file, "tcp.flags.reset == 1 && !tcp.analysis.flags")
      const fields = ["tcp.flags.reset", "tcp.flags.fin"]
      assert.deepStrictEqual(rows(file, "tcp.flags.reset == 1 || tcp.flags.fin == 1", fields), [["1", "0"]])
    }).pipe(Effect.scoped)
  )

  it.live("reads a simulated run on a slow and lossy LAN, which is the same in two runs", () =>
    Effect.gen(function* () {
      const once = Effect.gen(function* () {
        const seen: Array<ObservedPacket> = []
        const tap = (packet: ObservedPacket) => void seen.push({ ...packet, bytes: packet.bytes.slice() })
        const link = { latency: ["1 millis", "9 millis"], loss: 0.05 } as const
        const report = yield* Simulation.run(simulated, { seed: 3, link, tap })
        assert.isTrue(Exit.isSuccess(report.exit), `${report.outcome} ${report.exit}`)
        return yield* writeCapture(seen, { names: { "10.0.0.1": "server" } })
      })
      const [file, again] = [yield* once, yield* once]
      assert.isTrue(Fs.readFileSync(file).equals(Fs.readFileSync(again)))
      const { received, sent: seen } = followClean(file)
      assert.strictEqual(Buffer.compare(seen, pseudoRandomBytes(100_000)), 0)
      assert.strictEqual(received.length, 100_000)
      const datagrams = rows(file, "udp", ["udp.dstport", "frame.comment"])
      const lost = datagrams.filter(([, comment]) => comment === "lost")
      assert.isAbove(lost.length, 0)
      assert.strictEqual(datagrams.length, 40 + 40 - lost.filter(([port]) => port === "7").length)
    }).pipe(Effect.scoped)
  )

  it.live("reads acknowledgements at the time of arrival, nanoseconds, and an interface per host", () =>
    Effect.gen(function* () {
      const latency = 20_000_000n
      let at = 1_700_000_000_123_456_789n
      const see = (kind: Kind, there: boolean, bytes = none): ObservedPacket => {
        at += 1_000_000n
        const [from, to, host] = there ? [a, b, "left"] : [b, a, "right"]
        return { transport: "tcp", kind, from, to, bytes, host, at, arrives: at + latency }
      }
      const handshake = [see("syn", true), see("synack", false), see("ack", true)]
      const middle = [0, 1, 2, 3].map((i) => see("data", i % 2 === 0, pseudoRandomBytes(100_000)))
      const file = yield* writeCapture([...handshake, ...middle, see("fin", true), see("fin", false)])
      assertClean(file)
      const fields = ["tcp.analysis.ack_rtt", "tcp.len", "tcp.flags.syn", "frame.time_epoch"]
      const packets = rows(file, "tcp", [...fields, "frame.interface_name", "ip.src"])
      const rtts = packets.filter(([rtt, length, syn]) => rtt !== "" && length === "0" && syn === "0")
      assert.isAbove(rtts.length, 4)
      for (const [rtt] of rtts.slice(1)) assert.strictEqual(Number(rtt), 0.02)
      assert.strictEqual(packets[0]![3], "1700000000.124456789")
      const names = new Set(packets.map((packet) => packet.slice(4).join(" ")))
      assert.deepStrictEqual([...names], ["left 10.0.0.1", "right 10.0.0.2"])
    }).pipe(Effect.scoped)
  )

  it.live("reads faults as comments, and the names of hosts", () =>
    Effect.gen(function* () {
      const datagram = {
        transport: "udp",
        kind: "datagram",
        from: a,
        to: b,
        host: "left",
        bytes: pseudoRandomBytes(20)
      } as const
      const file = yield* writeCapture(
        [
          { ...datagram, at: 1n },
          { ...datagram, at: 2n, fault: "drop", lost: true },
          { ...datagram, at: 3n, fault: "delay 20ms" }
        ],
        { names: { "10.0.0.1": "client", "10.0.0.2": "server" } }
      )
      assertClean(file)
      const comments = rows(file, "udp", ["frame.number", "frame.comment"])
      assert.deepStrictEqual(comments, [
        ["1", ""],
        ["2", "drop,lost"],
        ["3", "delay 20ms"]
      ])
      const info = run("tshark", ["-r", file, "-N", "n", "-c", "1"])
      assert.include(info, "client")
      assert.include(info, "server")
      assert.match(run("capinfos", [file]), /File type:\s+Wireshark\/... - pcapng/)
    }).pipe(Effect.scoped)
  )
})
