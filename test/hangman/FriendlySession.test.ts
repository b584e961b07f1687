import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FriendlyView from "../../src/hangman/FriendlyView.ts"
import * as HangmanSession from "../../src/hangman/HangmanSession.ts"
import type * as Scoreboard from "../../src/hangman/Scoreboard.ts"
import * as Words from "../../src/hangman/Words.ts"
import type { Input } from "../../src/session/Session.ts"

const words = Words.parse(new TextEncoder().encode("banana"))
const client = { id: 1, remote: "192.0.2.1", seed: 0 }

/** Runs a session with a scoreboard that answers at once. Returns the views, the requests, and whether it closed. */
const play = (inputs: ReadonlyArray<string | Input<Scoreboard.Answer>>) => {
  const session = Effect.runSync(HangmanSession.session({ words }))
  let [state, out] = session.open(client)
  const views: Array<FriendlyView.View> = []
  const asks: Array<Scoreboard.Ask> = []
  const record = () => {
    if (out.text === undefined) return
    const view = FriendlyView.parse(out.text)
    assert.isDefined(view, out.text)
    views.push(view)
  }
  record()
  for (const input of inputs) {
    if (out.close) break
    ;[state, out] = session.receive(state, typeof input === "string" ? { _tag: "Line", text: input } : input)
    record()
    if (out.ask === undefined) continue
    asks.push(out.ask)
    const message: Scoreboard.Answer =
      out.ask._tag === "Top"
        ? { _tag: "Top", games: 7, wins: 3, players: 1, best: [{ name: "eve", games: 5, wins: 3, wrong: 12 }] }
        : { _tag: "Counted", rank: out.ask.name === "" ? 0 : 2, players: 3 }
    ;[state, out] = session.receive(state, { _tag: "Message", message })
    record()
  }
  return { views, asks, last: views.at(-1)!, closed: out.close === true }
}

const board = (word: string, lives: number, tried: string) => ({ word, lives, initialLives: 10, tried })

describe("FriendlySession", () => {
  it("counts a won game before it shows the result, then starts another", () => {
    const { asks, views } = play(["ann", "b", "N", "a", "yes"])
    assert.deepStrictEqual(views.slice(1), [
      { message: ["A word of 6 letters, and 10 lives."], board: board("------", 10, ""), prompt: "guess" },
      { message: ["Yes, there is a b."], board: board("b-----", 10, "b"), prompt: "guess" },
      { message: ["Yes, there is an n."], board: board("b-n-n-", 10, "bn"), prompt: "guess" },
      {
        message: ["You have found it: banana.", "ann, your rank is 2 of 3."],
        board: board("banana", 10, "abn"),
        prompt: "again"
      },
      { message: ["A word of 6 letters, and 10 lives."], board: board("------", 10, ""), prompt: "guess" }
    ])
    assert.deepStrictEqual(asks, [{ _tag: "Finished", game: 1, name: "ann", word: "banana", won: true, wrong: 0 }])
  })

  it("shows the word after a lost game", () => {
    const { asks, last } = play(["", ..."cdefghijkl"])
    assert.deepStrictEqual(last, {
      message: ["You hang. The word was banana.", "Counted for a guest: only players with a name have a rank."],
      board: board("banana", 0, "cdefghijkl"),
      prompt: "again"
    })
    assert.deepStrictEqual(asks, [{ _tag: "Finished", game: 1, name: "", word: "banana", won: false, wrong: 10 }])
  })

  it("numbers the games of a client", () => {
    const { asks } = play(["ann", "banana", "y", "banana", "yes", "banana"])
    assert.deepStrictEqual(
      asks.map((ask) => ask._tag === "Finished" && ask.game),
      [1, 2, 3]
    )
  })

  it.effect.each([
    ["", "Type a letter or the whole word; help lists the rules.", 10],
    ["   ", "Type a letter or the whole word; help lists the rules.", 10],
    ["7", "Only the letters a to z are in the word.", 10],
    ["\u001b[31m", "Only the letters a to z are in the word.", 10],
    ["\u0007", "Only the letters a to z are in the word.", 10],
    ["é", "Only the letters a to z are in the word.", 10],
    ["ban4na", "Only the letters a to z are in the word.", 10],
    ["abc", "One letter at a time, or the whole word: it has 6 letters, not 3.", 10],
    ["x", "No x in it.", 9],
    ["X", "No x in it.", 9],
    ["orange", "No, it is not orange.", 9],
    ["constructor", "One letter at a time, or the whole word: it has 6 letters, not 11.", 10]
  ] as const)("answers %j with: %s", ([line, message, lives]) =>
    Effect.sync(() => {
      const { last } = play(["", line])
      assert.deepStrictEqual([last.message, last.board?.lives, last.prompt], [[message], lives, "guess"])
    })
  )

  it("takes no life for a repeated letter", () => {
    const { last } = play(["", "x", "x"])
    assert.deepStrictEqual([last.message, last.board?.lives], [["You have tried x before: no life lost."], 9])
  })

  it.effect.each([
    ["Ann", "Ann"],
    ["  Ann Bee  ", "Ann Bee"],
    ["Ångström-日本", "Ångström-日本"],
    ["guest", ""],
    ["", ""],
    ["12345678901234567890", "12345678901234567890"]
  ] as const)("converts the name %j to %j", ([line, name]) =>
    Effect.sync(() => {
      const [ask] = play([line, "banana"]).asks
      assert.strictEqual(ask?._tag === "Finished" ? ask.name : undefined, name)
    })
  )

  it.effect.each(["123456789012345678901", "a\u001b[2Jb", "a\u0007b", "a\u202eb", "\ufffd", "a\u00adb", "a\tb"])(
    "rejects the name %j",
    (line) =>
      Effect.sync(() => {
        const { last } = play([line])
        assert.deepStrictEqual(last.message, [
          "A name has 1 to 20 printable characters; an empty line makes you a guest."
        ])
        assert.strictEqual(last.prompt, "name")
      })
  )

  it("shows the scoreboard at every prompt and repeats the prompt", () => {
    const table = ["Games 7, won 3, players 1.", "rank  wins  games  wrong  name", "   1     3      5     12  eve"]
    for (const [before, prompt] of [
      [[], "name"],
      [["ann"], "guess"],
      [["ann", "banana"], "again"]
    ] as const) {
      const { last } = play([...before, "TOP"])
      assert.deepStrictEqual([last.message, last.prompt], [table, prompt])
    }
  })

  it("says good bye after quit, no and a framing error", () => {
    const bye = (...message: ReadonlyArray<string>) => ({ message, prompt: "bye" })
    const thanks = bye("Thank you for playing, ann.")
    for (const lines of [
      ["ann", "quit"],
      ["ann", "banana", "no"],
      ["ann", "banana", "quit"]
    ]) {
      const { closed, last } = play(lines)
      assert.deepStrictEqual<unknown>(last, thanks)
      assert.isTrue(closed)
    }
    const { last } = play(["ann", { _tag: "FramingError", message: "line too long" }])
    assert.deepStrictEqual<unknown>(last, bye("Sorry: line too long."))
  })

  it("reports a game that could not be written", () => {
    const session = Effect.runSync(HangmanSession.session({ words }))
    let [state] = session.open(client)
    for (const text of ["ann", "banana"]) [state] = session.receive(state, { _tag: "Line", text })
    const [, out] = session.receive(state, { _tag: "Message", message: { _tag: "NotCounted" } })
    assert.include(out.text!, "The scoreboard cannot be written now: this game does not count.")
  })

  it.effect.prop(
    "answers any line with one view without control characters",
    [Schema.Array(Schema.Union([Schema.String, Schema.Literals(["a", "yes", "banana", "top", "x", "help"])]))],
    ([lines]) =>
      Effect.sync(() => {
        const { closed, views } = play(lines)
        if (!closed) assert.strictEqual(views.length, lines.length + 1)
        for (const view of views) assert.notMatch(FriendlyView.render(view).replaceAll("\n", ""), /\p{C}/u)
      })
  )
})
