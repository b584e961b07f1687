/** Sequence diagram as SVG, for a page that has the styles of `Svg`. Pure. */
import type { Layout, Row } from "./DiagramLayout.ts"
import { formatSeconds } from "./DiagramLayout.ts"
import * as HostLabels from "./HostLabels.ts"
import { escapeMarkup } from "./Xml.ts"

const size = { row: 34, top: 36, time: 92, host: 168 }

/** Width of a character of a label. */
const characterPixels = 7.3

/** Maximum width of the label of a host in characters. */
const hostChars = 22

/** Maximum width of the label of a packet in characters. */
const labelChars = 64

const truncate = (text: string) => {
  const characters = Array.from(text)
  return characters.length <= labelChars ? text : `${characters.slice(0, labelChars - 1).join("")}…`
}

const middleOf = (host: number) => size.time + host * size.host + size.host / 2

const drawRow = (row: Row, y: number, right: number): string => {
  if ("omitted" in row) {
    const noun = row.omitted === 1 ? "packet" : "packets"
    return `<text class="dim" x="${(size.time + right) / 2}" y="${y + 4}" text-anchor="middle">${row.omitted} ${noun} omitted</text>`
  }
  const [start, whole] = [middleOf(row.from), middleOf(row.to)]
  const end = row.lost ? (start + whole) / 2 : whole
  const back = end >= start ? -7 : 7
  const head =
    start === whole
      ? `<circle class="line" cx="${start}" cy="${y}" r="4"/>`
      : row.lost
        ? `<path class="bad" stroke-width="2" d="M${end - 4} ${y - 4}l8 8m0-8l-8 8"/>`
        : `<path class="ink" d="M${end} ${y}l${back}-4v8z"/>`
  return [
    `<text class="dim" x="${size.time - 14}" y="${y + 4}" text-anchor="end">${formatSeconds(row.sinceStartNanos)}</text>`,
    start === whole ? "" : `<path class="line" d="M${start} ${y}H${end}"/>`,
    head,
    `<text class="halo ${row.isMarked ? "mark" : "ink"}" x="${Math.min(start, whole) + 10}" y="${y - 6}">${escapeMarkup(truncate(row.label))}</text>`
  ].join("")
}

/** Draws the hosts as columns and the packets as arrows, with the times to the left and the labels above the arrows. */
export const draw = ({ hosts, rows }: Layout): string => {
  const right = size.time + hosts.length * size.host
  const height = size.top + rows.length * size.row + 12
  const ends = rows.map((row) =>
    "omitted" in row ? 0 : middleOf(Math.min(row.from, row.to)) + 20 + truncate(row.label).length * characterPixels
  )
  const width = Math.ceil(Math.max(right, ...ends))
  const { labels } = HostLabels.make(hosts, hostChars, hostChars)
  const columns = hosts.flatMap((host, at) => [
    `<text class="ink" x="${middleOf(at)}" y="20" text-anchor="middle">${escapeMarkup(labels[at]!)}<title>${escapeMarkup(host)}</title></text>`,
    `<path class="grid" d="M${middleOf(at)} 28V${height}"/>`
  ])
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="ui-monospace, monospace" font-size="12">`,
    "<title>Sequence diagram</title>",
    ...columns,
    ...rows.map((row, at) => drawRow(row, size.top + at * size.row + size.row * 0.7, right)),
    "</svg>"
  ].join("\n")
}
