import { assert, describe, it } from "@effect/vitest"
import type { Command, Event } from "../../../../src/cli/run/games/fullScreen.ts"
import * as hangmanGame from "../../../../src/cli/run/hangman/game.ts"
import type * as FriendlyView from "../../../../src/hangman/FriendlyView.ts"

type GameEvent = Event<FriendlyView.View>

const board = { word: "-a", lives: 3, initialLives: 10, tried: "a" }
const shows = (prompt: FriendlyView.Prompt, ...message: ReadonlyArray<string>): GameEvent => ({
  _tag: "Received",
  message: prompt === "guess" || prompt === "again" ? { message, board, prompt } : { message, prompt }
})
const key = (_tag: "Enter" | "Backspace" | "Escape" | "Interrupt" | "EndOfInput" | "Up" | "Resize"): GameEvent => ({
  _tag
})
const type = (text: string): ReadonlyArray<GameEvent> =>
  Array.from(text, (character) => ({ _tag: "Character", character }))

/** Returns the lines that are sent, and the command that ends the game. */
const commands = (name: string | undefined, ...events: ReadonlyArray<GameEvent>) => {
  const { initial: first, step } = hangmanGame.game("there", name)
  const log: Array<string> = []
  const describeCommand = (command: Command) =>
    command._tag === "Send" ? command.text : command._tag === "Fail" ? command.message : command._tag
  let state = first
  for (const event of events) {
    const [after, command] = step(state, event)
    state = after
    if (command !== undefined) log.push(describeCommand(command))
  }
  return log
}

describe("hangman game", () => {
  it("sends the name of the command line once, or the name that is typed", () => {
    assert.deepStrictEqual(commands("ann", shows("name"), shows("name")), ["ann"])
    const typed = [shows("name"), ...type("anx"), key("Backspace"), ...type("n"), key("Enter")]
    assert.deepStrictEqual(commands(undefined, ...typed), ["ann"])
    assert.deepStrictEqual(commands(undefined, shows("name"), key("Enter")), [""])
  })

  it("sends a letter as a guess at once and ignores other keys", () => {
    assert.deepStrictEqual(commands(undefined, shows("guess"), ...type("E")), ["e"])
    assert.deepStrictEqual(commands(undefined, shows("guess"), ...type("1é \u{1f600}"), key("Enter"), key("Up")), [])
  })

  it("queues letters typed ahead and drops them at the end of the game", () => {
    const ahead = [shows("guess"), ...type("xyz"), shows("guess"), shows("guess")]
    assert.deepStrictEqual(commands(undefined, ...ahead), ["x", "y", "z"])
    const over = [shows("guess"), ...type("xyn"), shows("again"), ...type("y"), shows("guess")]
    assert.deepStrictEqual(commands(undefined, ...over), ["x", "yes"])
    assert.deepStrictEqual(commands(undefined, ...type("abc"), shows("guess")), [])
  })

  it("starts another game after Enter and y, and ends with success after n and Escape", () => {
    assert.deepStrictEqual(commands(undefined, shows("again"), key("Enter"), key("Enter")), ["yes"])
    assert.deepStrictEqual(commands(undefined, shows("again"), ...type("Y")), ["yes"])
    assert.deepStrictEqual(commands(undefined, shows("again"), ...type("n"), shows("bye")), ["no", "Done"])
    assert.deepStrictEqual(commands(undefined, shows("again"), ...type("n"), { _tag: "Disconnected", reason: "x" }), [
      "no",
      "Done"
    ])
    assert.deepStrictEqual(commands(undefined, shows("again"), key("Escape")), ["Done"])
  })

  it("aborts a game at Escape and the end of input, and at any time at Ctrl-C", () => {
    for (const tag of ["Escape", "EndOfInput", "Interrupt"] as const) {
      assert.deepStrictEqual(commands(undefined, shows("guess"), key(tag)), ["Abort"])
      assert.deepStrictEqual(commands(undefined, key(tag)), ["Abort"])
    }
    assert.deepStrictEqual(commands(undefined, shows("again"), key("Interrupt")), ["Abort"])
  })

  it("fails if the server closes during a game", () => {
    assert.deepStrictEqual(commands(undefined, shows("guess"), shows("bye", "Sorry: late.")), ["Sorry: late."])
    assert.deepStrictEqual(commands(undefined, shows("guess"), { _tag: "Disconnected", reason: "reset" }), [
      "hangman: reset"
    ])
  })
})
