/** Payloads of line protocols as text, for summaries of dissectors. Pure. */
import * as TerminalText from "../TerminalText.ts"

/** Bytes of a payload that are read as text. */
const maxTextBytes = 2_048

const maxQuotedChars = 60

/** Decodes the start of a payload as text; undefined if it holds control characters other than line ends and TAB. */
export const decode = (bytes: Uint8Array): string | undefined => {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    // With `stream`, a character that is incomplete at the end is ignored instead of rejected.
    const text = utf8.decode(bytes.subarray(0, maxTextBytes), { stream: true })
    return /[^\P{Cc}\t\r\n\0]/u.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Quotes a text of at most 60 characters, safe to print. */
export const quote = (text: string): string =>
  TerminalText.escape(JSON.stringify(TerminalText.truncate(text, maxQuotedChars).toWellFormed()))

/** Formats a number of bytes: `1 byte`, `2 bytes`. */
const byteCount = (length: number): string => (length === 1 ? "1 byte" : `${length} bytes`)

/** Describes a payload: its text in quotes, or its length. */
export const describe = (bytes: Uint8Array): string => {
  const text = decode(bytes)
  return text === undefined ? byteCount(bytes.length) : quote(text.replace(/\r?\n$/, ""))
}

/** Returns the lines of a text that are not empty. */
export const lines = (text: string): ReadonlyArray<string> => text.split(/\r?\n/).filter((line) => line.trim() !== "")
