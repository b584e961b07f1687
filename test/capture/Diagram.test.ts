import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Diagram from "../../src/capture/Diagram.ts"
import * as Payload from "../../src/capture/Payload.ts"
import type { Dissector, ObservedPacket } from "../../src/network/Packet.ts"

const encode = (text: string) => new TextEncoder().encode(text)

const packet = (
  from: string,
  to: string,
  text: string,
  at: number,
  more: Partial<ObservedPacket> = {}
): ObservedPacket => ({
  transport: "udp",
  kind: "datagram",
  from: { address: from, port: 9 },
  to: { address: to, port: 9 },
  bytes: encode(text),
  at: BigInt(at) * 1_000_000n,
  host: from,
  ...more
})

const shout: Dissector = {
  name: "shout",
  dissect: ({ bytes }) => (bytes[0] === 0x21 ? { kind: "SHOUT", summary: "a shout" } : undefined)
}

const run = [
  packet("10.0.0.1", "10.0.0.2", "hello", 0, { arrives: 20_000_000n }),
  packet("10.0.0.2", "10.0.0.1", "!", 20, { fault: "drop", lost: true }),
  packet("10.0.0.2", "10.0.0.3", "\x00\xff", 30, { fault: "delay 5ms", arrives: 55_000_000n })
]

describe("Diagram", () => {
  it("draws a host whose address is the name of a property of all objects", () => {
    const drawn = Diagram.text([packet("constructor", "10.0.0.2", "hello", 0)], { names: { "10.0.0.2": "server" } })
    assert.match(drawn, /constructor +server/)
  })

  it("draws hosts as columns and the arrow of a lost packet with an x", () => {
    const drawn = Diagram.text(run, { names: { "10.0.0.1": "client" }, dissectors: [shout], width: 90 })
    assert.strictEqual(
      drawn,
      `${[
        "               client      10.0.0.2     10.0.0.3",
        '   0.000000       |----------->|            |        "hello"',
        "   0.020000       |      x-----|            |        a shout [drop, lost]",
        "   0.030000       |            |----------->|        3 bytes [delay 5ms, arrives 0.055000]"
      ].join("\n")}\n`
    )
  })

  it("escapes the syntax of Mermaid in payloads and host names", () => {
    const evil = packet("10.0.0.1", "10.0.0.2", "end; %%#\n<b>", 40)
    assert.strictEqual(
      Diagram.mermaid([...run.slice(0, 2), evil], { names: { "10.0.0.2": "a;b" } }),
      `${[
        "sequenceDiagram",
        "  participant h0 as 10.0.0.1",
        "  participant h1 as a#59;b",
        '  h0->>h1: 0.000000 "hello"',
        '  h1-xh0: 0.020000 "!" [drop, lost]',
        '  h0->>h1: 0.040000 "end#59; #37;#37;#35;#92;n#60;b#62;"'
      ].join("\n")}\n`
    )
  })

  it("draws the ports as columns if all packets stay on one host", () => {
    const one = packet("127.0.0.1", "127.0.0.1", "x", 0, { from: { address: "127.0.0.1", port: 1 } })
    assert.include(Diagram.text([one]), "127.0.0.1:9")
  })

  it("keeps the ports of addresses that are wider than their column", () => {
    const endpoints = [49_460, 49_461, 49_462, 69].map((port) => ({ address: "127.0.0.1", port }))
    const packets = endpoints.slice(1).map((to) => packet("", "", "x", 0, { from: endpoints[0]!, to }))
    const [heading] = Diagram.text(packets, { width: 90 }).split("\n")
    assert.deepStrictEqual(heading!.trim().split(/ +/), ["…1:49460", "…1:49461", "…1:49462", "….0.1:69"])
  })

  it("counts packets beyond maxPackets and beyond the maximum number of hosts", () => {
    const many = Array.from({ length: 1_000 }, (_, i) => packet("10.0.0.1", "10.0.0.2", `${i}`, i))
    const lines = Diagram.text(many, { maxPackets: 10 }).trimEnd().split("\n")
    assert.strictEqual(lines.length, 12)
    assert.include(lines[6], "... 990 packets omitted ...")
    assert.include(lines.at(-1), '"999"')
    const manyHosts = Array.from({ length: 50 }, (_, i) => packet("10.0.0.1", `10.0.1.${i}`, "x", i))
    assert.include(Diagram.text(manyHosts), "... 43 packets omitted ...")
    assert.strictEqual(Diagram.text([]), "no packets\n")
  })

  it("names the hosts that have no column", () => {
    const many = Array.from({ length: 50 }, (_, i) => packet("10.0.0.1", `10.0.1.${i}`, "x", i))
    assert.strictEqual(
      Diagram.text(many, { width: 80 }).trimEnd().split("\n").at(-1),
      "left out: 10.0.1.5 (1 packet), 10.0.1.6 (1 packet) and 43 hosts more"
    )
    const ports = many.map((one, port) => ({ ...one, to: { ...one.from, port } }))
    assert.match(Diagram.text(ports, { width: 80 }), /^left out: .* and \d+ endpoints more$/m)
    assert.match(Diagram.mermaid(many), /Note over h0,h15: left out#58; 10\.0\.1\.15 \(1 packet\)/)
  })

  it("numbers the hosts where no part of their names tells them apart", () => {
    const [one, other] = ["2001:db8::1111:1:2222:2222", "2001:db8::1111:3:2222:2222"]
    const lines = Diagram.text([packet(one!, other!, "x", 0)], { width: 60 }).split("\n")
    assert.notStrictEqual(lines[0], "")
    const names = Array.from({ length: 5 }, (_, i) => `${"long".repeat(20)}${i}${"name".repeat(20)}`)
    const drawn = Diagram.text(
      names.map((name) => packet(names[0]!, name, "x", 0)),
      { width: 60 }
    )
    assert.match(drawn, /^1 = long/)
    for (const line of drawn.split("\n")) assert.isAtMost(line.length, 60)
  })

  const Text = Schema.Array(Schema.String)
  const Width = Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 400 }))
  it.effect.prop("draws no line wider than `width` and no control character", [Text, Width], ([texts, width]) =>
    Effect.sync(() => {
      const all = texts.map((text, i) => packet(`10.0.0.${i % 40}`, text, text, i * 1e6, { fault: text }))
      for (const line of Diagram.text(all, { width }).split("\n")) {
        assert.isAtMost(Array.from(line).length, width)
        assert.notMatch(line, /\p{Cc}/u)
      }
      for (const line of Diagram.mermaid(all).split("\n")) assert.notMatch(line, /[\p{Cc};](?<!#\d+;)/u)
    })
  )

  const Ports = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 })))
  it.effect.prop("labels the ports of one host distinctly at any width", [Ports, Width], ([ports, width]) =>
    Effect.sync(() => {
      const from = { address: "192.168.100.200", port: 69 }
      const all = ports.map((port, i) => packet("", "", "x", i, { from, to: { ...from, port } }))
      if (all.length === 0) return
      const [heading] = Diagram.text(all, { width }).split("\n")
      const labels = heading!.trim().split(/ +/)
      assert.strictEqual(new Set(labels).size, labels.length)
      const shown = [69, ...ports].filter((port) => labels.some((label) => label.endsWith(`:${port}`)))
      assert.strictEqual(new Set(shown).size, Math.min(Math.floor((width - 30) / 8), new Set([69, ...ports]).size))
    })
  )
})

describe("Payload", () => {
  const summary = (bytes: Uint8Array) => Payload.summary(packet("10.0.0.1", "10.0.0.2", "", 0, { bytes }))

  it("quotes text, truncates long text, and prints the length of other bytes", () => {
    assert.strictEqual(summary(encode("Hello\r\n")), '"Hello\\r\\n"')
    assert.strictEqual(summary(encode("Hello\0")), '"Hello\\u0000"')
    assert.strictEqual(summary(encode("é".repeat(300))), `"${"é".repeat(40)}"... 600 bytes`)
    assert.strictEqual(summary(encode(`x${"é".repeat(300)}`)), `"x${"é".repeat(39)}"... 601 bytes`)
    assert.strictEqual(summary(encode("é").subarray(0, 1)), "1 byte")
    assert.strictEqual(summary(encode("né").subarray(0, 2)), '"n"')
    assert.strictEqual(summary(Uint8Array.of(0, 1)), "2 bytes")
    assert.strictEqual(summary(Uint8Array.of(0xff)), "1 byte")
    assert.strictEqual(summary(encode("\u001b[2J")), "4 bytes")
    assert.strictEqual(summary(encode("a\u202eb")), '"a\\u202eb"')
    assert.strictEqual(summary(new Uint8Array(0)), "0 bytes")
    assert.strictEqual(summary(encode("after a failure")), '"after a failure"')
  })
})
