import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HostStatus from "../../../src/status/HostStatus.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusPeer from "../../../src/status/StatusPeer.ts"
import * as PageState from "../../../src/web/PageState.ts"
import * as PeerSource from "../../../src/web/sources/PeerSource.ts"
import { run } from "../../support/Simulated.ts"

type HostPeer = Peer.Peer<HostStatus.HostStatus>

const peer = (changes: Partial<HostPeer> = {}): HostPeer => ({
  ...{ id: "00c0ffee00c0ffee", name: "web1", address: { address: "10.0.0.1", port: 2_066 }, dialect: "effect-inet" },
  ...{ self: false, state: "alive", incarnation: 1, interval: 1_000, payload: undefined, invalid: undefined },
  ...{ conflict: false, age: 0, missed: 0, stateAge: 0, knownFor: 0, loss: 0 },
  ...changes
})

const isPeer = Schema.is(PageState.Peer)

describe("PeerSource.rowOf", () => {
  it("has the status of the host, without members that it does not know", () => {
    const payload = { x: 3, y: 4, host: "h", uptime: 12.7, load: [0.5, 1, 2] as const, memory: { total: 9, free: 5 } }
    assert.deepStrictEqual(PeerSource.rowOf("status", peer({ payload, age: 2_950, missed: 2, state: "suspect" })), {
      ...{ service: "status", id: "00c0ffee00c0ffee", name: "web1", address: "10.0.0.1:2066" },
      ...{ state: "suspect", self: false, conflict: false, missed: 2, intervalMillis: 1_000, ageMillis: 2_000 },
      ...{ host: "h", uptimeSeconds: 12, load: [0.5, 1, 2], memoryTotal: 9, memoryFree: 5, x: 3, y: 4 }
    })
    assert.notProperty(PeerSource.rowOf("status", peer()), "load")
  })

  it("stays the same between two packets of a peer that is well", () => {
    const rows = [0, 250, 999].map((age) => PeerSource.rowOf("status", peer({ age })))
    assert.deepStrictEqual(rows[1], rows[0])
    assert.deepStrictEqual(rows[2], rows[0])
  })

  it("escapes names", () => {
    const name = "\u001b]0;owned\u0007<script>\u202e"
    const row = PeerSource.rowOf("status", peer({ name, payload: { x: 0, y: 0, host: name } }))
    assert.strictEqual(row.name, "\\u001b]0;owned\\u0007<script>\\u202e")
    assert.strictEqual(row.host, row.name)
  })

  it.prop("is a row that the page accepts, for any status", [HostStatus.HostStatus], ([payload]) => {
    assert.isTrue(isPeer(PeerSource.rowOf("status", peer({ payload }))))
  })
})

describe("PeerSource.choose", () => {
  it("leaves out peers that are well before those that are not, and keeps the order", () => {
    const peers = Array.from({ length: 500 }, (_, index) =>
      peer({ id: `${index}`, state: index % 10 === 9 ? "down" : "alive", self: index === 498 })
    )
    const { omitted, rows } = PeerSource.choose(peers)
    assert.strictEqual(rows.length, 200)
    assert.strictEqual(omitted, 300)
    assert.strictEqual(rows.filter(({ state }) => state === "down").length, 50)
    assert.isTrue(rows.some(({ self }) => self))
    const ids = rows.map(({ id }) => Number(id))
    assert.deepStrictEqual(
      ids,
      ids.toSorted((one, other) => one - other)
    )
  })
})

describe("PeerSource.make", () => {
  it.effect("has the peers that one peer knows", () =>
    run(({ host }) =>
      Effect.gen(function* () {
        const join = Effect.fnUntraced(function* (name: string) {
          const options = { name, schema: HostStatus.HostStatus, payload: { x: 1, y: 2, host: `${name}.lan` } }
          return yield* Effect.provide(StatusPeer.make(options), (yield* host(name)).layer)
        })
        const [one] = [yield* join("one"), yield* join("two")]
        yield* Effect.sleep("1 second")
        const { omitted, rows } = yield* PeerSource.make("lan", one).peers
        assert.strictEqual(omitted, 0)
        assert.deepStrictEqual(
          rows.map(({ host: of, name, self, service, state }) => [service, name, of, self, state]),
          [
            ["lan", "one", "one.lan", true, "alive"],
            ["lan", "two", "two.lan", false, "alive"]
          ]
        )
        assert.isTrue(rows.every((row) => isPeer(row)))
      }).pipe(Effect.scoped)
    )
  )
})
