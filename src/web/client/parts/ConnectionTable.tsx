/** Connections as a table. */
import type * as PageState from "../../PageState.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import * as Route from "../Route.ts"
import { Clip } from "./Clip.tsx"
import { type Column, DataTable } from "./DataTable.tsx"

type Connection = PageState.Connection

const ServiceLink = ({ name }: { readonly name: string }) => (
  <a href={Route.format({ page: "service", service: name })}>
    <bdi>{name}</bdi>
  </a>
)

const columnsAt = (atMillis: number, hasService: boolean): ReadonlyArray<Column<Connection>> => [
  {
    title: "Client",
    cell: ({ remote, service }) => (
      <div class="cell-lines">
        <Clip text={remote} class="mono" />
        {hasService && (
          <span class="small below-tablet">
            <ServiceLink name={service} />
          </span>
        )}
      </div>
    ),
    sortBy: ({ remote }) => remote
  },
  ...(hasService
    ? [
        {
          title: "Service",
          from: "tablet",
          cell: ({ service }: Connection) => <ServiceLink name={service} />,
          sortBy: ({ service }: Connection) => service
        } as const
      ]
    : []),
  {
    title: "Open for",
    isNumber: true,
    from: "tablet",
    cell: ({ sinceMillis }) => Format.age(atMillis - sinceMillis),
    sortBy: ({ sinceMillis }) => -sinceMillis
  },
  {
    title: "Received",
    isNumber: true,
    cell: ({ bytesReceived }) => Format.bytes(bytesReceived),
    sortBy: ({ bytesReceived }) => bytesReceived
  },
  {
    title: "Sent",
    isNumber: true,
    cell: ({ bytesSent }) => Format.bytes(bytesSent),
    sortBy: ({ bytesSent }) => bytesSent
  }
]

/** Shows connections, the newest first. */
export const ConnectionTable = (props: {
  readonly rows: ReadonlyArray<Connection>
  readonly omitted?: number
  /** True if the rows are of several services. */
  readonly hasService: boolean
}) => (
  <DataTable
    caption="Open connections"
    isFixed
    columns={columnsAt(usePage().atMillis, props.hasService)}
    rows={props.rows}
    keyOf={({ id, service }) => `${service} ${id}`}
    sort={{ title: "Open for", direction: "up" }}
    omitted={props.omitted ?? 0}
  />
)
