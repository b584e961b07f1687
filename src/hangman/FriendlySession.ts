/**
 * The friendly dialect: a player with a name, who is told what is wrong, and may play again.
 *
 * A line is a guess of one letter, or of the whole word where it has as many letters; capitals are taken as small. What
 * is no guess is explained and costs nothing, nor does a letter that was tried before. `help`, `top` and `quit` are
 * never guesses. A game counts when it is finished, and is counted before its end is told.
 */
import type { Out, Step } from "../session/Session.ts"
import * as FriendlyView from "./FriendlyView.ts"
import * as Game from "./Game.ts"
import type { Ask, Told } from "./Scoreboard.ts"
import type { HangmanSession, Rules, State } from "./SessionState.ts"
import { begin } from "./SessionState.ts"

type Result = Step<State, Ask>

/** The longest line a player may send, in bytes. */
const maxLine = 80

const maxName = 20

/** No control, format, unassigned or private characters, no odd blanks, nothing that was not text. */
const printable = new RegExp(`^[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S} ]{1,${maxName}}$`, "u")

const prompts = { name: "name", guess: "guess", count: "bye", again: "again", nothing: "bye" } as const

const see = ({ awaits, game }: State, ...message: ReadonlyArray<string>): Out<Ask> => {
  const over = Game.phase(game) !== "playing"
  const { lives, most } = game
  const board = { word: over ? game.word : Game.mask(game), lives, most, tried: Game.tried(game) }
  const shown = awaits === "guess" || awaits === "again"
  return { text: FriendlyView.render({ message, ...(shown ? { board } : {}), prompt: prompts[awaits] }) }
}

const stay = (state: State, ...message: ReadonlyArray<string>): Result => [state, see(state, ...message)]

const letters = (count: number) => `${count} letter${count === 1 ? "" : "s"}`
const lives = (count: number) => `${count} ${count === 1 ? "life" : "lives"}`

const start = (rules: Rules, state: State): Result => {
  const next: State = { ...state, game: begin(rules, state.client, state.number), awaits: "guess" }
  return stay(next, `A word of ${letters(next.game.word.length)}, and ${lives(next.game.most)}.`)
}

const leave = (state: State, ...message: ReadonlyArray<string>): Result => {
  const last: State = { ...state, awaits: "nothing" }
  return [last, { ...see(last, ...message), close: true }]
}

const commands: Readonly<Record<string, (state: State) => Result>> = {
  help: (state) =>
    stay(
      state,
      "A line is a letter, or the whole word. A wrong guess costs a life; what is no guess, or was tried, does not.",
      "top: the best players. quit: leave; a game that is not finished does not count. help: this."
    ),
  top: (state) => [state, { ask: { _tag: "Top" } }],
  quit: (state) => leave(state, `Thank you for playing${state.name === "" ? "" : `, ${state.name}`}.`)
}

const takeName = (rules: Rules, state: State, line: string): Result => {
  const name = line.normalize("NFC")
  if (name !== "" && (!printable.test(name) || name.includes("\ufffd"))) {
    return stay(state, `A name has 1 to ${maxName} printable characters; an empty line is a guest.`)
  }
  return start(rules, { ...state, name: name === "guest" ? "" : name })
}

const explain = (line: string, { word }: Game.Game) => {
  if (line === "") return "Type a letter, or the whole word; help tells more."
  if (!/^[a-z]+$/.test(line)) return "Only the letters a to z are in the word."
  return `One letter at a time, or the whole word: it has ${letters(word.length)}, not ${line.length}.`
}

const takeGuess = (state: State, line: string): Result => {
  const [game, outcome] = Game.guess(state.game, line)
  const next: State = { ...state, game }
  if (Game.phase(game) !== "playing") {
    const { name, number } = state
    const won = Game.phase(game) === "won"
    const ask: Ask = { _tag: "Finished", game: number, name, word: game.word, won, wrong: Game.wrong(game) }
    return [{ ...next, awaits: "count" }, { ask }]
  }
  const whole = line.length > 1
  const messages: Readonly<Record<Game.Outcome, () => string>> = {
    Right: () => `Yes, there is ${/[aefhilmnorsx]/.test(line) ? "an" : "a"} ${line}.`,
    Wrong: () => (whole ? `No, it is not ${line}.` : `No ${line} in it.`),
    Repeated: () => `You have tried ${line} before: nothing lost.`,
    Ignored: () => explain(line, game)
  }
  return stay(next, messages[outcome]())
}

const answers: Readonly<Record<string, boolean>> = { yes: true, y: true, no: false, n: false }

const takeLine = (rules: Rules, state: State, text: string): Result => {
  const line = text.trim()
  const small = line.toLowerCase()
  const command = Object.hasOwn(commands, small) ? commands[small] : undefined
  if (command !== undefined) return command(state)
  if (state.awaits === "name") return takeName(rules, state, line)
  if (state.awaits === "guess") return takeGuess(state, small)
  if (state.awaits !== "again") return [state, {}]
  const again = Object.hasOwn(answers, small) ? answers[small] : undefined
  if (again === undefined) return stay(state, "Please answer yes or no.")
  return again ? start(rules, { ...state, number: state.number + 1 }) : commands.quit!(state)
}

const table = ({ best, games, players, wins }: Told & { readonly _tag: "Top" }) => [
  `Games ${games}, won ${wins}, players ${players}.`,
  ...(best.length === 0 ? [] : ["rank  wins  games  wrong  name"]),
  ...best.map(({ games, name, wins, wrong }, at) => {
    const [rank, ...numbers] = [at + 1, wins, games, wrong].map(String)
    return `${rank!.padStart(4)}  ${numbers[0]!.padStart(4)}  ${numbers[1]!.padStart(5)}  ${numbers[2]!.padStart(5)}  ${name}`
  })
]

const placed = (state: State, told: Told) => {
  if (told._tag === "NotCounted") return "The scoreboard cannot be written now: this game does not count."
  if (told._tag === "Top" || state.name === "") return "Counted for a guest: a name would have a rank."
  return `${state.name}, your rank is ${told.rank} of ${told.players}.`
}

const takeAnswer = (state: State, told: Told): Result => {
  if (told._tag === "Top") return stay(state, ...table(told))
  if (state.awaits !== "count") return [state, {}]
  const { word } = state.game
  const end = Game.phase(state.game) === "won" ? `You have found it: ${word}.` : `You hang. The word was ${word}.`
  return stay({ ...state, awaits: "again" }, end, placed(state, told))
}

/** A session of the friendly dialect. @category constructors @since 0.1.0 */
export const session = (rules: Rules): HangmanSession => ({
  framing: { _tag: "Lines", maxLength: maxLine },
  open: (client): Result => {
    const state: State = { client, name: "", number: 1, game: begin(rules, client, 1), awaits: "name" }
    return stay(state, "Hangman: find the word, letter by letter.", "A name is for the scoreboard, empty is a guest.")
  },
  receive: (state, input): Result => {
    if (input._tag === "Line") return takeLine(rules, state, input.text)
    if (input._tag === "Told") return takeAnswer(state, input.told)
    return input._tag === "Broken" ? leave(state, `Sorry: ${input.message}.`) : [state, {}]
  }
})
