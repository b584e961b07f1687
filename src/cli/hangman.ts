import { commandGroup } from "./common/commandGroup.ts"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { anyPort, modelFlags } from "./common/modelFlags.ts"
import * as operationsFlags from "./common/operationsFlags.ts"
import * as serverFlags from "./common/serverFlags.ts"
import { withUnixSocket } from "./common/unix/unixSocket.ts"

/** Flags of `hangman serve`. */
export const serveFlags = {
  dialect: flags.choice(
    "hangman",
    "dialect",
    ["friendly", "course", "book"],
    "Protocol: friendly has names and a scoreboard; course and book copy older servers (default friendly)"
  ),
  host: flags.host("hangman"),
  port: anyPort("hangman", "Port to listen on, 0 for a free one (default 1066, course dialect 1068)"),
  words: flags.optionalText("hangman", "words", "FILE", "Word list, one word per line (default: built-in list)"),
  lives: flags.integer(
    "hangman",
    "lives",
    1,
    26,
    "Wrong guesses until the game is lost (default 10, course and book 12)"
  ),
  difficulty: flags.choice(
    "hangman",
    "difficulty",
    ["easy", "medium", "hard"],
    "Difficulty of the words (default any)"
  ),
  scores: flags.optionalText(
    "hangman",
    "scores",
    "FILE",
    "Scoreboard file (default: in memory, until the server ends)"
  ),
  ...modelFlags("hangman"),
  ...serverFlags.limits("hangman", "5m"),
  ...serverFlags.listener("hangman"),
  ...operationsFlags.operations("hangman"),
  json: flags.json("hangman")
}

/** Loads the program of `hangman serve`. */
export const serveProgram = withUnixSocket(async () => (await import("./run/hangman/serve.ts")).serve)

const serve = lazyCommand({
  name: "serve",
  description: "Serve hangman to many players",
  examples: [
    ["effect-inet hangman serve --scores scores.txt", "Listen on 127.0.0.1:1066 and keep the scoreboard in a file"],
    [
      "effect-inet hangman serve --dialect course --words /usr/share/dict/words",
      "Use the protocol of the course's server, with another word list"
    ],
    ["effect-inet hangman serve --model processes --pool 4", "Serve the players in four child processes"]
  ],
  flags: serveFlags,
  isStdoutFree: () => true,
  program: serveProgram
})

const top = lazyCommand({
  name: "top",
  description: "Show the scoreboard of a server or a file",
  examples: [
    ["effect-inet hangman top", "Show the scoreboard of the local server"],
    ["effect-inet hangman top --scores scores.txt --json", "Print the scoreboard of a file as JSON"]
  ],
  flags: flags.client("hangman", 1066, {
    scores: flags.optionalText(
      "hangman",
      "scores",
      "FILE",
      "Read this scoreboard file instead of a server; a running server may use it"
    ),
    json: flags.json("hangman")
  }),
  program: async () => (await import("./run/hangman/top.ts")).top
})

const play = lazyCommand({
  name: "play",
  description: "Play hangman; without a terminal: plain lines, each sent after the answer to the one before",
  examples: [
    ["effect-inet hangman play", "Play on the local server"],
    ["effect-inet hangman play games.example --name ann", "Play on another server, with a name"]
  ],
  flags: flags.client("hangman", 1066, {
    name: flags.optionalText("hangman", "name", "NAME", "Your name on the scoreboard (default: the client asks)"),
    json: flags.json("hangman")
  }),
  program: async () => (await import("./run/hangman/play.ts")).play
})

export const command = commandGroup("hangman", "Hangman: server, client and scoreboard", [serve, play, top])
