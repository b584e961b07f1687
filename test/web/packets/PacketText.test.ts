import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { captureDissectors } from "../../../src/cli/run/common/dissectors.ts"
import * as Protocol from "../../../src/farm/tcp/wire/Protocol.ts"
import type * as NetworkPacket from "../../../src/network/Packet.ts"
import * as CourseProtocol from "../../../src/primes/CourseProtocol.ts"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import * as PacketText from "../../../src/web/packets/PacketText.ts"

const client = { address: "10.0.0.2", port: 4_000 }

/** Makes a reader of the packets of a service, each from the client unless it is a reply. */
const reader = (service: PacketText.Service) => {
  const state = PacketText.make(captureDissectors, service)
  const server = { address: "10.0.0.1", port: service.port }
  const read = (bytes: Uint8Array | string, kind: NetworkPacket.Kind, fromClient: boolean, port = service.port) => {
    const own = { ...server, port }
    return PacketText.read(state, {
      ...{ transport: service.protocol, kind, fromClient },
      ...(fromClient ? { from: client, to: own } : { from: own, to: client }),
      bytes: typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes
    })
  }
  return { state, read }
}

const frame = (message: object) => {
  const bytes = new TextEncoder().encode(JSON.stringify(message))
  return Uint8Array.of(0, 0, 0, bytes.length, ...bytes)
}

describe("PacketText", () => {
  it("reads a service on any port by the dissector of its name", () => {
    const { read } = reader({ name: "rot13", protocol: "tcp", port: 40_000 })
    assert.deepInclude(read("", "syn", true), { kind: "syn", label: "SYN" })
    assert.deepInclude(read("Hello\n", "data", true), { kind: "REQUEST", label: 'request "Hello"' })
    assert.deepInclude(read("Uryyb\n", "data", false), { kind: "REPLY", label: 'reply "Uryyb"' })
    assert.deepInclude(read("", "fin", true), { kind: "fin", label: "FIN" })
  })

  it("tells the ends of a connection apart that have the same port", () => {
    const state = PacketText.make(captureDissectors, { name: "rot13", protocol: "tcp", port: 50_000 })
    const [near, far] = ["10.0.0.2", "10.0.0.1"].map((address) => ({ address, port: 50_000 }))
    const read = (kind: NetworkPacket.Kind, text: string, from = near!, to = far!) =>
      PacketText.read(state, { transport: "tcp", kind, from, to, bytes: Buffer.from(text), fromClient: true }).kind
    const kinds = [read("syn", ""), read("data", "Hello"), read("data", "Uryyb", far, near), read("data", "x")]
    assert.deepStrictEqual(kinds, ["syn", "REQUEST", "REPLY", "REQUEST"])
  })

  it("says of a TFTP request that it is answered from another port", () => {
    const { read } = reader({ name: "boot", protocol: "udp", port: 6_969 })
    const request = Packet.encode({ _tag: "RRQ", filename: "pxe", mode: "octet", options: [] })
    assert.deepStrictEqual(read(request, "datagram", true), {
      ...{ kind: "RRQ", label: "RRQ pxe octet", expectsOtherPort: true }
    })
    const data = Packet.encode({ _tag: "DATA", block: 1, bytes: new Uint8Array(5) })
    assert.deepStrictEqual(read(data, "datagram", false, 50_000), {
      ...{ kind: "DATA", label: "DATA block 1, 5 bytes", expectsOtherPort: false }
    })
  })

  it("tells farms and the course's clients of one port apart", () => {
    const { read } = reader({ name: "primes", protocol: "tcp", port: 1_070 })
    assert.deepInclude(read(CourseProtocol.encodeRequest({ min: 0, max: 10 }), "data", true), {
      label: "count 0 to 10"
    })
    assert.deepInclude(read(CourseProtocol.encodeResponse(4), "data", false), { kind: "RESPONSE", label: "4" })
    read("", "syn", true)
    const hello = frame({ _tag: "Hello" })
    assert.deepInclude(read(Uint8Array.of(...Protocol.preamble, ...hello), "data", true), { kind: "HELLO" })
  })

  it("names the frames of a farm whose beginning was not seen, and guesses no other protocol", () => {
    const { read } = reader({ name: "primes", protocol: "tcp", port: 1_070 })
    const rest = new Uint8Array(400).fill(7)
    assert.deepInclude(read(rest, "data", false), { kind: "data", label: "400 bytes" })
    assert.deepInclude(read(rest, "data", true), { kind: "data", label: "400 bytes" })
    const done = Uint8Array.of(0, 0, 0, 20, 2, 0, 0, 0, 8, ...new Uint8Array(15))
    assert.deepInclude(read(done, "data", false), { kind: "DONE", label: "Done 8, 20 bytes" })
    const work = Uint8Array.of(0, 0, 0, 15, 1, 0, 0, 0, 9, ...new Uint8Array(10))
    const both = read(Uint8Array.of(...work, ...frame({ _tag: "Ping" })), "data", true)
    assert.deepInclude(both, { kind: "WORK", label: "Work 9, 15 bytes; Ping, 15 bytes" })
    assert.deepInclude(read(done.subarray(0, 7), "data", false), { label: "7 bytes" })
    assert.deepInclude(read(done.subarray(7), "data", false), { label: "Done 8, 20 bytes" })
  })

  it("puts together a message that spans two pieces, unless packets between them were skipped", () => {
    const { read, state } = reader({ name: "primes", protocol: "tcp", port: 1_070 })
    const ping = frame({ _tag: "Ping" })
    read("", "syn", true)
    read(Uint8Array.from(Protocol.preamble), "data", true)
    assert.deepInclude(read(ping.subarray(0, 6), "data", true), { kind: "data", label: "6 bytes" })
    assert.deepInclude(read(ping.subarray(6), "data", true), { kind: "PING", label: "Ping, 15 bytes" })
    assert.deepInclude(read(ping.subarray(0, 6), "data", true), { kind: "data", label: "6 bytes" })
    PacketText.skip(state)
    assert.deepInclude(read(ping.subarray(9), "data", true), { kind: "data" })
    assert.deepInclude(read(ping, "data", true), { kind: "PING", label: "Ping, 15 bytes" })
  })

  it("reads an unknown payload as text or by its length", () => {
    const { read } = reader({ name: "x", protocol: "tcp", port: 9 })
    assert.deepInclude(read("hi \u001b[2J<b>", "data", true), { kind: "data", label: "10 bytes" })
    assert.deepInclude(read("hi <b>", "data", true), { kind: "data", label: '"hi <b>"' })
  })

  it("forgets the oldest of too many connections", () => {
    const { state } = reader({ name: "rot13", protocol: "tcp", port: 1_067 })
    for (let port = 1; port <= 3_000; port++) {
      const from = { address: "10.0.0.2", port }
      const to = { address: "10.0.0.1", port: 1_067 }
      PacketText.read(state, { transport: "tcp", kind: "syn", from, to, bytes: new Uint8Array(0), fromClient: true })
    }
    assert.isAtMost(state.conversations.entries.size, 1_024)
  })

  it.prop(
    "is one short line that is safe to show, whatever the bytes",
    [
      Schema.Uint8Array,
      Schema.Literals(captureDissectors.map(({ name }) => name)),
      Schema.Literals(["tcp", "udp"]),
      Schema.Array(Schema.Boolean)
    ],
    ([bytes, name, protocol, directions]) => {
      const { read } = reader({ name, protocol, port: 1_234 })
      for (const fromClient of [true, ...directions]) {
        const { kind, label } = read(bytes, protocol === "tcp" ? "data" : "datagram", fromClient)
        assert.isAtMost(label.length, 203)
        assert.notMatch(`${kind}${label}`, /[\p{Cc}\u2028\u2029\u202a-\u202e]/u)
      }
    }
  )
})
