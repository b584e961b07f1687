import { assert, describe, it } from "@effect/vitest"
import * as Store from "../../../src/web/client/Store.ts"
import * as Traffic from "../../../src/web/client/Traffic.ts"
import type * as PageState from "../../../src/web/PageState.ts"

const serverMillis = 1_700_000_000_000
const browserMillis = serverMillis - 5_000

const service = (name: string, bytesReceived?: number): PageState.Service => ({
  name,
  state: "ready",
  restarts: 0,
  sinceMillis: 0,
  figures: [],
  hasPackets: false,
  canRestart: false,
  ...(bytesReceived === undefined ? {} : { bytesReceived, bytesSent: 0 })
})

const connection: PageState.Connection = {
  service: "rot13",
  id: 1,
  remote: "127.0.0.1:50000",
  sinceMillis: 0,
  bytesReceived: 0,
  bytesSent: 0
}

const updated = (update: Omit<PageState.Update, "atMillis">, afterMillis = 0): Store.Event => ({
  _tag: "Update",
  update: { atMillis: serverMillis + afterMillis, ...update },
  nowMillis: browserMillis + afterMillis
})

const status = (now: "connecting" | "live" | "lost"): Store.Event => ({ _tag: "Status", status: now })

const about = (version: string): Store.Event => ({
  _tag: "About",
  about: { version, hasControl: true, isAllowed: false }
})

const run = (...events: ReadonlyArray<Store.Event>) => events.reduce(Store.step, Store.initial)

const bytesOf = (state: Store.State, name: string, afterMillis: number) =>
  Traffic.series(state.traffic.get(name)!, serverMillis + afterMillis).received.reduce((sum, one) => sum + one, 0)

describe("Store", () => {
  it("an update changes the sections that it has, and keeps the others", () => {
    const state = run(
      updated({ services: [service("rot13")], connections: { rows: [connection], omitted: 3 } }),
      updated({ services: [service("rot13"), service("tftp")] })
    )
    assert.deepStrictEqual(
      state.snapshot.services.map(({ name }) => name),
      ["rot13", "tftp"]
    )
    assert.deepStrictEqual(state.snapshot.connections, { rows: [connection], omitted: 3 })
    assert.deepStrictEqual(state.snapshot.peers, { rows: [], omitted: 0 })
    assert.notProperty(state.snapshot, "atMillis")
  })

  it("keeps the difference of the clocks", () => {
    const state = run(updated({}))
    assert.strictEqual(state.clockOffsetMillis, 5_000)
    assert.strictEqual(state.updatedMillis, serverMillis)
  })

  it("counts the bytes between two updates of a service", () => {
    const state = run(
      updated({ services: [service("tftp", 10_000)] }),
      updated({ services: [service("tftp", 10_700)] }, 1_000),
      updated({ services: [service("tftp", 11_000)] }, 1_250)
    )
    assert.strictEqual(bytesOf(state, "tftp", 2_500), 1_000)
  })

  it("does not count the bytes of the time without a connection", () => {
    const state = run(
      updated({ services: [service("tftp", 0)] }),
      status("live"),
      updated({ services: [service("tftp", 100)] }, 1_000),
      status("lost"),
      updated({ services: [service("tftp", 1e9)] }, 30_000),
      status("live"),
      updated({ services: [service("tftp", 1e9 + 50)] }, 31_000)
    )
    assert.strictEqual(bytesOf(state, "tftp", 32_000), 150)
  })

  it("has traffic of services that count their bytes, and forgets those that have gone", () => {
    const state = run(updated({ services: [service("__proto__", 5), service("status")] }))
    assert.deepStrictEqual([...state.traffic.keys()], ["__proto__"])
    assert.strictEqual(Store.step(state, updated({ services: [] })).traffic.size, 0)
    assert.strictEqual(Store.step(state, updated({})).traffic, state.traffic)
  })

  it("a service that starts again keeps its chart", () => {
    const state = run(
      updated({ services: [service("tftp", 0)] }),
      updated({ services: [service("tftp", 500)] }, 1_000),
      updated({ services: [service("tftp")] }, 2_000),
      updated({ services: [service("tftp", 0)] }, 3_000),
      updated({ services: [service("tftp", 20)] }, 4_000)
    )
    assert.strictEqual(bytesOf(state, "tftp", 5_000), 520)
  })

  it("notices another version of the process after a connection was lost", () => {
    const first = run(about("1.0.0"))
    assert.isFalse(Store.isOutdated(Store.initial))
    assert.isFalse(Store.isOutdated(first))
    assert.isFalse(Store.isOutdated(Store.step(first, about("1.0.0"))))
    assert.isTrue(Store.isOutdated(Store.step(first, about("1.1.0"))))
  })

  it("keeps the last sections while the connection is lost", () => {
    const state = run(updated({ services: [service("rot13")] }), status("lost"))
    assert.strictEqual(state.status, "lost")
    assert.lengthOf(state.snapshot.services, 1)
  })

  it("a day of updates does not grow the state", () => {
    let state = Store.initial
    const sizes = new Set<number>()
    for (let second = 0; second < 24 * 3_600; second += 60) {
      state = Store.step(state, updated({ services: [service("tftp", second * 1_000)] }, second * 1_000))
      sizes.add(JSON.stringify([...state.traffic]).replace(/\d+/g, "0").length)
    }
    assert.isAtMost(sizes.size, 1)
  })

  it("a process of one service has a place for the lists that had a row, also when it is gone again", () => {
    const lists = (...events: ReadonlyArray<Store.Event>) => [...Store.shownLists(run(...events))]
    const one = updated({ services: [service("rot13")] })
    assert.deepStrictEqual(lists(one), [])
    const open = updated({ connections: { rows: [connection], omitted: 0 } })
    const closed = updated({ connections: { rows: [], omitted: 0 } })
    assert.deepStrictEqual(lists(one, open, closed), ["connections"])
    assert.strictEqual(lists(updated({ services: [service("rot13"), service("tftp")] })).length, 4)
    assert.strictEqual(lists().length, 4)
  })
})
