/** Texts of the page of a failed run. Pure. */
import type { Kind, PageEvent } from "../../../simulation/explain/html/PageData.ts"

/** The kinds of events as readers see them, in the order of their filters; the end is always shown. */
export const kindNames: Readonly<Record<Exclude<Kind, "end">, string>> = {
  packet: "packets",
  log: "log",
  host: "crashes and restarts",
  link: "links",
  disk: "disks",
  switch: "switches",
  state: "states",
  reached: "reached"
}

/** Formats a time in seconds. */
export const seconds = (nanos: number): string => (nanos / 1e9).toFixed(6)

/** Formats a length of time with a suitable unit. */
export const duration = (nanos: number): string => {
  const [unit, size] = nanos < 1e3 ? ["ns", 1] : nanos < 1e6 ? ["µs", 1e3] : nanos < 1e9 ? ["ms", 1e6] : ["s", 1e9]
  return `${Number((nanos / Number(size)).toPrecision(4))} ${unit}`
}

/** Formats a number with its noun. */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`

/** Formats an event as one line: what a screen reader says, and what the comparison shows. */
export const line = ({ host, kind, text, to }: PageEvent): string => {
  if (kind === "packet") return `${host} to ${to ?? "others"}: ${text}`
  if (kind === "host" || kind === "link" || kind === "end") return text
  return `${host ?? "scenario"}: ${text}`
}

/** Decodes base64. */
export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))

/** Bytes in a line of a dump. */
export const bytesPerLine = 16

/** A line of a dump of bytes. */
export interface DumpLine {
  readonly offset: string
  /** Each byte in hexadecimal digits, and whether the other bytes have another one there. */
  readonly bytes: ReadonlyArray<readonly [hex: string, isDifferent: boolean]>
  readonly text: string
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0")

/** Formats bytes as lines of hexadecimal digits and text, marked where `other` differs. */
export const dump = (bytes: Uint8Array, other?: Uint8Array): ReadonlyArray<DumpLine> =>
  Array.from({ length: Math.ceil(bytes.length / bytesPerLine) }, (_, at) => {
    const start = at * bytesPerLine
    const part = Array.from(bytes.subarray(start, start + bytesPerLine))
    return {
      offset: hex(start, 4),
      bytes: part.map((byte, index) => [hex(byte, 2), other !== undefined && other[start + index] !== byte] as const),
      text: part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("")
    }
  })
