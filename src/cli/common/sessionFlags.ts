/** Flags of `connect` and `listen`. */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as flags from "./flags.ts"

/** Creates a flag that is off by default. It takes no value from the next argument, which may be the port 0 or 1. */
export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withOptionalValue("true"), Flag.withDescription(description), Flag.withDefault(false))

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.optional,
    Flag.map(Option.getOrUndefined)
  )

export const sessionFlags = {
  udp: toggle("udp", "UDP instead of TCP: each chunk of the input, such as a line, is a datagram"),
  unix: text("unix", "PATH", "A unix socket instead of HOST and PORT"),
  crlf: toggle("crlf", "Send CR LF for each LF of the input"),
  halfClose: toggle(
    "half-close",
    "Send the end of the input as FIN, and end when both sides have (default: end when the peer does)"
  ),
  exec: text("exec", "COMMAND", "Run a command, without a shell: the connection is its standard input and output"),
  hex: toggle("hex", "Dump the bytes of both directions on standard error"),
  timeout: flags.duration(
    undefined,
    "timeout",
    "Time to connect, and the longest time without data, after which the command ends (default 30s, and unlimited)"
  ),
  json: toggle("json", "Print JSON, one value per line")
}
