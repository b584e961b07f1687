/**
 * The `friendly` dialect: players have names, the server explains errors, and a player may play several games.
 *
 * A line is a guess of one letter, or of the whole word if it has the same number of letters. Upper case is converted
 * to lower case. An invalid guess is explained and costs no life; a repeated letter costs no life either. `help`, `top`
 * and `quit` are commands, never guesses. A finished game is counted on the scoreboard before the client sees its
 * result.
 */
import type { Output, Step } from "../session/Session.ts"
import * as FriendlyView from "./FriendlyView.ts"
import * as Game from "./Game.ts"
import type { Answer, Ask } from "./Scoreboard.ts"
import type { HangmanSession, Rules, State } from "./SessionState.ts"
import { startGame } from "./SessionState.ts"

type FriendlyStep = Step<State, Ask>

/** Limit for a line of the client. */
const maxLineBytes = 80

const maxNameChars = 20

/** Names without control, format, unassigned and private-use characters, and without blanks other than U+0020. */
const namePattern = new RegExp(`^[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S} ]{1,${maxNameChars}}$`, "u")

const prompts = { name: "name", guess: "guess", count: "bye", again: "again", nothing: "bye" } as const

const outputOf = ({ awaits, game }: State, ...message: ReadonlyArray<string>): Output<Ask> => {
  const over = Game.phase(game) !== "playing"
  const { lives, initialLives } = game
  const board = { word: over ? game.word : Game.mask(game), lives, initialLives, tried: Game.tried(game) }
  const showsBoard = awaits === "guess" || awaits === "again"
  return { text: FriendlyView.render({ message, ...(showsBoard ? { board } : {}), prompt: prompts[awaits] }) }
}

const respond = (state: State, ...message: ReadonlyArray<string>): FriendlyStep => [state, outputOf(state, ...message)]

const countLetters = (count: number) => `${count} letter${count === 1 ? "" : "s"}`
const countLives = (count: number) => `${count} ${count === 1 ? "life" : "lives"}`

const startNextGame = (rules: Rules, state: State): FriendlyStep => {
  const next: State = { ...state, game: startGame(rules, state.client, state.number), awaits: "guess" }
  return respond(next, `A word of ${countLetters(next.game.word.length)}, and ${countLives(next.game.initialLives)}.`)
}

const closeWith = (state: State, ...message: ReadonlyArray<string>): FriendlyStep => {
  const last: State = { ...state, awaits: "nothing" }
  return [last, { ...outputOf(last, ...message), close: true }]
}

const commands: Readonly<Record<string, (state: State) => FriendlyStep>> = {
  help: (state) =>
    respond(
      state,
      "A line is a letter or the whole word. A wrong guess costs a life; an invalid or repeated guess does not.",
      "top: the best players. quit: leave; an unfinished game does not count. help: this text."
    ),
  top: (state) => [state, { ask: { _tag: "Top" } }],
  quit: (state) => closeWith(state, `Thank you for playing${state.name === "" ? "" : `, ${state.name}`}.`)
}

const onName = (rules: Rules, state: State, line: string): FriendlyStep => {
  const name = line.normalize("NFC")
  if (name !== "" && (!namePattern.test(name) || name.includes("\ufffd"))) {
    return respond(state, `A name has 1 to ${maxNameChars} printable characters; an empty line makes you a guest.`)
  }
  return startNextGame(rules, { ...state, name: name === "guest" ? "" : name })
}

const explainIgnored = (line: string, { word }: Game.Game) => {
  if (line === "") return "Type a letter or the whole word; help lists the rules."
  if (!/^[a-z]+$/.test(line)) return "Only the letters a to z are in the word."
  return `One letter at a time, or the whole word: it has ${countLetters(word.length)}, not ${line.length}.`
}

const onGuess = (state: State, line: string): FriendlyStep => {
  const [game, outcome] = Game.guess(state.game, line)
  const next: State = { ...state, game }
  if (Game.phase(game) !== "playing") {
    const { name, number } = state
    const won = Game.phase(game) === "won"
    const ask: Ask = { _tag: "Finished", game: number, name, word: game.word, won, wrong: Game.wrong(game) }
    return [{ ...next, awaits: "count" }, { ask }]
  }
  const isWord = line.length > 1
  const messages: Readonly<Record<Game.Outcome, () => string>> = {
    Right: () => `Yes, there is ${/[aefhilmnorsx]/.test(line) ? "an" : "a"} ${line}.`,
    Wrong: () => (isWord ? `No, it is not ${line}.` : `No ${line} in it.`),
    Repeated: () => `You have tried ${line} before: no life lost.`,
    Ignored: () => explainIgnored(line, game)
  }
  return respond(next, messages[outcome]())
}

const yesOrNo: Readonly<Record<string, boolean>> = { yes: true, y: true, no: false, n: false }

const onLine = (rules: Rules, state: State, text: string): FriendlyStep => {
  const line = text.trim()
  const lowerCase = line.toLowerCase()
  const command = Object.hasOwn(commands, lowerCase) ? commands[lowerCase] : undefined
  if (command !== undefined) return command(state)
  if (state.awaits === "name") return onName(rules, state, line)
  if (state.awaits === "guess") return onGuess(state, lowerCase)
  if (state.awaits !== "again") return [state, {}]
  const again = Object.hasOwn(yesOrNo, lowerCase) ? yesOrNo[lowerCase] : undefined
  if (again === undefined) return respond(state, "Please answer yes or no.")
  return again ? startNextGame(rules, { ...state, number: state.number + 1 }) : commands.quit!(state)
}

const scoreLines = ({ best, games, players, wins }: Answer & { readonly _tag: "Top" }) => [
  `Games ${games}, won ${wins}, players ${players}.`,
  ...(best.length === 0 ? [] : ["rank  wins  games  wrong  name"]),
  ...best.map(({ games, name, wins, wrong }, at) => {
    const [rank, ...numbers] = [at + 1, wins, games, wrong].map(String)
    return `${rank!.padStart(4)}  ${numbers[0]!.padStart(4)}  ${numbers[1]!.padStart(5)}  ${numbers[2]!.padStart(5)}  ${name}`
  })
]

const rankMessage = (state: State, answer: Answer) => {
  if (answer._tag === "NotCounted") return "The scoreboard cannot be written now: this game does not count."
  if (answer._tag === "Top" || state.name === "") return "Counted for a guest: only players with a name have a rank."
  return `${state.name}, your rank is ${answer.rank} of ${answer.players}.`
}

const onAnswer = (state: State, answer: Answer): FriendlyStep => {
  if (answer._tag === "Top") return respond(state, ...scoreLines(answer))
  if (state.awaits !== "count") return [state, {}]
  const { word } = state.game
  const end = Game.phase(state.game) === "won" ? `You have found it: ${word}.` : `You hang. The word was ${word}.`
  return respond({ ...state, awaits: "again" }, end, rankMessage(state, answer))
}

/** Returns the session of the friendly dialect. @category constructors @since 0.1.0 */
export const session = (rules: Rules): HangmanSession => ({
  framing: { _tag: "Lines", maxLength: maxLineBytes },
  open: (client): FriendlyStep => {
    const state: State = { client, name: "", number: 1, game: startGame(rules, client, 1), awaits: "name" }
    return respond(
      state,
      "Hangman: find the word, letter by letter.",
      "A name is for the scoreboard; an empty line makes you a guest."
    )
  },
  receive: (state, input): FriendlyStep => {
    if (input._tag === "Line") return onLine(rules, state, input.text)
    if (input._tag === "Message") return onAnswer(state, input.message)
    return input._tag === "FramingError" ? closeWith(state, `Sorry: ${input.message}.`) : [state, {}]
  }
})
