/** Sorting and filtering of rows. Pure. */

/** A value to sort by. */
export type Value = number | string

/** A direction of sorting: up has the least value first. */
export type Direction = "up" | "down"

/** The column that a table is sorted by. */
export interface Order {
  readonly title: string
  readonly direction: Direction
}

/** Returns the other direction. */
export const opposite = (direction: Direction): Direction => (direction === "up" ? "down" : "up")

/** Numbers in texts count as numbers: 10.0.0.9 is before 10.0.0.10. */
const texts = new Intl.Collator("en", { numeric: true })

const compare = (one: Value, other: Value): number =>
  typeof one === "number" && typeof other === "number" ? one - other : texts.compare(String(one), String(other))

/** Sorts rows. Rows with one value keep their order. */
export const sort = <Row>(
  rows: ReadonlyArray<Row>,
  sortBy: (row: Row) => Value,
  direction: Direction
): ReadonlyArray<Row> => {
  const sign = direction === "up" ? 1 : -1
  return [...rows].sort((one, other) => sign * compare(sortBy(one), sortBy(other)))
}

/** Returns the rows that have each word of a query in one of their texts, in any case. */
export const filter = <Row>(
  rows: ReadonlyArray<Row>,
  query: string,
  textsOf: (row: Row) => ReadonlyArray<string>
): ReadonlyArray<Row> => {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return rows
  return rows.filter((row) => {
    const found = textsOf(row).map((text) => text.toLowerCase())
    return words.every((word) => found.some((text) => text.includes(word)))
  })
}
