/** Tables whose columns sort. */
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import * as Format from "../Format.ts"
import * as Rows from "../Rows.ts"

/** A column of a table. The first column names the row. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => ComponentChildren
  /** Value to sort by. Default: the column does not sort. */
  readonly sortBy?: (row: Row) => Rows.Value
  readonly isNumber?: boolean
  /** Narrowest page that shows the column. Default: each. */
  readonly from?: "tablet" | "desktop"
}

/** Properties of a table. */
export interface TableProps<Row> {
  readonly caption: string
  readonly columns: ReadonlyArray<Column<Row>>
  readonly rows: ReadonlyArray<Row>
  readonly keyOf: (row: Row) => string
  /** Order before the user chooses one. Default: that of `rows`. */
  readonly sort?: Rows.Order
  /** True if the columns have widths that do not depend on the rows: a change of a row moves no other. */
  readonly isFixed?: boolean
  /** Number of rows that the process did not send. */
  readonly omitted?: number
}

/** Rows that are drawn before the user asks for all: as many as take little time when all of them change. */
const firstRows = 100

const classOf = <Row,>({ from, isNumber }: Column<Row>) =>
  `${isNumber ? "number" : ""} ${from === undefined ? "" : `from-${from}`}`.trim() || undefined

const directions = { up: "ascending", down: "descending" } as const

const Heading = <Row,>(props: {
  readonly column: Column<Row>
  readonly order: Rows.Order | undefined
  readonly onSort: (order: Rows.Order) => void
}) => {
  const { column, order } = props
  const { isNumber, sortBy, title } = column
  const current = order?.title === title ? order.direction : undefined
  if (sortBy === undefined) {
    return (
      <th scope="col" class={classOf(column)}>
        {title}
      </th>
    )
  }
  const sort = () =>
    props.onSort({ title, direction: current === undefined ? (isNumber ? "down" : "up") : Rows.opposite(current) })
  return (
    <th scope="col" class={classOf(column)} aria-sort={current === undefined ? undefined : directions[current]}>
      <button type="button" class="sort" onClick={sort}>
        {title}
        <span class="sort-mark" aria-hidden="true">
          {current === undefined ? "" : current === "up" ? "▲" : "▼"}
        </span>
      </button>
    </th>
  )
}

/** Shows rows as a table, the first hundred unless the user asks for all. */
export const DataTable = <Row,>(props: TableProps<Row>) => {
  const [order, setOrder] = useState(props.sort)
  const [isWhole, setWhole] = useState(false)
  const sortBy = props.columns.find(({ title }) => title === order?.title)?.sortBy
  const rows = order === undefined || sortBy === undefined ? props.rows : Rows.sort(props.rows, sortBy, order.direction)
  const [first, ...others] = props.columns
  return (
    <>
      <div class="table-box">
        <table class={props.isFixed === true ? "table rows rows-fixed" : "table rows"}>
          <caption class="visually-hidden">{props.caption}</caption>
          <thead>
            <tr>
              {props.columns.map((column) => (
                <Heading key={column.title} column={column} order={order} onSort={setOrder} />
              ))}
            </tr>
          </thead>
          <tbody>
            {(isWhole ? rows : rows.slice(0, firstRows)).map((row) => (
              <tr key={props.keyOf(row)}>
                <th scope="row" class={classOf(first!)}>
                  {first!.cell(row)}
                </th>
                {others.map((column) => (
                  <td key={column.title} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > firstRows && (
        <p class="all-rows">
          <button type="button" class="button button-small" onClick={() => setWhole(!isWhole)}>
            {isWhole ? `Show the first ${firstRows}` : `Show all ${Format.count(rows.length)}`}
          </button>
        </p>
      )}
      <Omitted number={props.omitted ?? 0} />
    </>
  )
}

const Omitted = ({ number }: { readonly number: number }) =>
  number === 0 ? null : <p class="muted small omitted">{Format.plural(number, "more row")} not shown.</p>
