import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Observed, show } from "../../../../src/cli/run/demo/threads.ts"
import * as Cli from "../../../support/Cli.ts"

interface Figures {
  readonly work: number
  readonly fibers: Observed
  readonly threads: Observed
}

const hellos = ["child thread says hi!", "primary thread says hello"]

describe("demo threads", () => {
  it.live("prints the course's lines, with equal results and different ends for fibers and threads", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.run(["demo", "threads", "--json"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      const { fibers, threads, work }: Figures = JSON.parse(stdout.toString())
      for (const one of [fibers, threads]) {
        // The order of the first two is not defined.
        assert.deepStrictEqual([...one.said.slice(0, 2).toSorted(), one.said[2]], [...hellos, "exit code 99"])
        assert.deepStrictEqual([one.exit, one.returned], [99, 42])
        assert.isAbove(one.join, 0)
        assert.isAbove(one.cost.micros, 0)
      }
      assert.isTrue(fibers.cancel.cleaned)
      assert.isFalse(threads.cancel.cleaned)
      assert.isTrue(fibers.detached.finished)
      assert.isFalse(fibers.attached.finished)
      assert.isFalse(threads.detached.finished)
      assert.isTrue(threads.attached.finished)
      assert.isAbove(fibers.join, work / 2)
      assert.isBelow(fibers.cost.micros, threads.cost.micros)
      const text = show(fibers, threads)
      assert.match(text, /^ +exit code 99 +exit code 99$/m)
      assert.match(text, /^exit +the parent received 99 +the parent received 99$/m)
    })
  )

  it.live("exits with code 130 when it is interrupted while threads run", () =>
    Effect.gen(function* () {
      const running = yield* Cli.start(["demo", "mutex", "--count", "1000000000"])
      yield* running.waitForOutput("stdout", /observed/)
      yield* running.kill("SIGINT")
      assert.strictEqual((yield* running.ended).code, 130)
    })
  )
})
