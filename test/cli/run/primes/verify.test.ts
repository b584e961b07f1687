import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeThreadWorkers from "../../../../src/farm/threads/NodeThreadWorkers.ts"
import * as Worker from "../../../../src/farm/Worker.ts"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import * as PrimeJob from "../../../../src/primes/PrimeJob.ts"
import * as PrimeServer from "../../../../src/primes/PrimeServer.ts"
import * as Cli from "../../../support/Cli.ts"

const thread = NodeThreadWorkers.make({ module: PrimeJob.module, threads: 1 })

/** A thread that counts one prime too many in each range. */
const lyingThread: Worker.Workers = Effect.map(thread, ({ workers }) =>
  Worker.pool(
    workers.map((worker) => ({
      ...worker,
      attach: (report) =>
        worker.attach((reports) =>
          report(reports.map((one) => (one._tag === "Done" ? { ...one, result: Number(one.result) + 1 } : one)))
        )
    }))
  )
)

const serve = (workers: Worker.Workers) =>
  Effect.map(PrimeServer.make({ port: 0, workers, drain: 0 }), ({ address }) => NetAddress.formatSocketAddress(address))

describe("primes count --verify", () => {
  it.live("names the server that lies, and the count is exact", () =>
    Effect.gen(function* () {
      const [liar, good] = yield* Effect.all([serve(lyingThread), serve(thread)])
      const counting = ["0..1e9", "--kernel", "segmented", "--packets", "60", "--hosts", `${liar},${good}`]
      const { code, stderr, stdout } = yield* Cli.run(["primes", "count", ...counting, "--verify", "5%"])
      assert.match(stderr, new RegExp(`WARN.*: ${liar}: rejected: its result of packet \\d+ is not that of two other`))
      // A line on results that differ names both; none says something of the good one alone.
      assert.notInclude(stderr, `: ${good}: `)
      assert.deepStrictEqual([code, `${stdout}`], [0, "50847534\n"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
