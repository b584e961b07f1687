/**
 * Tables of text. `fit` lays out rows that are all known, in a given width; `formatRow` formats one row at a time, for
 * tables that grow while a program runs.
 *
 * **Example** (A table that leaves out a column on a narrow terminal)
 *
 * ```ts
 * import { Table } from "effect-inet/terminal"
 *
 * type Row = { readonly name: string; readonly load: number; readonly note: string }
 * const columns: ReadonlyArray<Table.Column<Row>> = [
 *   { title: "name", rank: 0, format: ({ name }) => name },
 *   { title: "load", rank: 1, alignRight: true, format: ({ load }) => load.toFixed(2) },
 *   { title: "note", rank: 2, format: ({ note }) => note }
 * ]
 * const rows = [
 *   { name: "web1", load: 0.5, note: "primary" },
 *   { name: "db", load: 12.25, note: "" }
 * ]
 *
 * Table.toText(Table.fit(columns, rows, 80)) // => "name   load  note\nweb1   0.50  primary\ndb    12.25"
 * Table.toText(Table.fit(columns, rows, 12)) // => "name   load\nweb1   0.50\ndb    12.25"
 * Table.formatRow([Table.left(8), Table.right(6)], ["web1", 0.5]) // => "web1       0.5"
 * ```
 */
import { clip, type Span, type Style, type StyledLine } from "./StyledText.ts"

/** Column of a table whose rows are values of type `Row`. @category models @since 0.1.0 */
export interface Column<Row> {
  readonly title: string
  /** Order of removal where the table is too wide: the highest rank goes first, rank 0 stays. */
  readonly rank: number
  /** Default false. */
  readonly alignRight?: boolean | undefined
  /** Width to which its texts may be cut, with a `~` at their end, where the table is too wide. Default: not at all. */
  readonly minWidth?: number | undefined
  readonly format: (row: Row) => string
  readonly style?: ((row: Row) => Style | undefined) | undefined
}

const gap = "  "

/**
 * Returns the indices of the columns that fit `width`, in their order, and sets their widths; columns without text are
 * left out. What is left of the width goes to the columns that may be cut, the lowest rank first.
 */
const fitColumns = <Row>(columns: ReadonlyArray<Column<Row>>, widths: Array<number>, width: number) => {
  const indices: Array<number> = []
  const leastOf = (at: number) => Math.min(widths[at]!, columns[at]!.minWidth ?? widths[at]!)
  let columnsLeft = width + gap.length
  for (const at of [...columns.keys()].sort((one, other) => columns[one]!.rank - columns[other]!.rank)) {
    const least = leastOf(at)
    if (columnsLeft < least + gap.length && columns[at]!.rank > 0) break
    columnsLeft -= widths[at]! === 0 ? 0 : least + gap.length
    if (widths[at]! > 0) indices.push(at)
  }
  for (const at of indices) {
    const least = leastOf(at)
    const given = Math.max(least, Math.min(widths[at]!, least + columnsLeft))
    columnsLeft -= given - least
    widths[at] = given
  }
  return indices.sort((one, other) => one - other)
}

/** Returns the widths of the columns: of a title and of its widest cell. A loop: there may be 200,000 rows. */
const widthsOf = (titles: ReadonlyArray<string>, cells: ReadonlyArray<ReadonlyArray<string>>) => {
  const widths = titles.map(({ length }) => length)
  for (const row of cells) {
    for (let at = 0; at < widths.length; at++) if (row[at]!.length > widths[at]!) widths[at] = row[at]!.length
  }
  return widths
}

/** Cuts a text with a `~`, which every terminal can show. */
const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}~` : text)

const join = (spans: ReadonlyArray<Span>): StyledLine =>
  spans.flatMap((span, at) => (at === 0 ? [span] : [{ text: gap }, span]))

/**
 * Returns the line of titles, then a line for each row. No line is wider than `width` columns: texts are cut where
 * their column allows it, columns are left out by their rank, and what remains is clipped.
 *
 * @category layout
 * @since 0.1.0
 */
export const fit = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  width: number
): ReadonlyArray<StyledLine> => {
  const cells = rows.map((row) => columns.map(({ format }) => format(row)))
  const widths = widthsOf(
    columns.map(({ title }) => title),
    cells
  )
  const indices = fitColumns(columns, widths, width)
  const last = indices.at(-1)
  const pad = (at: number, whole: string) => {
    const text = cut(whole, widths[at]!)
    if (columns[at]!.alignRight === true) return text.padStart(widths[at]!)
    return at === last ? text : text.padEnd(widths[at]!)
  }
  const titles = join(indices.map((at): Span => ({ text: pad(at, columns[at]!.title), style: "dim" })))
  const lines = rows.map((row, index) =>
    join(indices.map((at): Span => ({ text: pad(at, cells[index]![at]!), style: columns[at]!.style?.(row) })))
  )
  return [titles, ...lines].map((line) => clip(line, width))
}

/** Returns the lines as text without styles and without trailing blanks. @category layout @since 0.1.0 */
export const toText = (lines: ReadonlyArray<StyledLine>): string =>
  lines
    .map((line) =>
      line
        .map(({ text }) => text)
        .join("")
        .trimEnd()
    )
    .join("\n")

/** Width and alignment of a column that is known before its rows. @category models @since 0.1.0 */
export interface FixedColumn {
  readonly width: number
  readonly alignRight: boolean
}

/** Left-aligned column of `width` characters. @category constructors @since 0.1.0 */
export const left = (width: number): FixedColumn => ({ width, alignRight: false })

/** Right-aligned column of `width` characters. @category constructors @since 0.1.0 */
export const right = (width: number): FixedColumn => ({ width, alignRight: true })

/**
 * Formats one row. Cells wider than their column are not cut, and cells after the last column are not padded. `between`
 * separates the columns; default none.
 *
 * @category layout
 * @since 0.1.0
 */
export const formatRow = (
  columns: ReadonlyArray<FixedColumn>,
  cells: ReadonlyArray<string | number>,
  between = ""
): string =>
  cells
    .map((cell, at) => {
      const { alignRight, width } = columns[at] ?? left(0)
      return alignRight ? `${cell}`.padStart(width) : `${cell}`.padEnd(width)
    })
    .join(between)
