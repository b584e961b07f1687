import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as HostPool from "../../../src/farm/tcp/HostPool.ts"
import * as NodeServices from "../../../src/network/node/NodeServices.ts"

describe("A pool of hosts", () => {
  it.effect("keeps the newest workers of hosts that can never be used, however many the lists had", () =>
    Effect.gen(function* () {
      const failures: Array<string> = []
      const pool = yield* HostPool.make(
        {
          job: { name: "none", version: 1 },
          lists: Stream.fromIterable(Array.from({ length: 300 }, (_, index) => [`host ${index}`])),
          parse: (host) => Result.fail(`no such host: ${host}`),
          open: () => Effect.never,
          ...{ leaseMillis: 1_000, timeoutMillis: 1_000, reconnect: Schedule.recurs(0) },
          publish: (event) => Effect.sync(() => failures.push("message" in event ? event.message : event._tag))
        },
        undefined
      )
      yield* Stream.runDrain(pool.joining)
      const names = yield* Effect.map(Stream.runCollect(pool.joining), (workers) => workers.map(({ name }) => name))
      assert.lengthOf(failures, 300)
      assert.deepStrictEqual(
        names,
        Array.from({ length: 100 }, (_, index) => `host ${index + 200}`)
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
