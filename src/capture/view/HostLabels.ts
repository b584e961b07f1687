/** Labels of the columns of a diagram: short, and distinct if the names are. Pure. */

/** Labels, and a legend if they are only numbers. */
export interface HostLabels {
  readonly labels: ReadonlyArray<string>
  /** Lines that say what the labels stand for; empty if the labels tell it. */
  readonly legend: ReadonlyArray<string>
}

const areDistinct = (labels: ReadonlyArray<string>) => new Set(labels).size === labels.length

/** Keeps the first `head` characters and as many of the end as fit, with an ellipsis between them. */
const shorten = (name: string, width: number, head: number) => {
  const characters = Array.from(name)
  if (characters.length <= width) return name
  const tail = Math.max(0, width - 1 - head)
  return `${characters.slice(0, head).join("")}…${characters.slice(characters.length - tail).join("")}`
}

/** Splits a line at a width. */
const wrap = (line: string, width: number): ReadonlyArray<string> => {
  const characters = Array.from(line)
  const lines: Array<string> = []
  for (let at = 0; at < characters.length; at += width) lines.push(characters.slice(at, at + width).join(""))
  return lines
}

/**
 * Shortens distinct names to `width` columns. What they share at the start is cut first, since hosts of one network and
 * ports of one host differ at the end; then what they share in the middle or at the end; and if nothing tells them
 * apart, they are numbered, with a legend of at most `legendWidth` columns.
 */
export const make = (names: ReadonlyArray<string>, width: number, legendWidth: number): HostLabels => {
  for (let head = 0; head < width; head++) {
    const labels = names.map((name) => shorten(name, width, head))
    if (areDistinct(labels)) return { labels, legend: [] }
  }
  return {
    labels: names.map((_, at) => `${at + 1}`),
    legend: names.flatMap((name, at) => wrap(`${at + 1} = ${name}`, legendWidth))
  }
}
