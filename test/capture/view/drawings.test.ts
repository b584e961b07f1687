/** The drawings of a capture: labels of hosts, terminal plot, SVG and HTML page. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Conversations from "../../../src/capture/analysis/Conversations.ts"
import * as TcpAnalysis from "../../../src/capture/analysis/TcpAnalysis.ts"
import * as HostLabels from "../../../src/capture/view/HostLabels.ts"
import * as HtmlPage from "../../../src/capture/view/HtmlPage.ts"
import * as Plot from "../../../src/capture/view/Plot.ts"
import * as Svg from "../../../src/capture/view/Svg.ts"
import * as TerminalPlot from "../../../src/capture/view/TerminalPlot.ts"
import * as Units from "../../../src/capture/view/Units.ts"
import { client, handshake, packets, server } from "../../support/capture/Segments.ts"

const widthOf = (text: string) => Array.from(text).length

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
const Width = Schema.Int.check(Schema.isBetween({ minimum: 30, maximum: 300 }))
const Narrow = Schema.Int.check(Schema.isBetween({ minimum: 3, maximum: 24 }))

describe("HostLabels", () => {
  it("cuts what names share at the start and keeps ports", () => {
    const names = ["192.168.100.5:49460", "192.168.100.5:69", "192.168.100.5:50001"]
    assert.deepStrictEqual(HostLabels.make(names, 8, 60).labels, ["…5:49460", "…00.5:69", "…5:50001"])
  })

  it("keeps the start where only that differs, and numbers names that differ in the middle", () => {
    assert.deepStrictEqual(HostLabels.make(["a-server.example", "b-server.example"], 6, 60).labels, [
      "a…mple",
      "b…mple"
    ])
    const names = ["aaaaaaaaa1bbbbbbbbb", "aaaaaaaaa2bbbbbbbbb"]
    assert.deepStrictEqual(HostLabels.make(names, 6, 10), {
      labels: ["1", "2"],
      legend: ["1 = aaaaaa", "aaa1bbbbbb", "bbb", "2 = aaaaaa", "aaa2bbbbbb", "bbb"]
    })
  })

  it.effect.prop(
    "are distinct and fit, if the names are distinct",
    [Schema.Array(Schema.String), Narrow],
    ([all, width]) =>
      Effect.sync(() => {
        const names = [...new Set(all)]
        const { labels } = HostLabels.make(names, width, 60)
        assert.strictEqual(new Set(labels).size, names.length)
        for (const label of labels) assert.isAtMost(widthOf(label), width)
      })
  )
})

describe("TerminalPlot", () => {
  it("draws a bar for each part of the time, with the highest rate above and the time below", () => {
    const series = { startNanos: 0n, bucketMillis: 500, bytes: [0, 62_500, 31_250, 0], retransmissions: [0, 0, 1, 0] }
    assert.deepStrictEqual(TerminalPlot.draw(series, { width: 37, rows: 2 }), [
      "1.00 Mbit/s |      ██████",
      "            |      ████████████",
      "            +------------------------",
      "             0 s      1.00 s   2.00 s",
      "  sent again             xxxxxx"
    ])
  })

  it.effect.prop("has no line wider than its width", [Schema.Array(Count), Width], ([bytes, width]) =>
    Effect.sync(() => {
      const series = { startNanos: 0n, bucketMillis: 8, bytes, retransmissions: bytes.map((count) => count % 2) }
      for (const line of TerminalPlot.draw(series, { width })) assert.isAtMost(widthOf(line), width)
    })
  )
})

describe("Plot", () => {
  it.effect.prop(
    "shares the bytes of buckets over any number of points",
    [Schema.Array(Count), Width],
    ([bytes, count]) =>
      Effect.sync(() => {
        const total = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0)
        assert.approximately(total(Plot.resample(bytes, count)), total(bytes), 1e-6 * (1 + total(bytes)))
      })
  )

  it("has ticks of round numbers", () => {
    assert.deepStrictEqual(Plot.ticks(2.3, 5), [0, 0.5, 1, 1.5, 2])
    assert.deepStrictEqual(Plot.ticks(1_000, 5), [0, 200, 400, 600, 800, 1_000])
  })
})

describe("Units", () => {
  it("formats rates, sizes, numbers and times with three digits", () => {
    assert.deepStrictEqual([0, 12, 999, 1_000, 12_345, 999_600, 1.5e9].map(Units.rate), [
      ...["0 bit/s", "12 bit/s", "999 bit/s", "1.00 kbit/s", "12.3 kbit/s", "1.00 Mbit/s", "1.50 Gbit/s"]
    ])
    assert.deepStrictEqual([1, 999, 1_500].map(Units.bytes), ["1 byte", "999 bytes", "1.50 kB"])
    assert.deepStrictEqual([0, 999, 1_000, 1_234_567].map(Units.count), ["0", "999", "1,000", "1,234,567"])
    assert.deepStrictEqual([0, 12, 1_500, 2e7, 1.5e9, 9e11, 9e12, 3e15].map(Units.duration), [
      ...["0 s", "12 ns", "1.50 us", "20.0 ms", "1.50 s", "15 min", "150 min", "34 d 17 h"]
    ])
    assert.strictEqual(Units.utc(1_700_000_000_123_000_000n), "2023-11-14 22:13:20.123 UTC")
    assert.isUndefined(Units.utc(2n ** 80n))
  })
})

const evil = `<script>alert("x")</script>&'\u0000\u202e\ud800`

/** A page about one connection, with hostile names. */
const page = () => {
  const analysis = TcpAnalysis.make()
  const conversations = Conversations.make()
  for (const packet of packets(handshake)) {
    const hostile = { ...packet, protocol: "TCP", from: { ...packet.from!, address: `${packet.from!.address}${evil}` } }
    conversations.add(hostile, analysis.add(hostile))
  }
  const observed = {
    transport: "udp",
    kind: "datagram",
    at: 0n,
    host: "",
    bytes: new TextEncoder().encode(evil)
  } as const
  return HtmlPage.make({
    title: evil,
    report: conversations.report(),
    series: { startNanos: 0n, bucketMillis: 1, bytes: [1], retransmissions: [1] },
    packets: [{ ...observed, from: { address: evil, port: 1 }, to: server, fault: evil }],
    notes: [{ number: 1, sinceStartNanos: 0n, stream: 0, from: client, to: server, note: { kind: "reset" } }],
    omittedNotes: 2,
    remarks: [evil]
  })
}

describe("HtmlPage", () => {
  it("escapes all text of the capture, has no script, and loads nothing", () => {
    const html = page()
    assert.notInclude(html, "<script")
    assert.include(html, "&lt;script&gt;alert(&quot;x&quot;)")
    assert.match(html, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/)
    assert.notMatch(html, /[^\P{Cc}\n]|\u202e/u)
    assert.isTrue(html.isWellFormed())
    assert.notMatch(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', ""), /https?:|url\(|@import|\son\w+=/)
  })

  it("closes every element", () => {
    const open: Array<string> = []
    const html = page()
      .replace(/<!doctype html>/, "")
      .replaceAll(/<style>[\s\S]*?<\/style>/g, "")
    for (const [, end, name, rest] of html.matchAll(/<(\/?)([a-zA-Z0-9]+)((?:[^>"]|"[^"]*")*)>/g)) {
      if (end === "/") assert.strictEqual(open.pop(), name)
      else if (name !== "meta" && !rest!.endsWith("/")) open.push(name!)
    }
    assert.deepStrictEqual(open, [])
  })
})

describe("Svg", () => {
  it("draws a plot of no packets, and escapes its title", () => {
    const svg = Svg.throughput({ startNanos: 0n, bucketMillis: 1, bytes: [], retransmissions: [] }, { title: evil })
    assert.notInclude(svg, "<script")
    assert.notInclude(svg, "NaN")
  })
})
