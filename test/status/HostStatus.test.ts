import * as Fs from "node:fs"
import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as HostStatus from "../../src/status/HostStatus.ts"
import * as NodeHostStatus from "../../src/status/NodeHostStatus.ts"
import * as CoursePacket from "../../src/status/wire/CoursePacket.ts"

const json = Schema.fromJsonString(Schema.toCodecJson(HostStatus.HostStatus))
const encode = Schema.encodeUnknownResult(json)
const decode = Schema.decodeUnknownResult(json)

const full: HostStatus.HostStatus = {
  ...HostStatus.initialPosition,
  host: "web1",
  uptime: 86_400,
  load: [0.12, 1, 2.5],
  memory: { total: 8_000_000_000, free: 4_000_000_000 }
}

const place = Arbitrary.map(Arbitrary.schema(HostStatus.HostStatus), HostStatus.toCourse)

describe("HostStatus", () => {
  it("encodes as compact JSON with plain names", () =>
    assert.strictEqual(
      Result.getOrThrow(encode(full)),
      '{"x":40,"y":12,"host":"web1","uptime":86400,"load":[0.12,1,2.5],' +
        '"memory":{"total":8000000000,"free":4000000000}}'
    ))

  it.prop("decode(encode(x)) = x", [Arbitrary.schema(HostStatus.HostStatus)], ([status]) =>
    assert.deepStrictEqual(
      Result.getOrThrow(decode(Result.getOrThrow(encode(status)))),
      // JSON has no -0.
      JSON.parse(JSON.stringify(status))
    )
  )

  it("requires only a position", () =>
    assert.deepStrictEqual(Result.getOrThrow(decode('{"x":1,"y":2}')), { x: 1, y: 2 }))

  for (const [what, change] of [
    ["no place", { x: undefined }],
    ["half a column", { x: 0.5 }],
    ["a row of more than 32 bits", { y: 2 ** 31 }],
    ["a name without end", { host: "h".repeat(256) }],
    ["a negative uptime", { uptime: -1 }],
    ["an uptime as text", { uptime: "1" }],
    ["two load averages", { load: [1, 1] }],
    ["four load averages", { load: [1, 1, 1, 1] }],
    ["a load below 0", { load: [1, 1, -0.1] }],
    ["half a byte", { memory: { total: 1.5, free: 0 } }],
    ["less than no memory", { memory: { total: 1, free: -1 } }],
    ["more free memory than total memory", { memory: { total: 1, free: 2 } }]
  ] as const) {
    it(`rejects ${what}`, () => assert.isTrue(Result.isFailure(decode(JSON.stringify({ ...full, ...change })))))
  }

  it("rejects a load that is not a number", () =>
    assert.isTrue(Result.isFailure(decode('{"x":1,"y":2,"load":[1e999,0,0]}'))))

  it.prop("round-trips any position through the course's packet", [place], ([place]) => {
    const bytes = Result.getOrThrow(CoursePacket.encode({ name: "bob", ...HostStatus.toCourse(place) }))
    assert.deepStrictEqual(HostStatus.fromCourse(CoursePacket.decode(bytes)!), place)
  })

  it("keeps only the position in the course's packet", () =>
    assert.deepStrictEqual(HostStatus.toCourse(full), { x: 40, y: 12 }))
})

describe("move", () => {
  for (const [key, x, y] of [
    ["Left", 39, 12],
    ["Right", 41, 12],
    ["Up", 40, 11],
    ["Down", 40, 13]
  ] as const) {
    it(`moves one step ${key.toLowerCase()} and keeps the other fields`, () =>
      assert.deepStrictEqual(HostStatus.move(full, key), { ...full, x, y }))
  }

  for (const [key, x, y] of [
    ["Left", 0, 12],
    ["Right", 75, 12],
    ["Up", 40, 0],
    ["Down", 40, 23]
  ] as const) {
    it(`stops at ${x},${y} when it moves ${key.toLowerCase()}`, () => {
      let status: HostStatus.Position = HostStatus.initialPosition
      for (let step = 0; step < 100; step++) status = HostStatus.move(status, key)
      assert.deepStrictEqual(status, { x, y })
    })
  }

  const keys = Arbitrary.schema(Schema.Literals(["Left", "Right", "Up", "Down"]))
  it.prop("stays on the screen after any key at any position", [place, keys], ([place, key]) => {
    const { x, y } = HostStatus.move(place, key)
    assert.isTrue(x >= 0 && x <= 75 && y >= 0 && y <= 23)
  })
})

describe("NodeHostStatus", () => {
  it.effect("samples this host as its schema requires", () =>
    Effect.gen(function* () {
      const host = yield* NodeHostStatus.sample
      const encoded = Result.getOrThrow(encode({ ...HostStatus.initialPosition, ...host }))
      assert.isBelow(encoded.length, 300)
      assert.deepStrictEqual(Result.getOrThrow(decode(encoded)), { ...HostStatus.initialPosition, ...host })
      assert.strictEqual(host.host, Os.hostname())
      assert.approximately(host.uptime!, Os.uptime(), 60)
      assert.strictEqual(host.memory!.total, Os.totalmem())
    })
  )

  const why = Fs.existsSync("/proc/meminfo") ? "" : " (skipped: no /proc/meminfo)"
  it.effect.skipIf(why !== "")(`counts caches as free memory on Linux${why}`, () =>
    Effect.gen(function* () {
      const kilobytes = (name: string) =>
        Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(Fs.readFileSync("/proc/meminfo", "latin1"))![1])
      const { memory } = yield* NodeHostStatus.sample
      const [available, free] = [kilobytes("MemAvailable") * 1024, kilobytes("MemFree") * 1024]
      // Other programs use memory meanwhile, so the value must be nearer to the one than to the other.
      if (available > free * 1.2) assert.isBelow(Math.abs(memory!.free - available), Math.abs(memory!.free - free))
    })
  )
})
