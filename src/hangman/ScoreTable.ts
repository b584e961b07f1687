/**
 * Ranking of the players: by wins, then by fewest wrong guesses, then by name.
 *
 * Guests count in the totals and have no rank. The table is bounded: a new name replaces the least recently seen name
 * without a win, or, if all have a win, the least recently seen one. The table is mutable and sorted, so that a game
 * costs the same with ten thousand names as with ten.
 */

/** Result of a finished game. @category models @since 0.1.0 */
export interface Result {
  /** Empty for a guest. */
  readonly name: string
  readonly word: string
  readonly won: boolean
  /** Number of wrong guesses. */
  readonly wrong: number
}

/** Row of a player. @category models @since 0.1.0 */
export interface Row {
  readonly name: string
  readonly games: number
  readonly wins: number
  /** Number of wrong guesses in all games. */
  readonly wrong: number
}

/** Totals of all games, including those of guests and of replaced names. @category models @since 0.1.0 */
export interface Totals {
  readonly games: number
  readonly wins: number
}

/** Mutable, bounded ranking. @category models @since 0.1.0 */
export interface ScoreTable {
  /** Counts a game. Returns the rank of its player, from 1; 0 for a guest. */
  readonly record: (result: Result) => number
  /** Returns the first `count` rows of the ranking. */
  readonly best: (count: number) => ReadonlyArray<Row>
  /** Returns all rows: those without a win first, each group with the least recently seen first. */
  readonly rows: () => ReadonlyArray<Row>
  readonly totals: () => Totals & { readonly players: number }
}

/** Default capacity of a table, in names. @category constants @since 0.1.0 */
export const maxPlayers = 10_000

const compareRows = (a: Row, b: Row) =>
  b.wins - a.wins || a.wrong - b.wrong || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/**
 * Returns a table of at most `max` names. `initial` has the `rows` and `totals` of an earlier table.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  initial: { readonly rows: ReadonlyArray<Row>; readonly totals: Totals } = { rows: [], totals: { games: 0, wins: 0 } },
  max = maxPlayers
): ScoreTable => {
  let { games, wins } = initial.totals
  /** Players with at least one win, the least recently seen first; `nonWinners` has the others in the same order. */
  const winners = new Map<string, Row>()
  const nonWinners = new Map<string, Row>()
  const ranking: Array<Row> = []

  const rankingIndex = (row: Row) => {
    let low = 0
    let high = ranking.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareRows(ranking[middle]!, row) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
  const remove = (row: Row) => {
    winners.delete(row.name)
    nonWinners.delete(row.name)
    ranking.splice(rankingIndex(row), 1)
  }
  const add = (row: Row) => {
    const [oldest] = (nonWinners.size > 0 ? nonWinners : winners).values()
    if (ranking.length === max && oldest !== undefined) remove(oldest)
    const at = rankingIndex(row)
    ranking.splice(at, 0, row)
    ;(row.wins > 0 ? winners : nonWinners).set(row.name, row)
    return at + 1
  }
  for (const row of initial.rows) add(row)

  return {
    record: ({ name, won, wrong }) => {
      games += 1
      wins += won ? 1 : 0
      if (name === "") return 0
      const row = winners.get(name) ?? nonWinners.get(name)
      if (row !== undefined) remove(row)
      const { games: played, wins: winsBefore, wrong: sum } = row ?? { games: 0, wins: 0, wrong: 0 }
      return add({ name, games: played + 1, wins: winsBefore + (won ? 1 : 0), wrong: sum + wrong })
    },
    best: (count) => ranking.slice(0, count),
    rows: () => [...nonWinners.values(), ...winners.values()],
    totals: () => ({ games, wins, players: ranking.length })
  }
}
