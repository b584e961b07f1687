/**
 * A scoreboard as lines of text, written so that a reader knows a line that was not finished.
 *
 * Every line is a checksum, a blank and JSON: first the totals at the time of writing, then the players known then, and
 * every game finished since, each with the number of the server's run, of the client, and of the game of that client.
 */
import * as ScoreTable from "./ScoreTable.ts"

/** A game and what names it: no two games ever have the same three numbers. @category models @since 0.1.0 */
export interface Game extends ScoreTable.Result {
  readonly run: number
  readonly client: number
  readonly game: number
}

type Line =
  | ({ readonly line: "scores"; readonly version: 1; readonly run: number } & ScoreTable.Totals)
  | ({ readonly line: "player" } & ScoreTable.Row)
  | ({ readonly line: "game" } & Game)

/** FNV-1a over code units: against accidents, not against forgers. */
const checksum = (text: string) => {
  let hash = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

const write = (line: Line) => {
  const text = JSON.stringify(line)
  return `${checksum(text)} ${text}\n`
}

const read = (text: string): Line | undefined =>
  text[8] === " " && text.slice(0, 8) === checksum(text.slice(9)) ? JSON.parse(text.slice(9)) : undefined

/** A finished game as a line. @category encoding @since 0.1.0 */
export const game = (game: Game): string => write({ line: "game", ...game })

/** The whole table, as lines; `run` is the number of the latest run of a server. @category encoding @since 0.1.0 */
export const snapshot = (table: ScoreTable.ScoreTable, run: number): string => {
  const { games, wins } = table.totals()
  const rows = table.rows().map((row) => write({ line: "player", ...row }))
  return write({ line: "scores", version: 1, run, games, wins }) + rows.join("")
}

/** What was read. @category models @since 0.1.0 */
export interface Past {
  readonly table: ScoreTable.ScoreTable
  /** Of the latest run. 0 for an empty text. */
  readonly run: number
  /** Games that stand in lines of their own. */
  readonly games: number
  /** Lines at the end that were not finished: of games that no player was told are counted. */
  readonly torn: number
}

/**
 * Reads lines; a game that is there twice counts once. What is unsound at the end is dropped, since a server that was
 * killed may have been writing there; anywhere else it is damage. Gives a message where the text is not a scoreboard.
 *
 * @category decoding
 * @since 0.1.0
 */
export const replay = (text: string, max?: number): Past | string => {
  if (text === "") return { table: ScoreTable.make(undefined, max), run: 0, games: 0, torn: 0 }
  const lines = text.split("\n")
  // What follows the last line feed is not finished, however sound it looks.
  const rest = lines.pop()
  const head = read(lines[0] ?? "")
  if (head?.line !== "scores" || head.version !== 1) return "not a scoreboard: its first line is not that of one"
  const rows: Array<ScoreTable.Row> = []
  const games = new Map<string, Game>()
  let run = head.run
  let unsound: number | undefined
  for (let at = 1; at < lines.length; at++) {
    const line = read(lines[at]!)
    if (line === undefined) {
      unsound ??= at
      continue
    }
    if (unsound !== undefined) return `line ${unsound + 1} is damaged: take it out, or the whole file away`
    if (line.line === "player") {
      const { games, name, wins, wrong } = line
      rows.push({ name, games, wins, wrong })
    } else if (line.line === "game") {
      run = Math.max(run, line.run)
      games.set(`${line.run}.${line.client}.${line.game}`, line)
    }
  }
  const table = ScoreTable.make({ rows, totals: head }, max)
  for (const one of games.values()) table.finish(one)
  const torn = (rest === "" ? 0 : 1) + (unsound === undefined ? 0 : lines.length - unsound)
  return { table, run, games: games.size, torn }
}
