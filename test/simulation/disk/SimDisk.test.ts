import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as SimDisk from "../../../src/simulation/disk/SimDisk.ts"
import type * as Recording from "../../../src/simulation/Recording.ts"
import * as SimDisks from "../../support/disk/SimDisks.ts"

const seeds = Array.from({ length: 200 }, (_, index) => index + 1)
const instant = { latency: false } as const

/** Runs steps on a disk for each seed, crashes it, and returns the different results with their counts. */
const outcomes = (
  options: SimDisk.Options,
  steps: (disk: SimDisk.SimDisk) => Effect.Effect<unknown, unknown>,
  look: (disk: SimDisk.SimDisk) => string = (disk) => JSON.stringify(SimDisks.texts(disk))
) =>
  Effect.gen(function* () {
    const counts = new Map<string, number>()
    for (const seed of seeds) {
      const { disk } = SimDisks.make(seed, { ...instant, ...options })
      yield* steps(disk)
      disk.crash()
      const key = look(disk)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    return counts
  })

const keys = (counts: ReadonlyMap<string, number>) => [...counts.keys()].sort()

describe("crash of a disk", () => {
  it.effect("keeps what was synced, and loses or keeps the rest", () =>
    Effect.gen(function* () {
      const counts = yield* outcomes({}, ({ fileSystem: fs }) =>
        Effect.gen(function* () {
          yield* SimDisks.write(fs, "/f", "one", { sync: true })
          yield* SimDisks.write(fs, "/f", "two", { flag: "a" })
        })
      )
      assert.deepStrictEqual(keys(counts), [`{"/f":"one"}`, `{"/f":"one\\u0000\\u0000\\u0000"}`, `{"/f":"onetwo"}`])
    })
  )

  it.effect("tears an unsynced write only at sectors, and loses pages in any order", () =>
    Effect.gen(function* () {
      const size = 3 * 4_096
      let torn = 0
      let laterPageOnly = 0
      for (const seed of seeds) {
        const { disk } = SimDisks.make(seed, instant)
        yield* SimDisks.write(disk.fileSystem, "/f", "o".repeat(size), { sync: true })
        yield* SimDisks.write(disk.fileSystem, "/f", "n".repeat(size), { flag: "r+" })
        disk.crash()
        const content = SimDisks.texts(disk)["/f"]!
        assert.strictEqual(content.length, size)
        const sectors = content.match(/[\s\S]{512}/g)!
        for (const sector of sectors) assert.include(["o".repeat(512), "n".repeat(512)], sector)
        const pages = content.match(/[\s\S]{4096}/g)!
        if (pages.some((page) => new Set(page).size === 2)) torn++
        if (pages[0]![0] === "o" && pages[2]![0] === "n") laterPageOnly++
      }
      assert.isAbove(torn, 20)
      assert.isAbove(laterPageOnly, 10)
    })
  )

  it.effect("leaves the old content, none, or the new one after an unsynced rewrite, and never a mixture", () =>
    Effect.gen(function* () {
      const counts = yield* outcomes({}, ({ fileSystem: fs }) =>
        Effect.gen(function* () {
          yield* SimDisks.write(fs, "/f", "old text", { sync: true })
          yield* SimDisks.write(fs, "/f", "new")
        })
      )
      const nothing = `{"/f":""}`
      const zeros = `{"/f":"\\u0000\\u0000\\u0000"}`
      assert.deepStrictEqual(keys(counts), [nothing, zeros, `{"/f":"new"}`, `{"/f":"old text"}`])
    })
  )

  it.effect("keeps changes of folders in their order", () =>
    Effect.gen(function* () {
      const counts = yield* outcomes({}, ({ fileSystem: fs }) =>
        Effect.forEach(["/a", "/b", "/c"], (path) => SimDisks.write(fs, path, ""))
      )
      assert.deepStrictEqual(keys(counts), [`{"/a":"","/b":"","/c":""}`, `{"/a":"","/b":""}`, `{"/a":""}`, "{}"])
    })
  )

  it.effect("keeps changes of folders in any order if it may reorder them", () =>
    Effect.gen(function* () {
      const counts = yield* outcomes({ reorder: true }, ({ fileSystem: fs }) =>
        Effect.forEach(["/a", "/b"], (path) => SimDisks.write(fs, path, ""))
      )
      assert.include(keys(counts), `{"/b":""}`)
    })
  )

  it.effect("keeps the name of a synced file, unless it may reorder", () =>
    Effect.gen(function* () {
      const create = ({ fileSystem: fs }: SimDisk.SimDisk) => SimDisks.write(fs, "/f", "text", { sync: true })
      assert.deepStrictEqual(keys(yield* outcomes({}, create)), [`{"/f":"text"}`])
      assert.deepStrictEqual(keys(yield* outcomes({ reorder: true }, create)), [`{"/f":"text"}`, "{}"])
      const createAndSync = (disk: SimDisk.SimDisk) =>
        Effect.andThen(create(disk), SimDisks.syncFolder(disk.fileSystem, "/"))
      assert.deepStrictEqual(keys(yield* outcomes({ reorder: true }, createAndSync)), [`{"/f":"text"}`])
    })
  )

  it.effect("loses a rename until the folder is synced", () =>
    Effect.gen(function* () {
      const replace = ({ fileSystem: fs }: SimDisk.SimDisk) =>
        Effect.gen(function* () {
          yield* SimDisks.write(fs, "/f", "old", { sync: true })
          yield* SimDisks.write(fs, "/f.new", "new", { sync: true })
          yield* fs.rename("/f.new", "/f")
        })
      const before = yield* outcomes({}, replace)
      assert.deepStrictEqual(keys(before), [`{"/f":"new"}`, `{"/f":"old","/f.new":"new"}`])
      const after = yield* outcomes({}, (disk) =>
        Effect.andThen(replace(disk), SimDisks.syncFolder(disk.fileSystem, "/"))
      )
      assert.deepStrictEqual(keys(after), [`{"/f":"new"}`])
    })
  )

  it.effect("keeps what is older than the writeback", () =>
    Effect.gen(function* () {
      for (const seed of seeds) {
        const { clock, disk } = SimDisks.make(seed, instant)
        yield* SimDisks.write(disk.fileSystem, "/old", "text")
        clock.schedule(31e9, () => {})
        clock.advance(31e9)
        yield* SimDisks.write(disk.fileSystem, "/new", "text")
        disk.crash()
        assert.strictEqual(SimDisks.texts(disk)["/old"], "text")
      }
    })
  )

  it.effect("keeps hard links, symbolic links and modes that were synced", () =>
    Effect.gen(function* () {
      for (const seed of seeds.slice(0, 20)) {
        const { disk } = SimDisks.make(seed, { ...instant, reorder: seed % 2 === 0 })
        const before = disk.fileSystem
        yield* before.makeDirectory("/d")
        yield* SimDisks.write(before, "/d/f", "text", { sync: true })
        yield* before.chmod("/d/f", 0o600)
        yield* before.link("/d/f", "/g")
        yield* before.symlink("d/f", "/s")
        for (const path of ["/d", "/d/f", "/"]) yield* SimDisks.syncFolder(before, path)
        disk.crash()
        const fs = disk.fileSystem
        assert.strictEqual(yield* fs.readFileString("/s"), "text")
        const { mode } = yield* fs.stat("/g")
        assert.strictEqual(mode & 0o777, 0o600)
        yield* SimDisks.write(fs, "/g", "both")
        assert.strictEqual(yield* fs.readFileString("/d/f"), "both")
      }
    })
  )

  it.effect("changes bits only if told so", () =>
    Effect.gen(function* () {
      const text = "x".repeat(100_000)
      const { disk } = SimDisks.make(1, { ...instant, bitRot: 0.1, files: { "/f": text } })
      disk.crash()
      const content = SimDisks.texts(disk)["/f"]!
      const wrong = [...content].filter((char) => char !== "x").length
      assert.isAbove(wrong, 5)
      assert.isBelow(wrong, 40)
      assert.strictEqual(content.length, text.length)
    })
  )

  it("interrupts programs that wait for the disk, and what they do later changes nothing", () => {
    const events: Array<Recording.Event> = []
    const { clock, disk } = SimDisks.make(1, undefined, { record: (event) => events.push(event) })
    const fs = disk.fileSystem
    const started = SimDisks.runUntil(
      clock,
      1e9,
      Effect.forkDetach(Effect.ensuring(fs.writeFileString("/f", "text"), Effect.ignore(fs.writeFileString("/g", "x"))))
    )
    if (started === undefined || !Exit.isSuccess(started)) return assert.fail()
    disk.crash()
    clock.advance(1e9)
    const exit = started.value.pollUnsafe()
    assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
    assert.deepStrictEqual(SimDisks.texts(disk), {})
    assert.deepStrictEqual(events, [])
    return Effect.runPromise(Fiber.interrupt(started.value))
  })

  it("leaves the same for the same seed", () => {
    const run = (seed: number) => {
      const events: Array<Recording.Event> = []
      const { clock, disk } = SimDisks.make(seed, undefined, { record: (event) => events.push(event) })
      const { fileSystem: fs } = disk
      const program = Effect.gen(function* () {
        for (let index = 0; index < 20; index++) {
          yield* SimDisks.write(fs, `/f${index % 3}`, `${index}`.repeat(2_000), { flag: "a", sync: index % 5 === 0 })
        }
        return yield* fs.makeTempDirectory()
      })
      const exit = SimDisks.runUntil(clock, 1e9, program)
      disk.crash()
      return { exit, events, texts: SimDisks.texts(disk), time: clock.now() }
    }
    assert.deepStrictEqual(run(3), run(3))
    assert.notDeepEqual(run(3), run(4))
    assert.isTrue(run(3).events.some((event) => event._tag === "Disk" && event.operation === "torn"))
  })
})

describe("faults of a disk", () => {
  const failOn = (wanted: SimDisk.Operation, error: "EIO" | "ENOSPC" | "EROFS", isActive: () => boolean) => ({
    fault: (operation: SimDisk.Operation) => (operation === wanted && isActive() ? { error, delayNanos: 0 } : undefined)
  })
  const codeOf = (effect: Effect.Effect<unknown, unknown>) =>
    Effect.match(effect, {
      onSuccess: () => "ok",
      onFailure: (error) => (error as { reason: { cause: { code: string } } }).reason.cause.code
    })

  it.effect("lose the data of a failed sync, although a later sync succeeds", () =>
    Effect.gen(function* () {
      let isFailing = true
      const { disk } = SimDisks.make(
        1,
        instant,
        failOn("sync", "EIO", () => isFailing)
      )
      const { fileSystem: fs } = disk
      assert.strictEqual(yield* codeOf(SimDisks.write(fs, "/f", "lost", { sync: true })), "EIO")
      isFailing = false
      yield* SimDisks.write(fs, "/f", "kept", { flag: "a", sync: true })
      assert.strictEqual(yield* fs.readFileString("/f"), "lostkept")
      disk.crash()
      assert.strictEqual(SimDisks.texts(disk)["/f"], "\0\0\0\0kept")
    })
  )

  it.effect("fail reads and writes with EIO, and change nothing", () =>
    Effect.gen(function* () {
      for (const operation of ["read", "write"] as const) {
        const { disk } = SimDisks.make(
          1,
          { ...instant, files: { "/f": "text" } },
          failOn(operation, "EIO", () => true)
        )
        const { fileSystem: fs } = disk
        const work = operation === "read" ? fs.readFile("/f") : fs.writeFileString("/f", "new", { flag: "r+" })
        assert.strictEqual(yield* codeOf(work), "EIO")
        assert.strictEqual(SimDisks.texts(disk)["/f"], "text")
      }
    })
  )

  it.effect("refuse changes of a read-only disk, and permit to read it", () =>
    Effect.gen(function* () {
      const fault = () => ({ error: "EROFS" as const, delayNanos: 0 })
      const { disk } = SimDisks.make(1, { ...instant, files: { "/f": "text" } }, { fault })
      const { fileSystem: fs } = disk
      assert.strictEqual(yield* fs.readFileString("/f"), "text")
      for (const change of [fs.remove("/f"), fs.rename("/f", "/g"), fs.makeDirectory("/d"), fs.chmod("/f", 0)]) {
        assert.strictEqual(yield* codeOf(change), "EROFS")
      }
    })
  )

  it.effect("fill the disk after a part of a write, and a removed file makes space", () =>
    Effect.gen(function* () {
      const { disk } = SimDisks.make(1, { ...instant, capacity: "20 KiB" })
      const { fileSystem: fs } = disk
      yield* SimDisks.write(fs, "/a", "x".repeat(10_000))
      assert.strictEqual(yield* codeOf(SimDisks.write(fs, "/b", "x".repeat(10_000))), "ENOSPC")
      assert.strictEqual(SimDisks.texts(disk)["/b"]!.length, 8_192)
      assert.strictEqual(yield* codeOf(fs.makeDirectory("/d")), "ENOSPC")
      yield* fs.remove("/a")
      yield* SimDisks.write(fs, "/b", "x".repeat(10_000))
      disk.crash()
      yield* SimDisks.write(disk.fileSystem, "/c", "x".repeat(1_000))
    })
  )

  it("take virtual time, also of a slow disk", () => {
    const { clock, disk } = SimDisks.make(1, { latency: false }, { fault: () => ({ delayNanos: 7e6 }) })
    SimDisks.runUntil(clock, 1e9, disk.fileSystem.exists("/f"))
    assert.strictEqual(clock.now(), 7e6)
    const usual = SimDisks.make(1)
    SimDisks.runUntil(usual.clock, 1e9, SimDisks.write(usual.disk.fileSystem, "/f", "x", { sync: true }))
    assert.isAbove(usual.clock.now(), 1e6)
    assert.isBelow(usual.clock.now(), 5.3e6)
  })

  it("wait until a paused host runs again", () => {
    const { clock, disk } = SimDisks.make(1, undefined, { pausedUntil: () => 3e9 })
    SimDisks.runUntil(clock, 10e9, disk.fileSystem.exists("/f"))
    assert.strictEqual(clock.now(), 3e9)
  })
})
