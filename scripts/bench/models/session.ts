/**
 * The session that all models serve: the course's hangman, with arithmetic at every turn. Worker processes and threads
 * load it from this module.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as NodeHangman from "../../../src/hangman/NodeHangman.ts"

const Work = Schema.Struct({
  /** Rounds of arithmetic per turn. Not a time: two sessions that share a core must take twice as long. */
  rounds: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})

type Work = typeof Work.Type

/** Number of rounds that take about one millisecond. */
export const roundsPerMillisecond = 400_000

/** Runs a pseudo-random generator for `rounds`. The result must be used: the engine would optimize the loop away. */
const compute = (rounds: number, seed: number): number => {
  let x = seed | 1
  for (let i = 0; i < rounds; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
  }
  return x
}

export const definition = {
  ...NodeHangman.definition,
  options: Work,
  make: ({ rounds }: Work) =>
    Effect.map(NodeHangman.definition.make({ dialect: "course" }), (session) => ({
      ...session,
      receive: (...[state, input]: Parameters<typeof session.receive>) => {
        if (compute(rounds, input._tag.length) === 0) throw new Error("xorshift returned 0")
        return session.receive(state, input)
      }
    }))
}
