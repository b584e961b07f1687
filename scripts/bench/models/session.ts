/**
 * The session all models serve: the course's hangman, and as much arithmetic at every turn as the options say. It is
 * from here that processes and threads load it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as NodeHangman from "../../../src/hangman/NodeHangman.ts"

const Work = Schema.Struct({
  /** Rounds of arithmetic a turn. A number of rounds, not a time: two that share a core must take twice as long. */
  rounds: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})

type Work = typeof Work.Type

/** Rounds that take about a millisecond. */
export const roundsPerMillisecond = 400_000

/** A generator of pseudo-random numbers, run for so long; without a use of its result it would be optimized away. */
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
        if (compute(rounds, input._tag.length) === 0) throw new Error("a xorshift never comes to 0")
        return session.receive(state, input)
      }
    }))
}
