import * as Command from "effect/cli/Command"
import * as flags from "./common/flags.ts"
import { program } from "./common/lazyCommand.ts"
import { anyPort, models } from "./common/modelFlags.ts"

const serve = Command.make(
  "serve",
  {
    dialect: flags.choice(
      "hangman",
      "dialect",
      ["friendly", "course", "book"],
      "How to talk: friendly has names and a scoreboard, course and book are as those servers (default friendly)"
    ),
    host: flags.host("hangman"),
    port: anyPort("hangman", "Port of hangman, 0 for any free one (default 1066, for course 1068)"),
    words: flags.optionalText("hangman", "words", "FILE", "A word a line (default: a list of its own)"),
    lives: flags.integer("hangman", "lives", 1, 26, "Wrong guesses until the end (default 10, for course and book 12)"),
    difficulty: flags.choice("hangman", "difficulty", ["easy", "medium", "hard"], "Which words (default any)"),
    scores: flags.optionalText(
      "hangman",
      "scores",
      "FILE",
      "Keeps the scoreboard (default: only until the server ends)"
    ),
    ...models("hangman"),
    ...flags.limits("hangman", "5m"),
    json: flags.json
  },
  (input) =>
    program(
      () => import("./run/hangman/serve.ts"),
      (run) => run.serve(input)
    )
).pipe(
  Command.withDescription("Serve hangman to as many players as come"),
  Command.withExamples([
    { command: "effect-inet hangman serve --scores scores.txt", description: "On 127.0.0.1:1066, for this machine" },
    {
      command: "effect-inet hangman serve --dialect course --words /usr/share/dict/words",
      description: "As the course"
    },
    { command: "effect-inet hangman serve --model processes --pool 4", description: "Four processes share the players" }
  ])
)

const top = Command.make(
  "top",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.port("hangman", 1066),
    scores: flags.optionalText("hangman", "scores", "FILE", "Of a file, whether or not a server keeps it now"),
    json: flags.json
  },
  (input) =>
    program(
      () => import("./run/hangman/top.ts"),
      (run) => run.top(input)
    )
).pipe(
  Command.withDescription("Show the scoreboard of a server or a file"),
  Command.withExamples([
    { command: "effect-inet hangman top", description: "Of the server of this machine" },
    { command: "effect-inet hangman top --scores scores.txt --json", description: "Of a file" }
  ])
)

const play = Command.make(
  "play",
  {
    host: flags.optionalArgument("host", "Name or address of the server (default localhost)"),
    port: flags.port("hangman", 1066),
    name: flags.optionalText("hangman", "name", "NAME", "Your name on the scoreboard (default: you are asked)")
  },
  (input) =>
    program(
      () => import("./run/hangman/play.ts"),
      (run) => run.play(input)
    )
).pipe(
  Command.withDescription("Play hangman; plain lines where there is no terminal"),
  Command.withExamples([
    { command: "effect-inet hangman play", description: "At the server of this machine" },
    { command: "effect-inet hangman play games.example --name ann", description: "At another, under a name" }
  ])
)

export const command = Command.make("hangman").pipe(
  Command.withDescription("Hangman: server, client and scoreboard"),
  Command.withSubcommands([serve, play, top])
)
