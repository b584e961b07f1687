/** A note beside the line of a host, a state or a remark: as a mark, and as a text where it has room. */
import type { Columns } from "./Columns.ts"
import { charsIn, widthOf, wrapText } from "./LabelText.ts"
import { type Note, noteLinePixels } from "./TimeAxis.ts"

/** A note across the diagram: a fault of the network or of a host. */
const Across = ({ columns, note }: { readonly columns: Columns; readonly note: Note }) => {
  const { timePixels, widthPixels } = columns
  const middle = (timePixels + widthPixels) / 2
  const lines = wrapText(note.lines.join(" "), charsIn(widthPixels - timePixels - 24), 2)
  return (
    <g class="note note-fault">
      <path class="note-line" d={`M${timePixels} ${note.positionPixels}H${widthPixels}`} />
      <text text-anchor="middle">
        {lines.map((line, at) => (
          <tspan x={middle} y={note.positionPixels + 15 + at * noteLinePixels} key={at}>
            {line}
          </tspan>
        ))}
      </text>
    </g>
  )
}

/** Mark of a note around a point. Each tone has a form of its own. */
const Mark = (props: { readonly tone: Exclude<Note["tone"], "fault">; readonly x: number; readonly y: number }) => {
  const { tone, x, y } = props
  switch (tone) {
    case "state":
      return <circle class="note-mark" cx={x} cy={y} r={3} />
    case "plain":
      return <circle class="note-mark" cx={x} cy={y} r={4.5} />
    case "warning":
      return <path class="note-mark" d={`M${x} ${y - 7}l7 12h-14z`} />
  }
}

/** Place of the text of a note. */
interface Place {
  readonly x: number
  readonly anchor: "start" | "end"
}

/** Returns the place of a text: outside of two hosts, between many; undefined without room. */
const placeOf = ({ lines }: Note, column: number, { hostPixels, notePixels }: Columns): Place | undefined => {
  const x = hostPixels[column] ?? 0
  const right: Place = { x: x + 13, anchor: "start" }
  if (notePixels > 0) return column === 0 ? { x: x - 13, anchor: "end" } : right
  const [first = 0, second = first] = hostPixels
  return hostPixels.length > 2 && widthOf(lines[0] ?? "") <= second - first - 20 ? right : undefined
}

/** A note of a diagram. Without room, its text is a title, and a state has no mark. */
export const NoteMark = (props: {
  readonly note: Note
  readonly columns: Columns
  readonly hosts: ReadonlyArray<string>
}) => {
  const { columns, note } = props
  const { host, lines, positionPixels: y, tone } = note
  if (tone === "fault") return <Across columns={columns} note={note} />
  const column = props.hosts.indexOf(host)
  const x = columns.hostPixels[column]
  const place = placeOf(note, column, columns)
  if (x === undefined || (place === undefined && tone === "state")) return null
  return (
    <g class={`note note-${tone}`}>
      <Mark tone={tone} x={x} y={y} />
      {place === undefined ? (
        <title>{lines.join(" ")}</title>
      ) : (
        <text y={y + 4} text-anchor={place.anchor}>
          {lines.map((line, at) => (
            <tspan x={place.x} dy={at === 0 ? 0 : noteLinePixels} key={at}>
              {line}
            </tspan>
          ))}
        </text>
      )}
    </g>
  )
}
