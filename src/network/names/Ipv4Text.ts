/**
 * IPv4 addresses in all forms of `inet_aton`: one to four numbers, each decimal, octal or hexadecimal.
 *
 * **Example** (Short and hexadecimal forms)
 *
 * ```ts
 * import * as NetAddress from "effect/net/NetAddress"
 * import * as Result from "effect/Result"
 * import { Ipv4Text } from "effect-inet/network"
 *
 * const format = (text: string) => Result.getOrThrow(Result.map(Ipv4Text.parse(text), NetAddress.formatIp))
 * format("127.1") // => "127.0.0.1"
 * format("0x7f.1") // => "127.0.0.1"
 * format("0300.0250.1") // => "192.168.0.1"
 * ```
 */
import * as Data from "effect/Data"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as TerminalText from "../TerminalText.ts"

/** A text that `inet_aton` does not accept. @category errors @since 0.1.0 */
export class Ipv4TextError extends Data.TaggedError("Ipv4TextError")<{ readonly text: string; readonly why: string }> {
  override get message(): string {
    return `${TerminalText.escape(JSON.stringify(this.text))} is not an IPv4 address: ${this.why}`
  }
}

/** Parses a number as `strtoul` with base 0 does: octal after `0`, hexadecimal after `0x`. */
const parseNumber = (text: string): number | undefined => {
  if (/^0x[\da-f]+$/i.test(text)) return Number.parseInt(text.slice(2), 16)
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8)
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined
}

const maxParts = 4
const maxOctetValue = 0xff

/**
 * Parses `a.b.c.d`, `a.b.c`, `a.b` or `a`: the last number fills the remaining bytes. Fails with `Ipv4TextError`.
 *
 * Unlike `inet_aton`, and like `getaddrinfo`, nothing may follow the address.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<NetAddress.Ipv4Address, Ipv4TextError> => {
  const fail = (why: string) => Result.fail(new Ipv4TextError({ text, why }))
  const parts = text.split(".")
  if (parts.length > maxParts) return fail(`${parts.length} numbers, at most ${maxParts}`)
  const numbers = parts.map(parseNumber)
  const wrong = parts[numbers.indexOf(undefined)]
  if (wrong !== undefined) {
    const forms = "write decimal, octal after 0, or hexadecimal after 0x"
    return fail(`${TerminalText.escape(JSON.stringify(wrong))} is not a number; ${forms}`)
  }
  const leading = numbers.slice(0, -1) as ReadonlyArray<number>
  const last = numbers.at(-1)!
  const maxLast = 256 ** (maxParts - leading.length) - 1
  const large = leading.find((number) => number > maxOctetValue)
  if (large !== undefined) return fail(`${large} is too large (at most ${maxOctetValue})`)
  if (last > maxLast) return fail(`the last number is too large (${parts.at(-1)}, at most ${maxLast})`)
  const value = leading.reduce((sum, number, at) => sum + number * 256 ** (maxParts - 1 - at), last)
  return Result.succeed(
    NetAddress.ipv4FromBytesUnsafe(
      Uint8Array.of(value / 2 ** 24, (value / 2 ** 16) & 255, (value / 2 ** 8) & 255, value & 255)
    )
  )
}
