import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as Farm from "../../src/farm/Farm.ts"
import * as TcpWorkers from "../../src/farm/tcp/TcpWorkers.ts"
import * as NodeThreadWorkers from "../../src/farm/threads/NodeThreadWorkers.ts"
import * as Network from "../../src/network/Network.ts"
import * as NodeServices from "../../src/network/node/NodeServices.ts"
import * as CourseProtocol from "../../src/primes/CourseProtocol.ts"
import * as PrimeJob from "../../src/primes/PrimeJob.ts"
import * as PrimeServer from "../../src/primes/PrimeServer.ts"
import * as PageState from "../../src/web/PageState.ts"
import * as FarmSource from "../../src/web/sources/FarmSource.ts"
import * as Handles from "../support/Handles.ts"
import { read } from "../support/Hosts.ts"
import { pause } from "../support/Pause.ts"

const workers = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 })

const input = { from: 0, to: 30_000_000, kernel: "wasm" } as const

const isFarm = Schema.is(PageState.Farm)

describe("PrimeServer.runs", () => {
  it.live("has a farm and a client of the course, with the numbers that each thread has counted", () =>
    Effect.gen(function* () {
      const server = yield* PrimeServer.make({ port: 0, workers, drain: "100 millis" })
      const address = NetAddress.formatSocketAddress(server.address)
      yield* Effect.gen(function* () {
        const hosts = yield* TcpWorkers.make({ job: PrimeJob.job, hosts: [address] })
        const count = yield* Farm.run(PrimeJob.job, input, { workers: Effect.succeed(hosts), packetSize: 1_000_000 })
        assert.strictEqual(count, 1_857_859)
        const [running] = yield* server.runs
        assert.match(running!.title, /^primes for 127\.0\.0\.1:\d+$/)
        const { done, packets } = running!.progress()
        assert.isAtLeast(done, input.to)
        assert.isAtLeast(packets, 1)
      }).pipe(Effect.scoped)
      const connection = yield* (yield* Network.Network).connect(server.address)
      yield* connection.write(CourseProtocol.encodeRequest({ min: 0, max: 1_000 }))
      yield* read(connection, 4)

      const { farms } = FarmSource.make("primes", server.runs)
      // The server learns from the end of the connection that the farm has left.
      const hasLeft = Effect.map(farms, ({ rows }) => rows.some(({ state }) => state === "done"))
      yield* Effect.repeat(Effect.andThen(pause, hasLeft), { until: (left) => left })
      const { rows } = yield* farms
      const [course, farm] = rows
      assert.strictEqual(rows.length, 2)
      assert.match(course!.title, /^primes for 127\.0\.0\.1:\d+, in the course's protocol$/)
      assert.deepInclude(course, { id: 2, state: "running", done: 1_000, packets: 1 })
      assert.deepInclude(farm, { id: 1, state: "done", service: "primes" })
      assert.isAtLeast(farm!.done, input.to)
      assert.strictEqual(farm!.workers.length, 2)
      assert.approximately(
        farm!.workers.reduce((all, { share }) => all + share, 0),
        1,
        0.001
      )
      assert.isTrue(rows.every((row) => isFarm(row)))
    }).pipe(Effect.scoped, Handles.assertNoLeaks, Effect.provide(NodeServices.layer))
  )
})
