/** TFTP transfers as a table. */
import type * as PageState from "../../PageState.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import * as Route from "../Route.ts"
import * as Words from "../Words.ts"
import { ClipPath } from "./Clip.tsx"
import { type Column, DataTable } from "./DataTable.tsx"
import { Badge } from "./Mark.tsx"
import { Progress } from "./Progress.tsx"

type Transfer = PageState.Transfer

const directions = {
  download: { mark: "↓", words: "download by" },
  upload: { mark: "↑", words: "upload by" }
} as const

/** The client of a transfer. While it runs, its packets are one step away. */
const Client = ({ client, service, state }: Transfer) => {
  const hasPackets = usePage().snapshot.services.some((one) => one.name === service && one.hasPackets)
  if (state !== "running" || !hasPackets) return <bdi>{client}</bdi>
  return (
    <a href={Route.format({ page: "packets", service, with: client })} title="Watch the packets of this transfer">
      <bdi>{client}</bdi>
    </a>
  )
}

const FileCell = (transfer: Transfer) => {
  const { direction, file } = transfer
  const { mark, words } = directions[direction]
  return (
    <div class="cell-lines">
      <ClipPath path={file} />
      <span class="muted small clip">
        <span aria-hidden="true">{mark}</span>
        <span class="visually-hidden">{words}</span> <Client {...transfer} />
      </span>
    </div>
  )
}

/** Shows the bytes of a transfer, and where there is room those of the whole file. */
const Amount = ({ bytes, totalBytes }: Transfer) => (
  <span class="nowrap">
    {Format.bytes(bytes)}
    {totalBytes !== undefined && totalBytes !== bytes && (
      <span class="inline-tablet"> of {Format.bytes(totalBytes)}</span>
    )}
  </span>
)

const StateCell = (transfer: Transfer) => {
  const { bytes, bytesPerSecond, file, reason, state, totalBytes } = transfer
  const fraction = Words.fraction(bytes, totalBytes)
  if (state === "running") {
    return (
      <div class="cell-lines">
        <span class="bar-line">
          <Progress of={`Progress of ${file}`} fraction={fraction} />
          <span>{fraction === undefined ? "\u00a0" : Format.percent(fraction)}</span>
        </span>
        <span class="muted small bar-note">
          <Amount {...transfer} />
          <span class="below-tablet">{Format.rate(bytesPerSecond)}</span>
        </span>
      </div>
    )
  }
  return (
    <div class="cell-lines">
      <span>
        <Badge tone={Words.transferTones[state]}>{state}</Badge>{" "}
        <span class="muted small">
          <Amount {...transfer} />
        </span>
      </span>
      {reason !== undefined && (
        <bdi class="small clamp" title={reason}>
          {reason}
        </bdi>
      )}
    </div>
  )
}

const elapsed = ({ endedMillis, startedMillis }: Transfer, atMillis: number) =>
  Math.max(0, (endedMillis ?? atMillis) - startedMillis)

const columnsAt = (atMillis: number): ReadonlyArray<Column<Transfer>> => [
  { title: "File", cell: (row) => <FileCell {...row} />, sortBy: ({ file }) => file },
  {
    title: "Progress",
    cell: (row) => <StateCell {...row} />,
    sortBy: ({ bytes, state, totalBytes }) => (state === "running" ? (Words.fraction(bytes, totalBytes) ?? 0) : 2)
  },
  {
    title: "Rate",
    isNumber: true,
    from: "tablet",
    cell: ({ bytesPerSecond }) => Format.rate(bytesPerSecond),
    sortBy: ({ bytesPerSecond }) => bytesPerSecond
  },
  {
    title: "Resent",
    isNumber: true,
    from: "tablet",
    cell: ({ resent }) => (resent === 0 ? <span class="muted">0</span> : Format.count(resent)),
    sortBy: ({ resent }) => resent
  },
  {
    title: "Time",
    isNumber: true,
    from: "tablet",
    cell: (row) =>
      row.endedMillis === undefined ? Format.age(elapsed(row, atMillis)) : Format.duration(elapsed(row, atMillis)),
    sortBy: (row) => elapsed(row, atMillis)
  },
  {
    title: "Block × window",
    isNumber: true,
    from: "desktop",
    cell: ({ blksize, windowsize }) => `${Format.count(blksize)} × ${windowsize}`,
    sortBy: ({ blksize, windowsize }) => blksize * windowsize
  }
]

/** Shows transfers, in the order of the rows. */
export const TransferTable = (props: { readonly rows: ReadonlyArray<Transfer>; readonly omitted?: number }) => (
  <DataTable
    caption="TFTP transfers"
    isFixed
    columns={columnsAt(usePage().atMillis)}
    rows={props.rows}
    keyOf={({ id, service }) => `${service} ${id}`}
    omitted={props.omitted ?? 0}
  />
)
