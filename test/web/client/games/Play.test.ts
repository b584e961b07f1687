import { assert, describe, it } from "@effect/vitest"
import * as Play from "../../../../src/web/client/games/Play.ts"
import type { GameView } from "../../../../src/web/PageRpc.ts"

const guess = (...verdicts: ReadonlyArray<string>): GameView => ({
  _tag: "Guess",
  min: 1,
  max: 9,
  guesses: verdicts.map((verdict) => ({ text: "5", verdict }))
})
const started: GameView = { _tag: "Started", session: 7 }
const ended: GameView = { _tag: "Ended", reason: "the server closed the connection" }
const hangman: GameView = { _tag: "Hangman", lives: 0, initialLives: 0, tried: "", message: [], prompt: "bye" }

const run = (...events: ReadonlyArray<Play.Event>) => events.reduce(Play.step, Play.initial)
const views = (...all: ReadonlyArray<GameView>) => run(...all.map((view): Play.Event => ({ _tag: "View", view })))

describe("Play", () => {
  it("runs after the start, with the latest view and their number", () => {
    const state = views(started, guess(), guess("too big"))
    assert.deepInclude(state, { phase: "running", views: 2, notice: undefined })
    assert.deepStrictEqual<unknown>(state.view, guess("too big"))
  })

  it("explains an end that the rules of the game do not have", () => {
    const { notice, phase } = views(started, guess("too big"), ended)
    assert.strictEqual(phase, "ended")
    assert.deepStrictEqual(notice, { number: 1, text: "The server closed the connection.", tone: "bad" })
  })

  it.each([
    ["number guessing", guess("too big", "correct!")],
    ["hangman", hangman]
  ])("has no notice at the end of a game of %s that is over", (_, last) => {
    assert.deepInclude(views(started, last, ended), { phase: "ended", notice: undefined })
  })

  it("numbers equal errors, and removes them with the next view", () => {
    const said: Play.Event = { _tag: "Said", error: "no such square!" }
    const once = Play.step(views(started, guess()), said)
    const twice = Play.step(once, said)
    assert.deepStrictEqual([once.notice?.number, twice.notice?.number], [1, 2])
    assert.strictEqual(twice.notice?.text, "No such square!")
    assert.isUndefined(Play.step(twice, { _tag: "View", view: guess("too big") }).notice)
    assert.strictEqual(Play.step(once, { _tag: "Said", error: undefined }), once)
  })

  it("ends when the game cannot start", () => {
    const state = run({ _tag: "Failed", message: "cannot play board" })
    assert.deepInclude(state, { phase: "ended", view: undefined })
    assert.strictEqual(state.notice?.text, "Cannot play board.")
  })
})
