import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { formatLines } from "../../../../src/cli/run/primes/decimalLines.ts"
import * as Shown from "../../../../src/cli/run/primes/progress.ts"
import * as Plot from "../../../../src/cli/run/primes/speedupPlot.ts"
import type { Progress } from "../../../../src/farm/Progress.ts"
import * as Amount from "../../../../src/terminal/Amount.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const worker = (name: string, share: number, state: "ready" | "lost" | "gone" = "ready") => ({
  ...{ name, share, state },
  ...{ host: undefined, packets: 10, busyMillis: 1_000, failures: 0 }
})

const half: Progress = {
  ...{
    done: 4.5e9,
    total: 1e10,
    packets: 20,
    unitsPerSecond: 8.32e9,
    elapsedMillis: 541,
    etaMillis: 661,
    efficiency: 0.987,
    skipped: 0,
    retries: 0,
    hosts: []
  },
  workers: [worker("thread 1", 0.52), worker("thread 2", 0.48)]
}

describe("the progress of a count", () => {
  it("shows amounts, rate, remaining time and shares, as the width allows", () => {
    const stats = " 4.50 G of 10.0 G  8.32 G/s  ETA 0:01"
    const shown = (width: number, done: number, left: number, shares: string) => {
      const bar = `[${"=".repeat(done)}${" ".repeat(left)}]`
      assert.strictEqual(Shown.bar("0..1e10", half, width), `0..1e10   45% ${bar}${stats}${shares}`)
    }
    shown(130, 18, 22, "  thread 1 52%, thread 2 48%")
    shown(92, 5, 6, "  thread 1 52%, thread 2 48%")
    shown(88, 12, 15, "  52+48%")
    shown(62, 4, 5, "")
    const host = (
      name: string | undefined,
      state: "ready" | "lost",
      ready: number,
      packets: number,
      share: number
    ) => ({
      ...{ host: name, state, ready, workers: 1, packets, share, busyMillis: 1, failures: 0 }
    })
    const hosts = [
      host("h:1070", "ready", 2, 12, 0.7),
      host("i:1070", "lost", 0, 1, 0.1),
      host(undefined, "ready", 1, 3, 0.2)
    ]
    const remote = (width: number) => Shown.bar("0..1e10", { ...half, hosts }, width).replace(/^.*ETA 0:01/, "")
    const full = "h:1070 2 threads 12 packets 70%, i:1070 lost 1 packet 10%, this machine 1 thread 3 packets 20%"
    assert.strictEqual(remote(200), `  ${full}`)
    assert.strictEqual(remote(130), "  h:1070 70%, i:1070 lost, this machine 20%")
    assert.strictEqual(remote(90), "  70+lost+20%")
    const lost = { ...half, workers: [worker("h:1070", 1), worker("i:1070", 0, "lost")] }
    assert.match(Shown.bar("0..1e10", lost, 130), / {2}h:1070 100%, i:1070 lost$/)
  })

  it("shows unknown values at the start", () => {
    const begun = { ...half, done: 0, unitsPerSecond: 0, etaMillis: undefined, workers: [] }
    assert.match(Shown.bar("x", begun, 80), /^x {4}0% \[ +\] 0 of 10\.0 G {2}0\/s {2}ETA -:--/)
  })

  it.prop(
    "is never wider than the terminal",
    [int(0, 2 ** 53), int(0, 2 ** 53), int(0, 2 ** 40), int(0, 200), int(1, 200)],
    ([one, other, eta, many, width]) => {
      const [done, total] = [Math.min(one, other), Math.max(one, other)]
      const workers = Array.from({ length: many }, (_, index) => worker(`thread ${index}`, 1 / many))
      assert.isAtMost(Shown.bar("0..1e10", { ...half, done, total, etaMillis: eta, workers }, width).length, width)
    }
  )

  it("formats amounts, times and the summary", () => {
    const amounts = [0, 999, 1_000, 999_500, 123_456, 2 ** 53].map(Amount.format)
    assert.deepStrictEqual(amounts, ["0", "999", "1.00 k", "1.00 M", "123 k", "9.01 P"])
    assert.strictEqual(
      Shown.summary("0..1e10", { ...half, done: 1e10 }, 1.25),
      "0..1e10: 1.25 s, 8.00 G/s, 20 packets, 2 workers busy 99% of the time"
    )
  })
})

it.prop("formatLines returns the same text as join", [Schema.Array(int(0, 2 ** 53))], ([numbers]) => {
  const text = new TextDecoder().decode(formatLines(Float64Array.from(numbers)))
  assert.strictEqual(text, numbers.map((number) => `${number}\n`).join(""))
})

describe("the plot of speed-ups", () => {
  const points = [
    { workers: 1, speedup: 1 },
    { workers: 2, speedup: 1.9 },
    { workers: 3, speedup: 2.5 },
    { workers: 4, speedup: 3 }
  ]

  it("places the points and the line of linear speed-up", () => {
    const rows = Plot.text(points).split("\n")
    assert.strictEqual(rows[0], "speed-up")
    const stars = rows.flatMap((row, at) => (row.includes("*") ? [[17 - at, row.indexOf("*") - 9]] : []))
    assert.deepStrictEqual(stars.toReversed(), [
      [4, 12],
      [8, 24],
      [10, 36],
      [12, 48]
    ])
    assert.strictEqual(rows[1], `       4 +${" ".repeat(47)}.`)
    assert.strictEqual(rows.at(-1), `${" ".repeat(21)}1${" ".repeat(11)}2${" ".repeat(11)}3${" ".repeat(11)}4 workers`)
  })

  it.prop("draws any measurements within its frame", [Schema.Array(int(1, 900)), int(1, 64)], ([hundredths, count]) => {
    const many = hundredths.slice(0, count).map((speedup, at) => ({ workers: at + 1, speedup: speedup / 100 }))
    assert.lengthOf(Plot.text(many).split("\n"), 19)
    const circles = Array.from(Plot.svg("t", many).matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g))
    assert.lengthOf(circles, many.length)
    for (const [, x, y] of circles) {
      assert.isTrue(Number(x) >= 60 && Number(x) <= 500 && Number(y) >= 50 && Number(y) <= 370, `${x} ${y}`)
    }
  })

  it("escapes the title and closes all tags in SVG", () => {
    const svg = Plot.svg("<a> & b", points)
    assert.include(svg, ">&lt;a&gt; &amp; b</text>")
    const open: Array<string> = []
    for (const [, slash, name, , end] of svg.matchAll(/<(\/?)(\w+)((?:\s[\w:-]+="[^"<&]*")*)(\/?)>/g)) {
      if (slash === "/") assert.strictEqual(open.pop(), name)
      else if (end === "") open.push(name!)
    }
    assert.deepStrictEqual(open, [])
    assert.lengthOf(svg.match(/<circle/g)!, 4)
  })
})
