/**
 * Games, wins and players, ranked: most wins first, then fewest wrong guesses, then by name.
 *
 * Guests are counted in the totals and have no place. The table is bounded: where it is full, the name that has not
 * been seen for longest makes room, among those without a win as long as there is one. Changed in place and kept in
 * order, so that a finished game costs the same with ten thousand names as with ten.
 */

/** A finished game. @category models @since 0.1.0 */
export interface Result {
  /** Empty for a guest. */
  readonly name: string
  readonly word: string
  readonly won: boolean
  /** Lives it cost. */
  readonly wrong: number
}

/** A player's place. @category models @since 0.1.0 */
export interface Row {
  readonly name: string
  readonly games: number
  readonly wins: number
  /** Wrong guesses, of all games. */
  readonly wrong: number
}

/** Of all games, those of guests and of names that made room included. @category models @since 0.1.0 */
export interface Totals {
  readonly games: number
  readonly wins: number
}

/** A scoreboard. @category models @since 0.1.0 */
export interface ScoreTable {
  /** Counts a game; gives the rank of its player, from 1, or 0 for a guest. */
  readonly finish: (result: Result) => number
  /** The best, in order. */
  readonly best: (count: number) => ReadonlyArray<Row>
  /** All names, the one not seen for longest first. */
  readonly rows: () => ReadonlyArray<Row>
  readonly totals: () => Totals & { readonly players: number }
}

/** Names that a table keeps. @category constants @since 0.1.0 */
export const maxNames = 10_000

const order = (a: Row, b: Row) =>
  b.wins - a.wins || a.wrong - b.wrong || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/**
 * A table of at most `max` names, which goes on from what `rows` and `totals` gave.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  past: { readonly rows: ReadonlyArray<Row>; readonly totals: Totals } = { rows: [], totals: { games: 0, wins: 0 } },
  max = maxNames
): ScoreTable => {
  let { games, wins } = past.totals
  /** In the order in which they were last seen. */
  const winners = new Map<string, Row>()
  const others = new Map<string, Row>()
  const ranking: Array<Row> = []

  const place = (row: Row) => {
    let low = 0
    let high = ranking.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (order(ranking[middle]!, row) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
  const remove = (row: Row) => {
    winners.delete(row.name)
    others.delete(row.name)
    ranking.splice(place(row), 1)
  }
  const add = (row: Row) => {
    const [oldest] = (others.size > 0 ? others : winners).values()
    if (ranking.length === max && oldest !== undefined) remove(oldest)
    const at = place(row)
    ranking.splice(at, 0, row)
    ;(row.wins > 0 ? winners : others).set(row.name, row)
    return at + 1
  }
  for (const row of past.rows) add(row)

  return {
    finish: ({ name, won, wrong }) => {
      games += 1
      wins += won ? 1 : 0
      if (name === "") return 0
      const row = winners.get(name) ?? others.get(name)
      if (row !== undefined) remove(row)
      const { games: played, wins: had, wrong: sum } = row ?? { games: 0, wins: 0, wrong: 0 }
      return add({ name, games: played + 1, wins: had + (won ? 1 : 0), wrong: sum + wrong })
    },
    best: (count) => ranking.slice(0, count),
    rows: () => [...others.values(), ...winners.values()],
    totals: () => ({ games, wins, players: ranking.length })
  }
}
