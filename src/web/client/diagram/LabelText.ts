/** The texts of a diagram, cut and wrapped to fit by an estimate of their width. Pure. */

/** Average width of a character at the size of the diagram's texts; an upper estimate for words. */
const characterPixels = 6.5

/** Width of a note beside the line of a host, in characters. */
export const noteChars = 25

const truncate = (text: string, chars: number): string => {
  const characters = Array.from(text)
  return characters.length <= chars ? text : `${characters.slice(0, Math.max(0, chars - 1)).join("")}…`
}

/** Returns the estimated width of a text. */
export const widthOf = (text: string): number => Array.from(text).length * characterPixels

/** Returns the number of characters that fit into a width, at least 1. */
export const charsIn = (pixels: number): number => Math.max(1, Math.floor(pixels / characterPixels))

/** Returns the beginning of a text that fits into a width. */
export const beginningOf = (text: string, pixels: number): string => truncate(text, charsIn(pixels))

/** A label with a part after a comma that can be left out, such as `DATA block 3, 512 bytes`, and its kind. */
export interface Label {
  readonly label: string
  readonly kind: string
}

/** The part of a label before its first comma, but for commas within quotes. */
const beforeComma = /^(?:"[^"]*"|[^,"])+/

/** Characters after the kind of a packet from which the beginning of its label says more than the kind alone. */
const minCutChars = 4

/**
 * Returns the longest form of a label that fits into a width.
 *
 * The forms are the whole line, the line up to its first comma, the beginning of that, and the kind; a `short` one has
 * no comma. An outcome, which is written after it, has its room.
 */
export const labelOf = ({ kind, label }: Label, outcome: string, pixels: number, short = false): string => {
  const room = pixels - (outcome === "" ? 0 : widthOf(` · ${outcome}`))
  const main = beforeComma.exec(label)?.[0] ?? label
  const whole = (short ? [main] : [label, main]).find((form) => form !== "" && widthOf(form) <= room)
  if (whole !== undefined) return whole
  const cut = beginningOf(main, room)
  return kind === "" || cut.length >= kind.length + minCutChars ? cut : beginningOf(kind, room)
}

/** Wraps a text at its blanks into lines of at most `chars` characters; the last of too many lines is cut. */
export const wrapText = (text: string, chars: number, maxLines: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/\s+/).filter((word) => word !== "")) {
    const longer = line === "" ? word : `${line} ${word}`
    if (Array.from(longer).length <= chars || line === "") line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  if (line !== "") lines.push(line)
  if (lines.length <= maxLines) return lines.map((line) => truncate(line, chars))
  const rest = lines.slice(maxLines - 1).join(" ")
  return [...lines.slice(0, maxLines - 1).map((line) => truncate(line, chars)), truncate(rest, chars)]
}
