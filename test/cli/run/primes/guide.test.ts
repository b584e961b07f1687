/** The code and the flags in the guide to the farm. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Farm, FarmPool, NodeCheckpoint, NodeThreadWorkers, TcpWorkers, Worker } from "../../../../src/farm/index.ts"
import { NodeServices } from "../../../../src/network/index.ts"
import { Kernels, PrimeJob } from "../../../../src/primes/index.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"

const primesBelow = Effect.fnUntraced(function* (to: number, hosts: ReadonlyArray<string>, file: string) {
  const running = yield* Farm.start(
    PrimeJob.job,
    { from: 0, to, kernel: Kernels.fastest },
    {
      workers: Worker.concat(
        NodeThreadWorkers.make({ module: PrimeJob.module, threads: 2 }),
        Effect.provide(TcpWorkers.make({ hosts, job: PrimeJob.job }), NodeServices.layer)
      ),
      lease: "10 seconds",
      checkpoint: NodeCheckpoint.file(file)
    }
  )
  yield* Effect.forkScoped(
    Stream.runForEach(running.statsEvery("1 second"), ({ done, total }) => Effect.logDebug(`${done} of ${total}`))
  )
  yield* Effect.forkScoped(Stream.runForEach(running.events, (event) => Effect.logInfo(event._tag, event)))
  return yield* running.output
}, Effect.scoped)

it.live("guide/farm: runs the example of threads and hosts", () =>
  Effect.gen(function* () {
    const { inRoot } = yield* directory()
    const { address, port } = yield* Cli.serve(["primes", "serve", "--threads", "1"])
    assert.strictEqual(yield* primesBelow(1e8, [`${address}:${port}`], inRoot("run")), 5_761_455)
  }).pipe(Effect.scoped)
)

const program = Effect.gen(function* () {
  const pool = yield* FarmPool.make({ workers: NodeThreadWorkers.make({ module: PrimeJob.module }) })
  const count = (to: number) => pool.run(PrimeJob.job, { from: 0, to, kernel: Kernels.fastest }, { priority: 2 })
  const packet = pool.runPacket(PrimeJob.job, { from: 0, to: 100, kernel: "trial" })
  return yield* Effect.all([count(1_000_000), packet], { concurrency: "unbounded" })
}).pipe(Effect.scoped)

it.live("guide/farm: runs the example of a pool", () =>
  Effect.map(program, (counts) => assert.deepStrictEqual(counts, [78_498, 25]))
)

const guide = Fs.readFileSync(new URL("../../../../docs/guide/farm.md", import.meta.url), "utf8")

it("guide/farm: shows the code that is tested", () => {
  const own = Fs.readFileSync(new URL(import.meta.url), "utf8")
  const blocks = Array.from(guide.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code!)
  assert.lengthOf(blocks, 2)
  for (const code of blocks) assert.include(own, code.slice(code.indexOf("const ")))
})

it.live("guide/farm: lists every flag of primes count", () =>
  Effect.gen(function* () {
    const { stdout } = yield* Cli.run(["primes", "count", "--help"])
    const [help = ""] = stdout.toString().split("GLOBAL FLAGS")
    const flags = Array.from(help.matchAll(/^ {2}(--[\w-]+)/gm), ([, flag]) => flag)
    const rows = Array.from(guide.matchAll(/^\| `(--[\w-]+)/gm), ([, flag]) => flag).filter((row) => row !== undefined)
    assert.deepStrictEqual(rows.slice(-flags.length), flags)
  })
)
