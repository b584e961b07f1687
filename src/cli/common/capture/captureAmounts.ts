/** Parsers of the limits of a capture, such as `files=5,size=10M`. Pure. */
import * as ServerConfig from "../../../network/ServerConfig.ts"
import * as parse from "../flagParsers.ts"

/** Limits of a file, or of a whole capture. */
export interface Amounts {
  readonly size?: number | undefined
  readonly time?: NonNullable<ReturnType<typeof ServerConfig.parseDuration>> | undefined
  readonly packets?: number | undefined
}

/** Limits of each file of a ring, and the number of files that are kept. */
export interface Ring extends Amounts {
  readonly files?: number | undefined
}

const count = parse.integer(1, Number.MAX_SAFE_INTEGER)

/** Parses a size above 0; `10MiB` is `10M`. */
const size = (text: string) => {
  const bytes = parse.bytes(text.replace(/iB$/i, ""))
  return bytes === 0 ? undefined : bytes
}

/** Parses a time above 0. */
const time = (text: string) => {
  const duration = ServerConfig.parseDuration(text)
  return duration === undefined || /^0+(\D|$)/.test(text) ? undefined : duration
}

/** Parses amounts by their names, each at most once and in any order; a colon is an equals sign, as in dumpcap. */
const parseAmounts = (text: string, parsers: Readonly<Record<string, (text: string) => unknown>>) => {
  const values: Record<string, unknown> = {}
  for (const part of text.split(",")) {
    const [, name = "", given = ""] = /^\s*([a-z]+)[=:](\S+)\s*$/.exec(part) ?? []
    const value = Object.hasOwn(parsers, name) && values[name] === undefined ? parsers[name]!(given) : undefined
    if (value === undefined) return undefined
    values[name] = value
  }
  return values
}

/** Parses the limits of a whole capture, at least one. */
export const stop = (text: string): Amounts | undefined => parseAmounts(text, { size, time, packets: count })

/** Parses the limits of the files of a ring. One of them must fill a file, else there would be only one. */
export const ring = (text: string): Ring | undefined => {
  const parsed: Ring | undefined = parseAmounts(text, { files: count, size, time, packets: count })
  const { packets, size: bytes, time: duration } = parsed ?? {}
  return packets === undefined && bytes === undefined && duration === undefined ? undefined : parsed
}
