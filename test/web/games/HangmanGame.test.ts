import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as ClassicSession from "../../../src/hangman/ClassicSession.ts"
import * as FriendlyView from "../../../src/hangman/FriendlyView.ts"
import { machine } from "../../../src/web/games/HangmanGame.ts"
import * as MachineRun from "../../support/web/MachineRun.ts"

const Line = Schema.String.check(Schema.isPattern(/^[ -~é]{1,30}$/))
const View = Schema.Struct({
  message: Schema.Array(Line).check(Schema.isMaxLength(4)),
  board: Schema.optionalKey(
    Schema.Struct({
      word: Schema.String.check(Schema.isPattern(/^[a-z-]{1,14}$/)),
      lives: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
      initialLives: Schema.Literal(10),
      tried: Schema.String.check(Schema.isPattern(/^[a-z]{0,26}$/))
    })
  ),
  prompt: Schema.Literals(["name", "guess", "again", "bye"])
})

const pieces = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))

describe("HangmanGame", () => {
  it.prop(
    "shows the last of any views, in chunks of any size",
    [Schema.NonEmptyArray(View), pieces],
    ([views, piece]) => {
      const shown = machine.view(MachineRun.receive(machine, views.map(FriendlyView.render).join(""), piece))
      const last = views.at(-1)!
      assert(shown?._tag === "Hangman")
      assert.deepStrictEqual(shown.message, last.message)
      assert.strictEqual(shown.prompt, last.prompt)
      if (last.board !== undefined) {
        const { initialLives, lives, tried, word } = shown
        assert.deepStrictEqual<unknown>({ initialLives, lives, tried, word }, last.board)
      }
    }
  )

  it.prop("is bounded for any text, and shows no control characters", [Schema.Array(Schema.String)], ([texts]) => {
    const state = texts.reduce((before, text) => machine.step(before, { _tag: "Received", text })[0], machine.initial)
    const view = machine.view(state)
    assert.isAtMost(state.lines.length, 100)
    const shown = view?._tag === "Lines" ? view.lines : view?._tag === "Hangman" ? view.message : []
    for (const line of shown) assert.notMatch(line, /\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u)
  })

  it("keeps the board in the last view, which has none, and drops it at the start of another game", () => {
    const board = { word: "banana", lives: 3, initialLives: 10, tried: "abn" }
    const won = FriendlyView.render({ message: ["You have found it."], board, prompt: "again" })
    const bye = FriendlyView.render({ message: ["Thank you."], prompt: "bye" })
    const last = machine.view(MachineRun.receive(machine, won + bye, 100))
    assert.deepInclude(last, { word: "banana", lives: 3, prompt: "bye", message: ["Thank you."] })
    const name = FriendlyView.render({ message: ["Hangman"], prompt: "name" })
    assert.notProperty(machine.view(MachineRun.receive(machine, won + name, 100)), "word")
  })

  it.each(["course", "book"] as const)("shows the dialect %s as lines, with the lines of the player", (dialect) => {
    const { banner, line } = ClassicSession.formats[dialect]
    const first = MachineRun.receive(machine, banner("here") + line("------", 12), 7)
    const [said, sent] = machine.step(first, { _tag: "Said", line: "a" })
    assert.strictEqual(sent, "a\n")
    const view = machine.view(MachineRun.receive(machine, line("-a-a-a", 12), 5, said))
    assert(view?._tag === "Lines")
    const shown = view.lines.map((text) => text.trim()).filter((text) => text !== "")
    assert.deepStrictEqual(shown.slice(-3), [line("------", 12).trim(), "> a", line("-a-a-a", 12).trim()])
  })

  it("has nothing to show before the first byte", () => assert.isUndefined(machine.view(machine.initial)))

  it("gives a flood without a view a limit", () => {
    const state = MachineRun.receive(machine, "x".repeat(200_000), 10_000)
    assert.isAtMost(state.pending.length, 16_384)
    assert.isAtMost(state.lines.join("").length, 100 * 303)
  })

  it("refuses a line that is longer than the servers take", () => {
    assert.isUndefined(machine.problemOf(machine.initial, "é".repeat(39)))
    assert.match(machine.problemOf(machine.initial, "é".repeat(40)) ?? "", /80 bytes, at most 79/)
  })
})
