/** Flags of `connect` and `listen`. */
import * as flags from "./flags.ts"

/** Returns the flags of a session. */
export const sessionFlags = (section: string) => ({
  udp: flags.toggleBeforePort(
    section,
    "udp",
    "UDP instead of TCP: each chunk of the input, such as a line, is a datagram"
  ),
  unix: flags.optionalText(section, "unix", "PATH", "A unix socket instead of HOST and PORT"),
  crlf: flags.toggleBeforePort(section, "crlf", "Send CR LF for each LF of the input"),
  halfClose: flags.toggleBeforePort(
    section,
    "half-close",
    "Send the end of the input as FIN, and end when both sides have (default: end when the peer does)"
  ),
  exec: flags.optionalText(
    section,
    "exec",
    "COMMAND",
    "Run a command, without a shell: the connection is its standard input and output"
  ),
  hex: flags.toggleBeforePort(section, "hex", "Dump the bytes of both directions on standard error"),
  timeout: flags.duration(
    section,
    "timeout",
    "Time to connect, and the longest time without data, after which the command ends (default 30s, and unlimited)"
  ),
  json: flags.toggleBeforePort(section, "json", "Print JSON, one value per line")
})
