import { assert, describe, it } from "@effect/vitest"
import type { Deed, Event } from "../../../../src/cli/run/games/fullScreen.ts"
import * as hangmanGame from "../../../../src/cli/run/hangman/game.ts"
import type * as FriendlyView from "../../../../src/hangman/FriendlyView.ts"

type News = Event<FriendlyView.View>

const board = { word: "-a", lives: 3, most: 10, tried: "a" }
const shows = (prompt: FriendlyView.Prompt, ...message: ReadonlyArray<string>): News => ({
  _tag: "News",
  news: prompt === "guess" || prompt === "again" ? { message, board, prompt } : { message, prompt }
})
const key = (_tag: "Enter" | "Backspace" | "Escape" | "Interrupt" | "EndOfInput" | "Up" | "Resize"): News => ({ _tag })
const type = (text: string): ReadonlyArray<News> => Array.from(text, (character) => ({ _tag: "Character", character }))

/** What is sent, and how it ends. */
const deeds = (name: string | undefined, ...events: ReadonlyArray<News>) => {
  const { first, step } = hangmanGame.game("there", name)
  const done: Array<string> = []
  const say = (deed: Deed) => (deed._tag === "Send" ? deed.text : deed._tag === "Fail" ? deed.message : deed._tag)
  let state = first
  for (const event of events) {
    const [after, deed] = step(state, event)
    state = after
    if (deed !== undefined) done.push(say(deed))
  }
  return done
}

describe("the keys of hangman", () => {
  it("a name that was given is sent when it is asked for, and once", () => {
    assert.deepStrictEqual(deeds("ann", shows("name"), shows("name")), ["ann"])
    const typed = [shows("name"), ...type("anx"), key("Backspace"), ...type("n"), key("Enter")]
    assert.deepStrictEqual(deeds(undefined, ...typed), ["ann"])
    assert.deepStrictEqual(deeds(undefined, shows("name"), key("Enter")), [""])
  })

  it("a letter is a guess at once, in either case; nothing else is", () => {
    assert.deepStrictEqual(deeds(undefined, shows("guess"), ...type("E")), ["e"])
    assert.deepStrictEqual(deeds(undefined, shows("guess"), ...type("1é \u{1f600}"), key("Enter"), key("Up")), [])
  })

  it("letters typed ahead wait for their turn, and are forgotten when the game is over", () => {
    const ahead = [shows("guess"), ...type("xyz"), shows("guess"), shows("guess")]
    assert.deepStrictEqual(deeds(undefined, ...ahead), ["x", "y", "z"])
    const over = [shows("guess"), ...type("xyn"), shows("again"), ...type("y"), shows("guess")]
    assert.deepStrictEqual(deeds(undefined, ...over), ["x", "yes"])
    assert.deepStrictEqual(deeds(undefined, ...type("abc"), shows("guess")), [])
  })

  it("after a game: Enter and y play on, n ends well, and so does Escape", () => {
    assert.deepStrictEqual(deeds(undefined, shows("again"), key("Enter"), key("Enter")), ["yes"])
    assert.deepStrictEqual(deeds(undefined, shows("again"), ...type("Y")), ["yes"])
    assert.deepStrictEqual(deeds(undefined, shows("again"), ...type("n"), shows("bye")), ["no", "Done"])
    assert.deepStrictEqual(deeds(undefined, shows("again"), ...type("n"), { _tag: "Gone", why: "x" }), ["no", "Done"])
    assert.deepStrictEqual(deeds(undefined, shows("again"), key("Escape")), ["Done"])
  })

  it("in the middle: Escape and the end of input leave, Ctrl-C always does", () => {
    for (const tag of ["Escape", "EndOfInput", "Interrupt"] as const) {
      assert.deepStrictEqual(deeds(undefined, shows("guess"), key(tag)), ["Leave"])
      assert.deepStrictEqual(deeds(undefined, key(tag)), ["Leave"])
    }
    assert.deepStrictEqual(deeds(undefined, shows("again"), key("Interrupt")), ["Leave"])
  })

  it("a server that goes, with a word or without, is an error", () => {
    assert.deepStrictEqual(deeds(undefined, shows("guess"), shows("bye", "Sorry: late.")), ["Sorry: late."])
    assert.deepStrictEqual(deeds(undefined, shows("guess"), { _tag: "Gone", why: "reset" }), ["hangman: reset"])
  })
})
