import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"
import { anyPort, modelFlags } from "./common/modelFlags.ts"

const serve = Command.make(
  "serve",
  {
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
    ...flags.limits("hangman", "5m"),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/hangman/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve hangman to many players"),
  Command.withExamples([
    {
      command: "effect-inet hangman serve --scores scores.txt",
      description: "Listen on 127.0.0.1:1066 and keep the scoreboard in a file"
    },
    {
      command: "effect-inet hangman serve --dialect course --words /usr/share/dict/words",
      description: "Use the protocol of the course's server, with another word list"
    },
    {
      command: "effect-inet hangman serve --model processes --pool 4",
      description: "Serve the players in four child processes"
    }
  ])
)

const top = Command.make(
  "top",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.serverPort("hangman", 1066),
    scores: flags.optionalText(
      "hangman",
      "scores",
      "FILE",
      "Read this scoreboard file instead of a server; a running server may use it"
    ),
    json: flags.json
  },
  (input) =>
    lazyCommand(
      () => import("./run/hangman/top.ts"),
      (run) => run.top(input)
    )
).pipe(
  Command.withDescription("Show the scoreboard of a server or a file"),
  Command.withExamples([
    { command: "effect-inet hangman top", description: "Show the scoreboard of the local server" },
    {
      command: "effect-inet hangman top --scores scores.txt --json",
      description: "Print the scoreboard of a file as JSON"
    }
  ])
)

const play = Command.make(
  "play",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.serverPort("hangman", 1066),
    name: flags.optionalText("hangman", "name", "NAME", "Your name on the scoreboard (default: the client asks)")
  },
  (input) =>
    lazyCommand(
      () => import("./run/hangman/play.ts"),
      (run) => run.play(input)
    )
).pipe(
  Command.withDescription("Play hangman; without a terminal: plain lines"),
  Command.withExamples([
    { command: "effect-inet hangman play", description: "Play on the local server" },
    { command: "effect-inet hangman play games.example --name ann", description: "Play on another server, with a name" }
  ])
)

export const command = Command.make("hangman").pipe(
  Command.withDescription("Hangman: server, client and scoreboard"),
  Command.withSubcommands([serve, play, top])
)
