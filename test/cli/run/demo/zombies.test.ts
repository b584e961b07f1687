import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { demonstrate } from "../../../../src/cli/run/demo/zombies.ts"
import * as Cli from "../../../support/Cli.ts"

const isLinux = process.platform === "linux"

const live = it.live.skipIf(!isLinux)

const skipReason = isLinux ? "" : " (skipped: needs /proc)"

/** Returns the state and parent of a process; undefined if it does not exist. */
const stat = (pid: number) => {
  try {
    const line = Fs.readFileSync(`/proc/${pid}/stat`, "latin1")
    return line
      .slice(line.lastIndexOf(")") + 2)
      .split(" ")
      .slice(0, 2)
  } catch {
    return undefined
  }
}

const zombieLine = /^ +(\d+) +(\d+) +Z +0 bytes +sh <defunct>$/m

describe("demo zombies", () => {
  live(`prints a zombie while it exists, and does not remove it by kill -9${skipReason}`, () =>
    Effect.gen(function* () {
      const seen: Array<ReadonlyArray<string> | undefined> = []
      const pids: Array<number> = []
      const print = (text: string) =>
        Effect.sync(() => {
          const [, zombie, parent] = zombieLine.exec(text) ?? []
          if (zombie !== undefined) pids.push(Number(zombie), Number(parent))
          if (pids.length > 0) seen.push(stat(pids[0]!))
        })
      const { adopted, before, killed, waited, zombie } = yield* demonstrate(print)
      const [child, parent] = pids as [number, number]
      assert.deepStrictEqual(
        before.map((one) => [one?.pid, one?.command, one?.state === "Z"]),
        [
          [parent, "sleep", false],
          [child, "sh", false]
        ]
      )
      assert.deepStrictEqual(zombie, {
        pid: child,
        command: "sh",
        state: "Z",
        parent,
        resident: 0,
        exitCode: 7
      })
      assert.deepStrictEqual(killed, zombie)
      assert.deepStrictEqual(seen.slice(0, 2), [
        ["Z", `${parent}`],
        ["Z", `${parent}`]
      ])
      // The process that adopts it may not wait either, in a container without an init.
      assert.notStrictEqual(adopted.left?.parent, parent)
      assert.deepStrictEqual([waited.code, waited.left, stat(waited.pid)], [7, undefined, undefined])
      assert.isUndefined(stat(parent))
      assert.notStrictEqual(stat(child)?.[1], `${parent}`)
    })
  )

  live(`ends parent and child when it is interrupted${skipReason}`, () =>
    Effect.gen(function* () {
      const running = yield* Cli.start(["demo", "zombies"])
      const [, child, parent] = yield* running.waitForOutput("stdout", zombieLine)
      yield* running.kill("SIGINT")
      assert.strictEqual((yield* running.ended).code, 130)
      assert.isUndefined(stat(Number(parent)))
      assert.notStrictEqual(stat(Number(child))?.[1], parent)
    })
  )

  live(`prints the same results as JSON${skipReason}`, () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.run(["demo", "zombies", "--json"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      const { killed, waited, zombie } = JSON.parse(stdout.toString())
      assert.deepStrictEqual([zombie.state, zombie.exitCode, zombie.resident], ["Z", 7, 0])
      assert.deepStrictEqual(killed, zombie)
      assert.deepStrictEqual([waited.code, "left" in waited], [7, false])
    })
  )
})
