/** Text of errors of the operating system, without the form that Node gives them. Pure. */
import type * as PlatformError from "effect/PlatformError"
import * as TerminalText from "./TerminalText.ts"

/** Message of a failed call on a file: `ENOENT: no such file or directory, open '/nosuch'`. */
const fileMessage = /^(E[A-Z0-9]+): (.+?)(?:, [a-z_]+(?: '.*)?)?$/s

/** System errors of sockets: Node's message has the code only, as in `connect ENETDOWN 192.0.2.1:80`. */
const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no route to the host",
  EINVAL: "invalid argument",
  EIO: "input or output failed",
  EMFILE: "too many open files",
  ENETDOWN: "the network is down",
  ENOBUFS: "no buffer space is left",
  ENODEV: "no such device",
  ENOTFOUND: "no such host",
  EPIPE: "the reader has closed the pipe",
  EPROTO: "protocol error"
}

/**
 * Returns why a system call failed, such as `permission denied`, without its code, its name and its arguments. Other
 * errors keep their message. The result is one line without control characters.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (cause: unknown): string => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const [, codeInMessage = "", textInMessage] = fileMessage.exec(message) ?? []
  // An error of another thread has its message only.
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : codeInMessage
  const text = (Object.hasOwn(texts, code) ? texts[code] : undefined) ?? textInMessage
  return TerminalText.escape(text ?? (/^E[A-Z0-9]+$/.test(code) ? `system error ${code}` : message))
}

/**
 * Returns why a call of the platform failed: the text of its system error, or else its message.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatPlatform = ({ message, reason }: PlatformError.PlatformError): string =>
  reason.cause instanceof Error ? format(reason.cause) : message
