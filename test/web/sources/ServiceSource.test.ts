import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as PageState from "../../../src/web/PageState.ts"
import * as ServiceSource from "../../../src/web/sources/ServiceSource.ts"

const entry: ServiceSource.Entry = {
  name: "rot13",
  state: "ready",
  address: "127.0.0.1:1067",
  restarts: 0,
  sinceMillis: 1_000,
  hasPackets: true,
  canRestart: true
}

const tcp = { active: 2, accepted: 9, refused: 1, timedOut: 3, bytesReceived: 10, bytesSent: 20 }

const figure = (name: string, value: number): PageState.Figure => ({ name, value, unit: "count" })

describe("ServiceSource.figuresOf", () => {
  it("has words for the counters of each kind of service", () => {
    assert.deepStrictEqual(ServiceSource.figuresOf(tcp), {
      figures: [figure("clients", 2), figure("accepted", 9), figure("refused", 1), figure("timed out", 3)],
      bytesReceived: 10,
      bytesSent: 20
    })
    const transfers = { active: 4, started: 5, finished: 1, probed: 0, failed: 0, refused: 0, resent: 7, bytesSent: 1 }
    const { bytesReceived, figures } = ServiceSource.figuresOf(transfers)
    assert.deepStrictEqual(figures.slice(0, 2), [figure("transfers", 4), figure("started", 5)])
    assert.deepInclude(figures, figure("packets sent again", 7))
    assert.isUndefined(bytesReceived)
    const peer = {
      sent: 3,
      failed: 0,
      dropped: undefined,
      accepted: 2,
      rejected: { mac: 1, cluster: 4 },
      invalidPayloads: 0
    }
    assert.deepInclude(ServiceSource.figuresOf(peer).figures, figure("rejected", 5))
    assert.notInclude(
      ServiceSource.figuresOf(peer).figures.map(({ name }) => name),
      "dropped by the kernel"
    )
    const proxy = { udp: 1, tcp: 2, refused: 0, toServer: 40, toClients: 30, bytesSent: 9, faults: [["drop=10%", 4]] }
    assert.deepStrictEqual(ServiceSource.figuresOf(proxy), {
      figures: [
        ...[figure("senders of datagrams", 1), figure("connections", 2), figure("datagrams to the server", 40)],
        ...[figure("datagrams to clients", 30), figure("refused", 0), figure("faults by drop=10%", 4)]
      ],
      bytesSent: 9
    })
    const relay = { subscribers: 6, received: 0, forwarded: 0, malformed: 2 }
    assert.deepStrictEqual(ServiceSource.figuresOf(relay).figures[0], figure("subscribers", 6))
  })

  it.prop("returns finite figures for any counters", [Schema.Unknown], ([stats]) => {
    const { figures } = ServiceSource.figuresOf(stats)
    assert.isTrue(figures.every(({ value }) => Number.isFinite(value)))
  })
})

describe("ServiceSource.toRow", () => {
  it("escapes and shortens texts, so that they are one line", () => {
    const row = ServiceSource.toRow(
      { ...entry, lastError: `\u001b[31m<b>${"x".repeat(1_000)}`, tryIt: "nc\n-U /run/\u202ea" },
      undefined
    )
    assert.match(row.lastError!, /^\\u001b\[31m<b>x+\.\.\.$/)
    assert.isBelow(row.lastError!.length, 520)
    assert.strictEqual(row.tryIt, "nc\\u000a-U /run/\\u202ea")
    assert.isTrue(Schema.is(PageState.Service)(row))
  })

  it("has no members for what is not known", () => {
    const { address: _, ...stopped } = entry
    assert.deepStrictEqual(ServiceSource.toRow({ ...stopped, state: "stopped" }, undefined), {
      ...stopped,
      state: "stopped",
      figures: []
    })
  })
})

describe("ServiceSource.make", () => {
  it.effect("shows the last counters of a service that does not return them in time, and the others at once", () =>
    Effect.gen(function* () {
      const hangs = yield* Ref.make(false)
      const stats = Effect.flatMap(Ref.get(hangs), (is) => (is ? Effect.never : Effect.succeed(tcp)))
      const active = yield* Ref.make(1)
      const rows = ServiceSource.make(
        Effect.succeed([
          { ...entry, stats },
          { ...entry, name: "guess", stats: Effect.map(Ref.get(active), (active) => ({ ...tcp, active })) }
        ])
      )
      const clients = Effect.map(rows, (all) => all.map(({ figures }) => figures[0]!.value))
      assert.deepStrictEqual(yield* clients, [2, 1])
      yield* Ref.set(hangs, true)
      yield* Ref.set(active, 5)
      const late = yield* Effect.forkChild(clients)
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(yield* Fiber.join(late), [2, 5])
    })
  )
})
