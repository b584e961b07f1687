import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Farm from "../../../src/farm/Farm.ts"
import * as TcpWorkerServer from "../../../src/farm/tcp/TcpWorkerServer.ts"
import * as TcpWorkers from "../../../src/farm/tcp/TcpWorkers.ts"
import type { Workers } from "../../../src/farm/Worker.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as Simulated from "../../support/Simulated.ts"
import * as SimWorkers from "../SimWorkers.ts"
import * as Sums from "../Sums.ts"
import * as HostEvents from "./HostEvents.ts"

const { job } = Sums.make()
const numbers = 150

describe("The workers of a server", () => {
  it.effect("may join while farms are connected: these use them as well", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [server, farm] = yield* Effect.all([host("server"), host("farm")])
        const both = SimWorkers.make(job, [1, 1], () => 10)
        const mayJoin = yield* Deferred.make<void>()
        const workers: Workers = Effect.map(both.workers, ({ workers: [first, second] }) => ({
          workers: [first!],
          joining: Stream.fromEffect(Effect.as(Deferred.await(mayJoin), second!))
        }))
        yield* server.start(TcpWorkerServer.make({ host: "0.0.0.0", port: 1070, drain: 0, job, workers }))
        const { events, takeLines } = yield* HostEvents.make(HostEvents.messageOf)
        yield* Effect.forkScoped(Effect.andThen(Effect.sleep("500 millis"), Deferred.succeed(mayJoin, undefined)))
        const start = yield* Simulated.millis
        const sum = yield* farm.run(
          Effect.gen(function* () {
            const pool = yield* TcpWorkers.make({ job, hosts: ["server"], events })
            return yield* Farm.run(job, numbers, { workers: Effect.succeed(pool), packetSize: 1 })
          }).pipe(Effect.scoped, Effect.provide(ServiceNames.layerBuiltIn))
        )
        assert.strictEqual(sum, Sums.expectedSum(numbers))
        assert.deepStrictEqual(yield* takeLines, ["Connected"])
        // Virtual time: 50 packets by one worker, then 100 by two.
        assert.isBelow((yield* Simulated.millis) - start, 1_150)
        assert.isAbove(both.sent.filter(({ worker }) => worker === 1).length, 40)
      }).pipe(Effect.scoped, Effect.orDie)
    )
  )
})
