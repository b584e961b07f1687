/** Characters and texts of HTTP/1.1 messages (RFC 9110, section 5.6; RFC 9112, section 2). */

/** Tests for a token: the form of methods and of field names. */
export const isToken = (text: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)

/** Tests for characters that a field value may have: no control characters but the tab. */
export const isFieldValue = (text: string): boolean => /^[\t -~\u0080-\u00ff]*$/.test(text)

const hostChars = "[!$&'()*+,;=\\-._~%0-9A-Za-z]"

const authority = new RegExp(`^(?:\\[[0-9A-Fa-f:.]+\\]|${hostChars}+):\\d{1,5}$`)

const target = new RegExp(
  `^(?:/[!"$-~]*|\\*|[A-Za-z]+://(?:[!$&'()*+,;=\\-._~%:0-9A-Za-z]*@)?(?:\\[[0-9A-Fa-f:.]+\\]|${hostChars}+)(?::\\d*)?(?:[/?][!"$-~]*)?)$`
)

const host = new RegExp(`^(?:(?:\\[[0-9A-Fa-f:.]+\\]|${hostChars}*)(?::\\d*)?)$`)

/** Tests for the value of `Host`: a host of RFC 3986 and a port, or nothing (RFC 9110, section 7.2). */
export const isHost = (text: string): boolean => host.test(text)

/**
 * Tests for the forms of a request target: origin, absolute, authority and asterisk (RFC 9112, section 3.2). None has a
 * fragment.
 */
export const isTarget = (method: string, text: string): boolean =>
  method === "CONNECT" ? authority.test(text) : target.test(text)

/** Most arguments of one call: engines limit them. */
const maxArguments = 4_096

/** Decodes bytes as ISO 8859-1, in which each byte is the character of the same number. */
export const decodeLatin1 = (bytes: Uint8Array): string => {
  if (bytes.length <= maxArguments) return String.fromCharCode.apply(undefined, bytes as unknown as Array<number>)
  let text = ""
  for (let at = 0; at < bytes.length; at += maxArguments) text += decodeLatin1(bytes.subarray(at, at + maxArguments))
  return text
}

/** Encodes a text whose characters are all below 256. */
export const encodeLatin1 = (text: string): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return bytes
}

/** Removes spaces and tabs at both ends; other white space is not removed. */
export const trim = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "")

/** Splits a list of elements separated by commas; empty elements are left out. */
export const elementsOf = (value: string): ReadonlyArray<string> =>
  value
    .split(",")
    .map(trim)
    .filter((element) => element !== "")
