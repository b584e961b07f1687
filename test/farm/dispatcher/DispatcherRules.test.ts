import { assert, describe, it } from "@effect/vitest"
import type { Event } from "../../../src/farm/dispatcher/DispatcherEvent.ts"
import { done, drive, stopped, threw, tick, worker, working } from "./DispatcherDriver.ts"

/** Returns the packets that are blamed for the loss of a worker after these events. */
const lose = (...events: ReadonlyArray<Event<number>>) => {
  const { notices, step } = drive()
  step(0)
  for (const [at, event] of events.entries()) step(at + 1, event)
  return notices(100, { _tag: "Lost", worker: 0, message: "it crashed" }).flatMap((notice) =>
    notice._tag === "AttemptFailed" ? [notice.id] : []
  )
}

describe("the rules of a dispatcher", () => {
  it("renews the lease with every sign of life, so that a packet of ten minutes does not fail", () => {
    const { notices, step } = drive({}, 2)
    step(0)
    const slow: Array<number> = []
    for (let now = 0; now < 600_000; now += 900) {
      for (const notice of notices(now, working(0), tick)) {
        assert(notice._tag === "PacketSlow")
        slow.push(notice.millis)
      }
    }
    // Ten leases, and twice the time of each notice.
    assert.deepStrictEqual(slow, [10_800, 21_600, 43_200, 86_400, 172_800, 345_600])
    assert.deepStrictEqual(
      step(600_000, done(0)).map(({ _tag }) => _tag),
      ["Merge"]
    )
  })

  it("renews the lease with a worker's word that it is alive, which begins no packet and makes no worker ready", () => {
    const alive: Event<number> = { _tag: "Alive", worker: 0 }
    const { notices, sent, state } = drive({}, 4)
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 1"])
    for (let now = 0; now < 5_000; now += 900) assert.deepStrictEqual(notices(now, alive, tick), [])
    assert.deepStrictEqual(notices(5_000, { _tag: "Lost", worker: 0, message: "it crashed" }), [
      { _tag: "WorkerLost", worker: "one", message: "it crashed" }
    ])
    assert.deepStrictEqual(notices(5_100, alive), [])
    assert.deepStrictEqual(sent(5_200, alive), [])
    assert.strictEqual(state().workers.get(0)!.state, "lost")
    assert.deepStrictEqual(sent(5_300, { _tag: "Ready", worker: 0 }), ["one: 0", "one: 1"])
  })

  it("takes the packets of a silent worker, and counts an attempt against the one that was begun", () => {
    const { notices, sent } = drive({ workers: [worker("one"), worker("two")] })
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 2", "two: 1", "two: 3"])
    sent(900, working(0), working(1, 1))
    const message = "no sign of life within 1 s"
    assert.deepStrictEqual(notices(1_900, working(1, 1), tick), [
      { _tag: "LeaseExpired", worker: "one", packets: 2 },
      { _tag: "AttemptFailed", id: 0, attempt: { worker: "one", kind: "Expired", message } }
    ])
    // It receives nothing before both have ended there.
    assert.deepStrictEqual(sent(2_000, done(1, 1), done(3, 1)), ["two: 0", "two: 2"])
    assert.deepStrictEqual(sent(2_100, stopped(0)), [])
    assert.deepStrictEqual(sent(2_200, stopped(2)), ["one: 4", "one: 5"])
  })

  it("counts the packet after an outcome as begun, and no packet before any sign of it", () => {
    assert.deepStrictEqual(lose(), [])
    assert.deepStrictEqual(lose(working(0)), [0])
    assert.deepStrictEqual(lose(done(0)), [1])
    assert.deepStrictEqual(lose(working(0), done(0)), [1])
    assert.deepStrictEqual(lose(done(0), done(1)), [2])
  })

  it("counts only packets that are reported as begun, for a worker that reports each begin", () => {
    const { notices, sent } = drive({ workers: [worker("slot", { capacity: 3, reportsEachBegin: true })] })
    assert.deepStrictEqual(sent(0), ["slot: 0", "slot: 1"])
    assert.deepStrictEqual(sent(1, working(1), done(1)), ["slot: 2", "slot: 3"])
    sent(2, working(3))
    const attempts = notices(3, { _tag: "Lost", worker: 0, message: "it crashed" }).filter(
      ({ _tag }) => _tag === "AttemptFailed"
    )
    assert.deepStrictEqual(
      attempts.map((notice) => "id" in notice && notice.id),
      [3]
    )
  })

  it("fails a packet that takes longer than the timeout, from its begin, and only that", () => {
    const { notices, sent } = drive({
      timeoutMillis: 500,
      leaseMillis: 10_000,
      workers: [worker("one"), worker("two")]
    })
    sent(0)
    sent(100, working(0))
    sent(300, done(0))
    assert.deepStrictEqual(notices(799, tick), [])
    assert.deepStrictEqual(notices(800, tick), [
      {
        _tag: "AttemptFailed",
        id: 2,
        attempt: { worker: "one", kind: "TimedOut", message: "not done within 0.5 s" }
      }
    ])
    assert.include(sent(900, done(1, 1)), "two: 2")
  })

  it("waits for a cancelled packet behind a long one of a worker that is well, but not for one that was begun", () => {
    const { notices, sent } = drive({ workers: [worker("one")] })
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 1"])
    sent(10, working(0), { _tag: "Drop", id: 1 })
    for (let now = 500; now <= 5_000; now += 500) assert.deepStrictEqual(notices(now, working(0), tick), [])
    sent(5_100, { _tag: "Drop", id: 0 })
    assert.deepStrictEqual(notices(6_000, working(0), tick), [])
    assert.deepStrictEqual(notices(6_100, working(0), tick), [
      { _tag: "WorkerGone", worker: "one", message: "cancelled packet 0 did not stop" }
    ])
  })

  it("gives a silent worker up that does not end its packets, whether it has begun them or not", () => {
    const { notices, sent } = drive({ workers: [worker("one"), worker("two")] })
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 2", "two: 1", "two: 3"])
    const expired = { _tag: "LeaseExpired", worker: "one", packets: 2 } as const
    assert.deepStrictEqual(notices(1_000, working(1, 1), tick), [expired])
    assert.deepStrictEqual(notices(2_000, working(1, 1), tick), [
      { _tag: "WorkerGone", worker: "one", message: "cancelled packet 0 did not stop" }
    ])
  })

  it("gives a worker up that stops its packets in time, but begins none of them", () => {
    const { notices, sent } = drive({}, 4)
    sent(0)
    const rounds = [1_000, 2_000, 3_000].map((now) => {
      const expired = notices(now, tick)
      sent(now, stopped(0), stopped(1))
      return expired
    })
    const expired = { _tag: "LeaseExpired", worker: "one", packets: 2 } as const
    const gone = { _tag: "WorkerGone", worker: "one", message: "it began no packet in 3 leases" } as const
    assert.deepStrictEqual(rounds, [[expired], [expired], [expired, gone]])
  })

  it("does not take work on a packet that it did not send as a sign of life", () => {
    const { notices, sent } = drive({}, 2)
    sent(0)
    sent(900, working(7))
    assert.deepStrictEqual(notices(1_000, tick), [{ _tag: "LeaseExpired", worker: "one", packets: 2 }])
  })

  it("does not take the end of a packet that waited as a sign that the one before was begun", () => {
    assert.deepStrictEqual(lose({ _tag: "Drop", id: 1 }, stopped(1)), [])
    assert.deepStrictEqual(lose(working(0), { _tag: "Drop", id: 0 }, stopped(0)), [1])
  })

  it("runs without a worker until one joins, and ends only when none can", () => {
    const { sent, step, tags } = drive({ workers: [], mayJoin: true })
    assert.deepStrictEqual(tags(0), [])
    assert.deepStrictEqual(sent(10, { _tag: "Join", info: worker("late") }), ["late: 0", "late: 1"])
    assert.deepStrictEqual(tags(20, { _tag: "Gone", worker: 0, message: "unplugged" }), ["Notify", "Detach"])
    assert.deepStrictEqual(sent(30, { _tag: "Join", info: worker("next") }), ["next: 0", "next: 1"])
    step(40, { _tag: "JoiningEnded" })
    assert.deepStrictEqual(step(50, { _tag: "Gone", worker: 1, message: "on fire" }).at(-1), {
      _tag: "NoWorkers",
      causes: ["late: unplugged", "next: on fire"]
    })
  })

  it("copies the packets of slow workers to all idle ones at once, however many there are", () => {
    const workers = Array.from({ length: 600 }, (_, index) => worker(`${index}`, { capacity: 1 }))
    const { sent } = drive({ workers, leaseMillis: 60_000 }, 600)
    assert.lengthOf(sent(0), 600)
    const half = Array.from({ length: 300 }, (_, index) => done(index, index))
    const copies = sent(10_000, ...half)
    assert.lengthOf(new Set(copies.map((line) => line.split(": ")[1])), 300)
    assert.deepStrictEqual(sent(10_001, tick), [])
  })

  it("retries after the delay that the options return, and gives up without one", () => {
    const delays = [200, undefined]
    const { sent, step } = drive({ retryDelayMillis: ({ attempts }) => delays[attempts - 1] }, 2)
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 1"])
    assert.deepStrictEqual(sent(10, threw(0)), [])
    assert.deepStrictEqual(sent(200, tick), [])
    assert.deepStrictEqual(sent(210, tick), ["one: 0"])
    const poison = step(220, threw(0)).at(-1)
    if (poison?._tag !== "PoisonPacket") return assert.fail(poison?._tag)
    assert.strictEqual(poison.attempts.length, 2)
  })

  it("skips a packet that failed too often, also where it is awaited in order", () => {
    const { step, tags } = drive({ skipsPoison: true, maxAttempts: 1, ordered: true }, 2)
    step(0)
    assert.deepStrictEqual(tags(10, done(1)), [])
    const actions = step(20, threw(0))
    assert.deepStrictEqual(
      actions.map(({ _tag }) => _tag),
      ["Notify", "Skip", "Notify", "Merge", "Finished"]
    )
    assert.deepStrictEqual(actions[1], {
      ...{ _tag: "Skip", id: 0, packet: 0 },
      attempts: [{ worker: "one", kind: "Threw", message: "it threw" }]
    })
  })

  it("splits off no more than a number of bytes, beyond the first packet", () => {
    let count = 0
    const { sent } = drive({
      ...{ bufferBytes: 100, workers: [worker("one", { capacity: 8 })], totalUnits: undefined },
      nextPacket: () => ({ packet: count++, units: 1, bytes: 60 })
    })
    assert.deepStrictEqual(sent(0), ["one: 0", "one: 1"])
    assert.deepStrictEqual(sent(1, done(0)), ["one: 2"])
  })

  it("waits for a source that has no packet yet", () => {
    const packets: Array<number> = []
    let isOver = false
    const { sent, tags } = drive({
      nextPacket: () => {
        const packet = packets.shift()
        if (packet !== undefined) return { packet, units: 1 }
        return isOver ? undefined : "later"
      }
    })
    assert.deepStrictEqual(sent(0), [])
    packets.push(7)
    assert.deepStrictEqual(sent(1, { _tag: "Refilled" }), ["one: 0"])
    assert.deepStrictEqual(tags(2, done(0)), ["Merge"])
    isOver = true
    assert.deepStrictEqual(tags(3, { _tag: "Refilled" }), ["Finished"])
  })

  it("tries a packet that was moved once only, whatever happens to it", () => {
    const moved = () => {
      let count = 0
      return drive({
        ...{ workers: [worker("one"), worker("two")], skipsPoison: true, leaseMillis: 60_000 },
        nextPacket: () => (count === 2 ? undefined : { packet: count++, units: 1, isMoved: true })
      })
    }
    const crash = moved()
    assert.deepStrictEqual(crash.sent(0), ["one: 0", "two: 1"])
    assert.deepStrictEqual(crash.sent(10, done(1, 1)), [])
    // It is neither copied to the idle worker nor, after the loss, sent again.
    assert.deepStrictEqual(crash.sent(5_000, working(0), tick), [])
    assert.include(crash.tags(5_100, { _tag: "Lost", worker: 0, message: "it crashed" }), "Skip")
    const failed = moved()
    failed.step(0)
    assert.include(failed.tags(10, threw(0)), "Skip")
  })

  it("gives a packet that is too large for a worker to one with a larger limit, else gives it up at once", () => {
    const tooLarge = (index: number): Event<number> => ({
      ...{ _tag: "Failed", worker: index, id: 0, kind: "TooLarge", message: "200 bytes (limit 100)" }
    })
    const [small, large] = [worker("small", { maxPacketBytes: 100 }), worker("large", { maxPacketBytes: 1_000 })]
    const both = drive({ workers: [small, large, worker("small too", { maxPacketBytes: 50 })] }, 1)
    assert.deepStrictEqual(both.sent(0), ["small: 0"])
    assert.deepStrictEqual(both.sent(1, tooLarge(0)), ["large: 0"])
    assert.strictEqual(both.step(2, tooLarge(1)).at(-1)?._tag, "PoisonPacket")
    const last = drive({ workers: [small, large] }, 1)
    last.step(0)
    last.step(1, { _tag: "Lost", worker: 1, message: "away" })
    assert.deepStrictEqual(last.sent(2, tooLarge(0)), [])
    last.step(3, { _tag: "Gone", worker: 1, message: "for ever" })
    assert.strictEqual(last.step(4, tick).at(-1)?._tag, "PoisonPacket")
  })

  it("retries a packet behind those that must wait for another worker", () => {
    const restored = Array.from({ length: 9 }, (_, packet) => ({ packet, units: 1 }))
    const small = [0, 1, 2, 3].map((index) => worker(`${index}`, { maxPacketBytes: 100 }))
    const last = worker("last", { capacity: 1, maxPacketBytes: 100 })
    const { sent } = drive({ workers: [...small, last, worker("large", { maxPacketBytes: 1_000 })], restored }, 0)
    const held = [...sent(0), ...sent(1, { _tag: "Lost", worker: 5, message: "away" })].filter((line) =>
      /^\d/.test(line)
    )
    assert.lengthOf(held, 8)
    const tooLarge = held.map((line): Event<number> => {
      const [index, id] = line.split(": ").map(Number)
      return { _tag: "Failed", worker: index!, id: id!, kind: "TooLarge", message: "200 bytes (limit 100)" }
    })
    // They wait for the large worker, and the packet of the last one comes after them.
    assert.deepStrictEqual(sent(2, ...tooLarge), [])
    const retried = [...sent(3, { _tag: "Lost", worker: 4, message: "away" }), ...sent(4, tick)]
    assert.match(retried.join(), /^\d: 4$/)
  })

  it("ends a packet that nobody needs any more", () => {
    const { state, step, tags } = drive({}, 2)
    step(0)
    assert.deepStrictEqual(tags(1, { _tag: "Drop", id: 0 }), ["Cancel"])
    assert.deepStrictEqual(tags(2, stopped(0), done(1)), ["Merge", "Finished"])
    const { droppedCount, mergedCount, skippedCount } = state()
    assert.deepStrictEqual([droppedCount, mergedCount, skippedCount], [1, 2, 0])
  })
})

describe("the verification of results", () => {
  const verify = { isChosen: () => true, isEqual: (one: unknown, two: unknown) => one === two, holdsResults: true }
  const host = (name: string) => worker(name, { host: name, capacity: 1 })

  it("rejects the host whose result two others do not have, and does its packets again", () => {
    const chosen = { ...verify, isChosen: (id: number) => id === 2 }
    const { notices, sent, step } = drive({ verify: chosen, workers: [host("liar"), host("good"), host("fine")] }, 3)
    assert.deepStrictEqual(sent(0), ["liar: 0", "good: 1", "fine: 2"])
    assert.deepStrictEqual(sent(1, done(2, 2)), [])
    assert.deepStrictEqual(sent(2, done(0, 0, -1)), ["liar: 2"])
    assert.deepStrictEqual(sent(3, done(2, 0, -1)), [])
    assert.deepStrictEqual(sent(4, done(1, 1)), ["good: 2"])
    const found = step(5, done(2, 1))
    assert.deepStrictEqual(
      found.flatMap((action) => (action._tag === "Notify" ? [action.notice] : [])),
      [
        { _tag: "HostRejected", host: "liar", id: 2, redone: 1 },
        { _tag: "WorkerGone", worker: "liar", message: "its result of packet 2 is not that of two other hosts" }
      ]
    )
    const redone = step(6).length === 0 ? found : []
    assert.isTrue(redone.some((action) => action._tag === "Run" && action.tasks[0]?.id === 0))
    const again = found.find((action) => action._tag === "Run")!
    const merged = step(7, done(0, again._tag === "Run" ? again.worker : 0))
    assert.deepStrictEqual(
      merged.flatMap((action) => (action._tag === "Merge" ? [action.result] : [])).toSorted(),
      [0, 1]
    )
    assert.deepStrictEqual(notices(8, { _tag: "Join", info: host("liar") }), [])
  })

  it("accepts a result as it is while there is one host only", () => {
    const { step, tags } = drive({ verify, workers: [worker("one"), worker("two")] }, 1)
    step(0)
    assert.deepStrictEqual(tags(1, done(0)), ["Merge", "Finished"])
  })

  it("lets two hosts that differ wait a lease for a third one that may join", () => {
    const dispute = () => {
      const driven = drive({ verify, mayJoin: true, workers: [host("one"), host("two")] }, 1)
      driven.step(0)
      assert.deepStrictEqual(driven.sent(10, done(0, 0, -1)), ["two: 0"])
      const differ = { _tag: "ResultsDiffer", id: 0, hosts: ["one", "two"], waitMillis: 1_000 } as const
      assert.deepStrictEqual(driven.notices(20, done(0, 1)), [differ])
      return driven
    }
    const decided = dispute()
    assert.deepStrictEqual(decided.sent(900, tick, { _tag: "Join", info: host("three") }), ["three: 0"])
    assert.include(decided.tags(910, done(0, 2)), "Merge")
    const waiting = dispute()
    assert.deepStrictEqual(waiting.tags(1_010, tick), [])
    assert.include(waiting.tags(1_020, tick), "PoisonPacket")
  })

  it("fails a packet on which two hosts differ, if no third can decide", () => {
    const { step } = drive({ verify, workers: [host("one"), host("two")] }, 1)
    step(0)
    step(1, done(0))
    const end = step(2, done(0, 1, 9)).at(-1)
    if (end?._tag !== "PoisonPacket") return assert.fail(end?._tag)
    const message = "the results of 2 hosts differ, and no other host can decide"
    assert.deepStrictEqual(
      end.attempts,
      ["one", "two"].map((name) => ({ worker: name, kind: "Outvoted", message }))
    )
  })
})
