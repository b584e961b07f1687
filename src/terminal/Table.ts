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
  /** The column is left out if all its texts are empty. Default: a column without a title only. */
  readonly isOptional?: boolean | undefined
  readonly format: (row: Row) => string
  readonly style?: ((row: Row) => Style | undefined) | undefined
}

const gap = "  "

/** A column that fits, with the texts of its cells. */
interface FittedColumn<Row> {
  readonly column: Column<Row>
  readonly texts: ReadonlyArray<string>
  width: number
  readonly leastWidth: number
}

/** Formats a column. A loop: there may be 200,000 rows. */
const formatColumn = <Row>(column: Column<Row>, rows: ReadonlyArray<Row>): FittedColumn<Row> => {
  const texts = rows.map(column.format)
  let textWidth = 0
  for (const { length } of texts) if (length > textWidth) textWidth = length
  const width = textWidth === 0 && column.isOptional === true ? 0 : Math.max(column.title.length, textWidth)
  return { column, texts, width, leastWidth: Math.min(width, column.minWidth ?? width) }
}

/**
 * Returns the columns that fit `width`, in their order; columns without text are left out. What is left of the width
 * goes to the columns that may be cut, the lowest rank first. Columns that do not fit are not formatted.
 */
const fitColumns = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>, width: number) => {
  const fitted: Array<FittedColumn<Row>> = []
  let columnsLeft = width + gap.length
  for (const column of columns.toSorted((one, other) => one.rank - other.rank)) {
    const formatted = formatColumn(column, rows)
    if (formatted.width === 0) continue
    columnsLeft -= formatted.leastWidth + gap.length
    if (columnsLeft < 0 && column.rank > 0) {
      columnsLeft += formatted.leastWidth + gap.length
      break
    }
    fitted.push(formatted)
  }
  for (const one of fitted) {
    const natural = one.width
    one.width = Math.max(one.leastWidth, Math.min(natural, one.leastWidth + columnsLeft))
    columnsLeft -= one.width - one.leastWidth
  }
  return fitted.sort((one, other) => columns.indexOf(one.column) - columns.indexOf(other.column))
}

/** Cuts a text with a `~`, which every terminal can show. */
const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}~` : text)

/** Blanks by their number, for the padding of most cells: `padEnd` takes longer. */
const blanks = Array.from({ length: 128 }, (_, length) => " ".repeat(length))

const blank = (length: number) => (length <= 0 ? "" : (blanks[length] ?? " ".repeat(length)))

/** Returns a text in the width of its column; the last column is not padded on its right. */
const pad = (whole: string, { column, width }: FittedColumn<never>, isLast: boolean) => {
  const text = cut(whole, width)
  if (column.alignRight === true) return blank(width - text.length) + text
  return isLast ? text : text + blank(width - text.length)
}

/** Returns the styled lines of columns that fit. */
const styledLines = <Row>(
  fitted: ReadonlyArray<FittedColumn<Row>>,
  rows: ReadonlyArray<Row>,
  width: number
): ReadonlyArray<StyledLine> => {
  const line = (textOf: (one: FittedColumn<Row>) => string, styleOf: (column: Column<Row>) => Style | undefined) => {
    const spans = fitted.flatMap((one, at): ReadonlyArray<Span> => {
      const text = pad(textOf(one), one, at === fitted.length - 1)
      const span = { text, style: styleOf(one.column) }
      return at === 0 ? [span] : [{ text: gap }, span]
    })
    return clip(spans, width)
  }
  const titles = line(
    ({ column }) => column.title,
    () => "dim"
  )
  const cells = rows.map((row, index) =>
    line(
      ({ texts }) => texts[index]!,
      ({ style }) => style?.(row)
    )
  )
  return [titles].concat(cells)
}

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
): ReadonlyArray<StyledLine> => styledLines(fitColumns(columns, rows, width), rows, width)

/** Most texts that are joined at once: an array of all cells would be a large object, which the system must provide. */
const maxParts = 8_192

/**
 * Returns the text of the lines of `fit`, without styles and padding at their ends.
 *
 * It makes no spans: 10,000 rows of 14 columns took 100 ms by way of `fit`, and take 20.
 *
 * @category layout
 * @since 0.1.0
 */
export const fitText = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>, width: number): string => {
  const fitted = fitColumns(columns, rows, width)
  const fullWidth = fitted.reduce((sum, column) => sum + column.width + gap.length, -gap.length)
  // Columns of rank 0 may be too wide, and are clipped.
  if (fullWidth > width) return toText(styledLines(fitted, rows, width))
  let text = ""
  let parts: Array<string> = []
  const addRow = (textAt: (index: number) => string) => {
    let count = fitted.length
    while (count > 0 && textAt(count - 1) === "") count--
    for (let index = 0; index < count; index++) {
      const { column, width } = fitted[index]!
      const text = cut(textAt(index), width)
      if (column.alignRight === true) parts.push(blank(width - text.length), text)
      else if (index < count - 1) parts.push(text, blank(width - text.length))
      else parts.push(text)
      if (index < count - 1) parts.push(gap)
    }
  }
  addRow((index) => fitted[index]!.column.title)
  let row = 0
  const textOfRow = (index: number) => fitted[index]!.texts[row]!
  for (; row < rows.length; row++) {
    parts.push("\n")
    addRow(textOfRow)
    if (parts.length < maxParts) continue
    text += parts.join("")
    parts = []
  }
  return text + parts.join("")
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
