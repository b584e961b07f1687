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

/** Returns the forms of a label from the longest to the shortest: the whole line, its part before a comma, the kind. */
export const formsOf = (label: string, kind: string): ReadonlyArray<string> => [
  label,
  label.split(",", 1)[0] ?? label,
  kind
]

/**
 * Returns the first form of a label that fits into a width, or the beginning of its kind. An outcome, which is written
 * after it, has its room.
 */
export const labelOf = (forms: ReadonlyArray<string>, outcome: string, pixels: number): string => {
  const room = pixels - (outcome === "" ? 0 : widthOf(` · ${outcome}`))
  return (
    forms.find((form) => form !== "" && widthOf(form) <= room) ??
    beginningOf(forms.findLast((form) => form !== "") ?? "", room)
  )
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
