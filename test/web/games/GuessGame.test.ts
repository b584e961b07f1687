import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Guess from "../../../src/guess/Guess.ts"
import type * as GameMachine from "../../../src/web/games/GameMachine.ts"
import * as GuessGame from "../../../src/web/games/GuessGame.ts"
import * as MachineRun from "../../support/web/MachineRun.ts"

const numbers = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5_000 }))

/** A machine with a server that answers each read, with line ends of the course's servers. */
const play = (machine: GameMachine.GameMachine<GuessGame.State>, target: number) => {
  let state = machine.initial
  const reads: Array<string> = []
  const send = (bytes: string) => {
    if (bytes === "") return
    reads.push(bytes)
    const [next, more] = machine.step(state, {
      _tag: "Received",
      text: `${Guess.verdictOf(target, Guess.atoi(bytes))}\n\r`
    })
    state = next
    send(more)
  }
  return {
    guess: (line: string) => {
      const [next, bytes] = machine.step(state, { _tag: "Said", line })
      state = next
      send(bytes)
    },
    reads,
    state: () => state
  }
}

describe("GuessGame", () => {
  it.prop(
    "never excludes the number, whatever range is assumed",
    [numbers, numbers, Schema.Array(numbers)],
    ([target, max, guesses]) => {
      const game = play(GuessGame.machine({ min: 1, max }), target)
      for (const guess of guesses) {
        game.guess(`${guess}`)
        const { range } = game.state()
        // The first reply that contradicts the assumed range corrects it.
        if (target <= max || range.max > max) assert.isTrue(range.min <= target && target <= range.max)
        assert.isAtMost(range.min, range.max)
      }
      assert.lengthOf(game.state().guesses, Math.min(100, guesses.length))
    }
  )

  it("finds a number by halving, and the range has it only", () => {
    const machine = GuessGame.machine({ min: 1, max: 1_000 })
    const game = play(machine, 637)
    for (let guesses = 0; guesses < 10 && game.state().guesses.at(-1)?.verdict !== "correct!"; guesses++) {
      const { max, min } = game.state().range
      game.guess(`${Math.floor((min + max) / 2)}`)
    }
    const view = machine.view(game.state())
    assert.deepInclude(view, { _tag: "Guess", min: 637, max: 637 })
    assert.match(machine.problemOf(game.state(), "5") ?? "", /found/)
  })

  it("sends a guess after the reply to the one before", () => {
    const machine = GuessGame.machine()
    const said = (state: GuessGame.State, line: string) => machine.step(state, { _tag: "Said", line })
    const [first, sent] = said(machine.initial, " 500 ")
    const [second, held] = said(first, "250")
    assert.deepStrictEqual([sent, held], ["500\n", ""])
    const [third, next] = machine.step(second, { _tag: "Received", text: "too b" })
    assert.strictEqual(next, "")
    const [, after] = machine.step(third, { _tag: "Received", text: "ig\n" })
    assert.strictEqual(after, "250\n")
  })

  it("refuses text without digits, and more guesses than may wait", () => {
    const machine = GuessGame.machine()
    for (const line of ["", "abc", "5 6", "1e9", "0x10", "9".repeat(21)]) {
      assert.match(machine.problemOf(machine.initial, line) ?? "", /whole number/)
    }
    assert.isUndefined(machine.problemOf(machine.initial, " -12 "))
    let state = machine.initial
    for (let guesses = 0; guesses < 8; guesses++) {
      assert.isUndefined(machine.problemOf(state, "5"))
      state = machine.step(state, { _tag: "Said", line: "5" })[0]
    }
    assert.match(machine.problemOf(state, "5") ?? "", /8 guesses wait/)
  })

  it.prop("is bounded for any text, and shows no control characters", [Schema.Array(Schema.String)], ([texts]) => {
    const machine = GuessGame.machine()
    const state = texts.reduce((before, text) => machine.step(before, { _tag: "Received", text })[0], machine.initial)
    assert.isAtMost(state.lines.length, 100)
    const view = machine.view(state)
    if (view?._tag === "Lines") for (const line of view.lines) assert.notMatch(line, /\p{Cc}/u)
  })

  it("shows the lines of a server that is another one", () => {
    const machine = GuessGame.machine()
    const state = MachineRun.receive(machine, "220 mail\u0007\r\n", 4)
    assert.deepStrictEqual<unknown>(machine.view(state), { _tag: "Lines", lines: ["220 mail\\u0007"] })
  })
})
