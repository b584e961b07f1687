/**
 * Text format of the scoreboard journal. Checksums reveal lines that were not completely written.
 *
 * Every line is a checksum, a blank and a JSON object. The first line has the totals at the time of the last
 * compaction, the next lines the players at that time, and the rest the games finished since. A game is identified by
 * the number of the server's run, the number of the client and the number of the game of that client.
 */
import * as ScoreTable from "./ScoreTable.ts"

/** A finished game with its identity: `run`, `client` and `game` together are unique. @category models @since 0.1.0 */
export interface FinishedGame extends ScoreTable.Result {
  readonly run: number
  readonly client: number
  readonly game: number
}

type Entry =
  | ({ readonly line: "scores"; readonly version: 1; readonly run: number } & ScoreTable.Totals)
  | ({ readonly line: "player" } & ScoreTable.Row)
  | ({ readonly line: "game" } & FinishedGame)

/** Computes FNV-1a over the UTF-16 code units. It detects torn writes and accidental changes, not forgery. */
const checksum = (text: string) => {
  let hash = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

const encodeEntry = (line: Entry) => {
  const text = JSON.stringify(line)
  return `${checksum(text)} ${text}\n`
}

const decodeEntry = (text: string): Entry | undefined =>
  text[8] === " " && text.slice(0, 8) === checksum(text.slice(9)) ? JSON.parse(text.slice(9)) : undefined

/** Encodes a finished game as a line. @category encoding @since 0.1.0 */
export const encodeGame = (game: FinishedGame): string => encodeEntry({ line: "game", ...game })

/** Encodes the whole table; `run` is the number of the server's latest run. @category encoding @since 0.1.0 */
export const snapshot = (table: ScoreTable.ScoreTable, run: number): string => {
  const { games, wins } = table.totals()
  const rows = table.rows().map((row) => encodeEntry({ line: "player", ...row }))
  return encodeEntry({ line: "scores", version: 1, run, games, wins }) + rows.join("")
}

/** Contents of a journal. @category models @since 0.1.0 */
export interface Replayed {
  readonly table: ScoreTable.ScoreTable
  /** Number of the latest run. 0 for an empty text. */
  readonly run: number
  /** Number of games with a line of their own: those since the last compaction. */
  readonly gameLines: number
  /**
   * Number of incomplete lines: at the end, where a killed server leaves them, or with zeros, where a crash of the
   * machine does. Their games were never confirmed to a player, unless the journal is not synced.
   */
  readonly tornLines: number
}

/** Byte that a file system has in place of those that a crash of the machine has lost. */
const lostByte = "\0"

/**
 * Decodes a journal. A game that occurs twice counts once. Invalid lines at the end are dropped, because a killed
 * server may have left them incomplete, and lines with zeros, because a crash of the machine may have lost pages of
 * them; an invalid line anywhere else is an error. Returns a message if the text is not a scoreboard.
 *
 * @category decoding
 * @since 0.1.0
 */
export const replay = (text: string, maxPlayers?: number): Replayed | string => {
  if (text === "") return { table: ScoreTable.make(undefined, maxPlayers), run: 0, gameLines: 0, tornLines: 0 }
  const lines = text.split("\n")
  // Text after the last line feed is incomplete, even if its checksum is right.
  const unterminated = lines.pop()
  const header = decodeEntry(lines[0] ?? "")
  if (header?.line !== "scores" || header.version !== 1) return "not a scoreboard file: invalid first line"
  const rows: Array<ScoreTable.Row> = []
  const games = new Map<string, FinishedGame>()
  let run = header.run
  let corruptAt: number | undefined
  let lostLines = 0
  for (let at = 1; at < lines.length; at++) {
    const line = decodeEntry(lines[at]!)
    if (line === undefined) {
      if (corruptAt === undefined && lines[at]!.includes(lostByte)) lostLines++
      else corruptAt ??= at
      continue
    }
    if (corruptAt !== undefined) return `line ${corruptAt + 1} is damaged: remove that line or the file`
    if (line.line === "player") {
      const { games, name, wins, wrong } = line
      rows.push({ name, games, wins, wrong })
    } else if (line.line === "game") {
      run = Math.max(run, line.run)
      games.set(`${line.run}.${line.client}.${line.game}`, line)
    }
  }
  const table = ScoreTable.make({ rows, totals: header }, maxPlayers)
  for (const game of games.values()) table.record(game)
  const tornLines = lostLines + (unterminated === "" ? 0 : 1) + (corruptAt === undefined ? 0 : lines.length - corruptAt)
  return { table, run, gameLines: games.size, tornLines }
}
