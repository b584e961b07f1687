/** Rules "decode this port as that protocol", as in Wireshark: `6969=tftp`, `tcp/8081=http`. Pure. */
import * as Result from "effect/Result"

/** Rule that packets from or to a port are of a protocol. @category models @since 0.1.0 */
export interface Rule {
  /** Both if undefined. */
  readonly transport?: "udp" | "tcp" | undefined
  readonly port: number
  /** Name of a dissector. */
  readonly protocol: string
}

/** Parses a rule; a failure is the reason, as one line. @category decoding @since 0.1.0 */
export const parse = (text: string, protocols: ReadonlyArray<string>): Result.Result<Rule, string> => {
  const parts = /^(?:(udp|tcp)\/)?([0-9]{1,5})=([a-z0-9]+)$/.exec(text.trim())
  if (parts === null)
    return Result.fail(`cannot decode as ${JSON.stringify(text)}: not a rule; write PORT=PROTOCOL, such as 6969=tftp`)
  const [, transport, digits, protocol] = parts
  const port = Number(digits)
  if (port < 1 || port > 65_535)
    return Result.fail(`cannot decode as ${JSON.stringify(text)}: port ${port} is not one (1 to 65535)`)
  if (!protocols.includes(protocol!))
    return Result.fail(`cannot decode as ${JSON.stringify(text)}: unknown protocol; one of ${protocols.join(", ")}`)
  return Result.succeed({ transport: transport as Rule["transport"], port, protocol: protocol! })
}

/** Formats a rule as text that parses to it. @category formatting @since 0.1.0 */
export const format = ({ port, protocol, transport }: Rule): string =>
  `${transport === undefined ? "" : `${transport}/`}${port}=${protocol}`
