/** Parsers of the values of flags, of environment variables and of a configuration file. Pure; undefined is invalid. */
import * as ByteSize from "effect/ByteSize"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/** Returns a parser of whole numbers within limits. */
export const integer = (minimum: number, maximum: number) => (text: string) => {
  const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return number >= minimum && number <= maximum ? number : undefined
}

/** A host name or address, and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

const parsePort = integer(0, 65_535)

/** Parses `HOST:PORT`, where an IPv6 address is in brackets. */
export const endpoint = (text: string): Endpoint | undefined => {
  const [, literal, name, digits = ""] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const port = parsePort(digits)
  return port === undefined ? undefined : { host: (literal ?? name)!, port }
}

/** Parses an IP literal; one of IPv6 may have a zone. */
export const ipAddress = (text: string) => {
  const literal = text.includes(":") ? text.replace(/%[^%]+$/, "") : text
  return Result.isSuccess(NetAddress.ipFromString(literal)) ? text : undefined
}

/** Parses a size in bytes, with units of 1,024. */
export const bytes = (text: string) =>
  /^\d{1,15}[KMGT]?$/i.test(text)
    ? ByteSize.fromString(`${text.toUpperCase()}${/\d$/.test(text) ? "" : "i"}B`).pipe(
        Option.flatMap(ByteSize.toNumber),
        Option.getOrUndefined
      )
    : undefined

/** Parses a fraction from 0 to 1, as a percentage or a number: 5%, 0.05. */
export const fraction = (text: string) => {
  const [, digits, percent] = /^(\d{1,3}(?:\.\d{1,9})?|\.\d{1,9})(%?)$/.exec(text) ?? []
  const value = digits === undefined ? Number.NaN : Number(digits) / (percent === "%" ? 100 : 1)
  return value <= 1 ? value : undefined
}

/** Parses a switch. The words are those of `Config.Boolean`. */
export const toggle = (text: string) =>
  /^(true|yes|on|1|y)$/.test(text) ? true : /^(false|no|off|0|n)$/.test(text) ? false : undefined

/** Parses the permissions of a file as chmod(1) takes them: three or four octal digits. */
export const fileMode = (text: string) => (/^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : undefined)

/** Parses the umask of a process as umask(1) takes it: one to four octal digits. */
export const umask = (text: string) => (/^0?[0-7]{1,3}$/.test(text) ? Number.parseInt(text, 8) : undefined)

/** Returns a parser of one of several words. */
export const choice =
  <A extends string>(choices: ReadonlyArray<A>) =>
  (text: string) =>
    choices.find((one) => one === text)

/** Returns a parser of several words, separated by commas. */
export const words =
  <A extends string>(choices: ReadonlyArray<A>) =>
  (text: string) => {
    const found = text.split(",").map((one) => choice(choices)(one.trim()))
    return found.every((one) => one !== undefined) ? found : undefined
  }
