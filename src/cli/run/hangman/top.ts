/** Program of `hangman top`: the scoreboard of a running server, or of a file. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HangmanClient from "../../../hangman/HangmanClient.ts"
import * as ScoreJournalFormat from "../../../hangman/ScoreJournalFormat.ts"
import * as RegularFile from "../../../network/files/RegularFile.ts"
import * as Quantity from "../../../network/Quantity.ts"
import * as TcpClient from "../../../network/TcpClient.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as Table from "../../../terminal/Table.ts"
import { CannotRead, UsageError } from "../../common/CliErrors.ts"
import { withoutSettings } from "../../common/settings/CommandInput.ts"
import * as network from "../common/network.ts"

interface Input {
  readonly host: string | undefined
  readonly port: number
  readonly scores: string | undefined
  readonly json: boolean
}

/** Number of rows from a file, the same as from a server. */
const maxTopRows = 10

/** Limit for the size of the file: 256 MiB, millions of games. */
const maxFileBytes = 268_435_456

const scoresOfFile = Effect.fnUntraced(function* (path: string) {
  const text = yield* Effect.mapError(
    RegularFile.readText(path, maxFileBytes),
    ({ message }) => new CannotRead({ message: `${path}: ${message}` })
  )
  const past = ScoreJournalFormat.replay(text)
  if (typeof past === "string") return yield* new CannotRead({ message: `${path}: ${past}` })
  return { ...past.table.totals(), best: past.table.best(maxTopRows) }
})

const scoresOfServer = Effect.fnUntraced(function* (host: string, port: number) {
  const connection = yield* TcpClient.connect({ host, service: port })
  return yield* HangmanClient.top(HangmanClient.make(connection))
})

const columns = ["rank", "wins", "games", "wrong"] as const

const widths = columns.map((name) => Table.right(name.length))

const table = ({ best, games, players, wins }: HangmanClient.Scores) => [
  `${Quantity.format(games, "game")}, ${wins} won, ${Quantity.format(players, "player")}`,
  ...(best.length === 0 ? [] : [`${columns.join("  ")}  name`]),
  ...best.map((row, at) => {
    const numbers = columns.map((name) => (name === "rank" ? at + 1 : row[name]))
    return Table.formatRow(widths, [...numbers, row.name], "  ")
  })
]

export const top = Effect.fnUntraced(
  function* (input: Input) {
    const { host, json, port, scores } = yield* withoutSettings(input, input.host === undefined ? [] : ["scores"])
    if (host !== undefined && scores !== undefined) {
      return yield* new UsageError({ message: "HOST and --scores FILE exclude each other: remove one of them" })
    }
    const found = yield* scores === undefined ? scoresOfServer(host ?? "localhost", port) : scoresOfFile(scores)
    if (json) return yield* Console.log(JSON.stringify(found))
    for (const line of table(found)) yield* Console.log(TerminalText.escape(line))
  },
  Effect.scoped,
  Effect.provide(network.layer)
)
