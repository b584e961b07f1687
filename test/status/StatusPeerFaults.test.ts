import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SimCheck from "../../src/simulation/SimCheck.ts"
import * as StatusFaults from "../suites/status/StatusFaults.ts"
import { summary } from "../suites/status/StatusTestNetwork.ts"
import * as Simulated from "../support/Simulated.ts"

const until = (seconds: number) => Effect.flatMap(Simulated.millis, (now) => Effect.sleep(seconds * 1_000 - now))

describe("StatusPeer under faults", () => {
  it.effect("declares a crashed peer down after 4 to 6 intervals, and sees it restart at once", () =>
    Simulated.run(
      Effect.fnUntraced(function* (simulation) {
        const [a, b] = yield* StatusFaults.members(simulation, 2)
        yield* until(14)
        assert.deepStrictEqual(StatusFaults.tagsOf(a!, "b"), ["Joined", "Suspect"])
        yield* until(16)
        assert.deepStrictEqual(StatusFaults.tagsOf(a!, "b"), ["Joined", "Suspect", "Down"])
        assert.deepStrictEqual(summary(a!.peer()), ["a alive 0", "b down 0"])
        yield* until(20.01)
        assert.deepStrictEqual(StatusFaults.tagsOf(a!, "b"), ["Joined", "Suspect", "Down", "Restarted"])
        yield* until(21)
        assert.deepStrictEqual(summary(b!.peer()), ["a alive 0", "b alive 0"])
      }),
      "crash=b@10s..20s"
    )
  )

  it.effect("raises no false alarm on a host that was paused for a minute, which is down for the others", () =>
    Simulated.run(
      Effect.fnUntraced(function* (simulation) {
        const [a, b, c] = yield* StatusFaults.members(simulation, 3)
        yield* until(73)
        for (const one of [a!, c!]) {
          assert.deepStrictEqual(StatusFaults.tagsOf(one, "b"), ["Joined", "Suspect", "Down", "Alive"])
        }
        yield* until(100)
        assert.notInclude(StatusFaults.tagsOf(b!), "Down")
        assert.notInclude(StatusFaults.tagsOf(b!), "Suspect")
      }),
      "pause=b@10s..70s"
    )
  )

  it.effect("agrees on all hosts within 3 intervals after a partition of any length", () =>
    Effect.forEach([15, 40, 200], (end) =>
      Simulated.run(
        Effect.fnUntraced(function* (simulation) {
          const all = yield* StatusFaults.members(simulation, 3)
          yield* until(end)
          if (end === 40) assert.deepStrictEqual(summary(all[2]!.peer()), ["a down 0", "b down 0", "c alive 0"])
          yield* until(end + 3)
          for (const { peer } of all) assert.deepStrictEqual(summary(peer()), ["a alive 0", "b alive 0", "c alive 0"])
        }),
        `partition=a|c@10s..${end}s, partition=b|c@10s..${end}s`
      )
    )
  )

  it.effect("raises no false alarm while one packet in five is lost and others are late, duplicated or reordered", () =>
    SimCheck.check(StatusFaults.noFalseDowns, {
      plan: "drop=20%, dup=5%, reorder=10% 300ms, delay=10% 10ms..400ms",
      runs: 5
    })
  )

  it.effect("agrees on all hosts 3 intervals after any faults", () =>
    SimCheck.check(StatusFaults.scenario, {
      generate: StatusFaults.faults,
      runs: 25,
      sometimes: StatusFaults.sometimes
    })
  )
})
