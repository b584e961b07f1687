/** Round-trip times of captures by a tap, which makes the acknowledgements: `capture read` does not show them. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CaptureWriter from "../../../../src/capture/CaptureWriter.ts"
import * as Ip from "../../../../src/capture/Ip.ts"
import * as Pcapng from "../../../../src/capture/Pcapng.ts"
import type { Kind } from "../../../../src/network/Packet.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"

const client = { address: "10.0.0.1", port: 4000 }
const server = { address: "10.0.0.2", port: 7 }
const millis = 1_000_000n

/** A file of a tap, with a reply after 600 ms. */
const tapFile = () => {
  const writer = CaptureWriter.make()
  const packet = (from: typeof client, kind: Kind, at: bigint, text = "") =>
    writer.tap({
      ...{ transport: "tcp", kind, from, to: from === client ? server : client, host: "client" },
      at: at * millis,
      bytes: new TextEncoder().encode(text)
    })
  packet(client, "syn", 0n)
  packet(server, "synack", 1n)
  packet(client, "ack", 2n)
  packet(client, "data", 3n, "hello")
  packet(server, "data", 603n, "uryyb")
  return Buffer.concat(writer.finish())
}

/** A file of dumpcap: the acknowledgement comes after 20 ms. */
const wireFile = () => {
  const encode = Pcapng.encode()
  const packet = (from: typeof client, at: bigint, seq: number, ack: number, text: string) => {
    const [source, destination] = [from, from === client ? server : client].map(({ address, port }) => ({
      address: Uint8Array.from(address.split("."), Number),
      port
    }))
    const bytes = Ip.encode({
      from: source!,
      to: destination!,
      id: 0,
      payload: new TextEncoder().encode(text),
      tcp: { seq, ack, flags: Ip.flag.ack, window: 512, options: new Uint8Array(0) }
    })
    const fields = { interface: 0, at: at * millis, bytes, originalLength: bytes.length, comments: [] }
    return encode({ _tag: "Packet", ...fields })
  }
  return Buffer.concat([
    encode({ _tag: "Section", application: "Dumpcap (Wireshark) 4.0.17" }),
    encode({ _tag: "Interface", linkType: Pcapng.LINKTYPE_RAW, snapLength: 0, name: "tun0", timestampResolution: 9 }),
    packet(client, 0n, 100, 500, "hello"),
    packet(server, 20n, 500, 105, "")
  ])
}

const note = /^effect-inet: .*: acknowledgements are made by the tap: no round-trip times$/m

/** Returns what `capture read` says about a file. */
const look = Effect.fnUntraced(function* (file: string) {
  const read = (...flags: ReadonlyArray<string>) => Cli.runInProcess(["capture", "read", file, ...flags])
  const lines = (text: string) => text.split("\n").filter((line) => line !== "")
  const text = yield* read("--statistics")
  const { stdout: json } = yield* read("--statistics", "--json")
  const { stdout: packets } = yield* read("--json")
  const { stdout: filtered } = yield* read("--filter", "tcp.analysis.ack_rtt or tcp.analysis.initial_rtt")
  return {
    note: note.exec(text.stderr)?.length ?? 0,
    conversations: (JSON.parse(json) as { conversations: ReadonlyArray<{ rtt?: unknown; handshake?: string }> })
      .conversations,
    rtts: lines(packets).flatMap((line) => (JSON.parse(line) as { rtt?: string }).rtt ?? []),
    filtered: lines(filtered).length
  }
})

const withFile = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const { inRoot } = yield* directory()
    Fs.writeFileSync(inRoot("x.pcapng"), bytes)
    return yield* look(inRoot("x.pcapng"))
  }).pipe(Effect.scoped)

const hasMergecap = ChildProcess.spawnSync("which", ["mergecap"]).status === 0

describe("round-trip times", () => {
  it.live("of a tap are not shown, with one note", () =>
    Effect.gen(function* () {
      const { conversations, filtered, note, rtts } = yield* withFile(tapFile())
      assert.deepStrictEqual([note, filtered, rtts], [1, 0, []])
      assert.strictEqual(conversations.length, 1)
      assert.isUndefined(conversations[0]!.rtt)
      assert.isUndefined(conversations[0]!.handshake)
    })
  )

  it.live("of another program are shown, without the note", () =>
    Effect.gen(function* () {
      const { conversations, filtered, note, rtts } = yield* withFile(wireFile())
      assert.deepStrictEqual([note, filtered, rtts], [0, 1, ["0.020000000"]])
      assert.deepInclude(conversations[0]!.rtt, { count: 1, min: "0.020000000" })
    })
  )

  it.live.skipIf(!hasMergecap)(`of a tap are not shown after mergecap${hasMergecap ? "" : " (skipped: missing)"}`, () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const [tap, wire, merged] = [inRoot("tap.pcapng"), inRoot("wire.pcapng"), inRoot("merged.pcapng")]
      Fs.writeFileSync(tap, tapFile())
      Fs.writeFileSync(wire, wireFile())
      ChildProcess.execFileSync("mergecap", ["-a", "-w", merged, tap, tap])
      assert.deepInclude(yield* look(merged), { note: 1, filtered: 0, rtts: [] })
      ChildProcess.execFileSync("mergecap", ["-a", "-w", merged, wire, tap])
      assert.deepInclude(yield* look(merged), { note: 1, rtts: ["0.020000000"] })
    }).pipe(Effect.scoped)
  )
})
